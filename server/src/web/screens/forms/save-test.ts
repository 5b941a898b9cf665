/** What stands before saving a source or a repository: its host is asked, unless nothing changed that a test tries, or a person saves it anyway. */
import type { HostView } from '../../../core/hosts/hosts.ts';
import { type Html, html } from '../../html.ts';
import type { Visit } from '../../http/route.ts';
import type { TestAnswer } from '../sources/source-test.ts';
import { type SaveAnyway, TEST_RESULT_ID, type TestResultView } from '../sources/source-test.view.ts';
import type { FormProblem } from './form-problem.ts';
import { readText } from './form-values.ts';

/** What a form that was not saved shows of it. */
export interface Unsaved {
  problem: FormProblem;
  lead: Html | undefined;
  test: TestResultView | undefined;
  /** Undefined where the form itself has to be mended first. */
  anyway: SaveAnyway | undefined;
}

/** `untested`: a person took it upon themselves; `unchanged`: there was nothing to ask about. */
export type BeforeSave<A extends TestAnswer> =
  | { go: 'tested'; answer: A }
  | { go: 'untested' }
  | { go: 'unchanged' }
  | { go: 'stop'; unsaved: Unsaved };

export async function tryBeforeSaving<A extends TestAnswer>(
  form: Visit['form'],
  host: Pick<HostView, 'name'>,
  isChanged: boolean,
  ask: () => Promise<A>,
): Promise<BeforeSave<A>> {
  if (!isChanged) return { go: 'unchanged' };
  if (readText(form, 'anyway') !== '') return { go: 'untested' };
  const answer = await ask();
  const { view: test, problem } = answer;
  if (test.state === 'ready' || test.state === 'missing') return { go: 'tested', answer };
  if (Object.keys(problem.fields).length > 0)
    return { go: 'stop', unsaved: { problem, test: undefined, lead: undefined, anyway: undefined } };
  const why =
    test.state === 'refused'
      ? 'Backups fail until it works.'
      : `${host.name} could not be asked: test it on its page once it can.`;
  const lead = html`Not saved: ${test.state === 'refused' ? `it does not work from ${host.name}` : `${host.name} could not be asked`}. <a href="${`#${TEST_RESULT_ID}`}">What came of the test</a> stands above the buttons.`;
  return { go: 'stop', unsaved: { problem: { fields: {} }, test, lead, anyway: { isTicked: false, why } } };
}

/** Offered before anything was asked, where it is known that there will be no answer. */
export function offerUntested(host: Pick<HostView, 'name' | 'standing'>): SaveAnyway | undefined {
  if (host.standing === 'online') return undefined;
  return { isTicked: false, why: `${host.name} is not connected and cannot test it now: test it on its page once it can.` };
}

/** The tick as it was sent, for a form that comes back for another reason. */
export function keepTick(form: Visit['form'], host: Pick<HostView, 'name' | 'standing'>): SaveAnyway | undefined {
  if (readText(form, 'anyway') === '') return offerUntested(host);
  return { isTicked: true, why: 'It is saved without a test.' };
}

const WARNING_CHARS = 200;

/** How a saved one is spoken of: `app works and is saved.` */
export function saySaved(name: string, before: Exclude<BeforeSave<TestAnswer>, { go: 'stop' }>): string {
  if (before.go === 'untested') return `${name} is saved, untested. Test it here before you rely on it.`;
  if (before.go === 'unchanged' || before.answer.view.state === 'missing') return `${name} is saved.`;
  const [warning] = before.answer.view.warnings ?? [];
  return `${name} works and is saved.${warning === undefined ? '' : ` The test warns: ${warning.slice(0, WARNING_CHARS)}`}`;
}
