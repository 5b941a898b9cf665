/** The forms of a first start: the fields every adapter has, with an answer in each that most people can leave. */
import { getRepositoryAdapter, getSourceAdapter, REPOSITORY_ADAPTERS, SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { SCHEDULE_PRESETS } from '@holdfast/shared/domain/schedule.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { createPlan } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { createRepository, initRepository, testRepository } from '../../../core/repositories/repositories.ts';
import { createSource } from '../../../core/sources/sources.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Visit } from '../../http/route.ts';
import type { Field } from '../../ui/form.ts';
import {
  type FormValues,
  findAdapterProblem,
  listDefaults,
  readAdapterForm,
  readTypedValues,
  toAdapterSections,
} from '../forms/adapter-form.ts';
import { type FormProblem, hasProblem, mergeProblems, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readList, readText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { checkPolicyChoice, findUsualPolicy } from '../plans/plan-retention.ts';
import { findSchedule } from '../plans/plan-schedule.ts';
import { askSourceTest, findAdvice } from '../sources/source-test.ts';
import type { TestResultView } from '../sources/source-test.view.ts';
import type { OpenStep } from './welcome.view.ts';
import type { WelcomeProgress } from './welcome-progress.ts';

/** What came of a posted step: nothing is wrong, or why the form comes back. */
export type Outcome = { done: string } | { problem: FormProblem; test?: TestResultView | undefined };

/** The form as it was sent, when it was refused. */
export type Refused = Extract<Outcome, { problem: FormProblem }>;

const SOURCE_DEFAULTS: Readonly<Record<string, { name: string; values: FormValues }>> = {
  files: { name: 'etc', values: { paths: ['/etc'] } },
};
const REPOSITORY_DEFAULTS: Readonly<Record<string, { name: string; values: FormValues }>> = {
  local: { name: 'local', values: { path: '/var/backups/holdfast' } },
};
const NO_DEFAULTS = { name: '', values: {} };
/** Sources offered to the first plan; more are added to it later. */
const SOURCES_OFFERED = 20;

function nameField(value: string, error: string | undefined, help: string): Field {
  return { name: 'name', label: 'Name', kind: 'text', required: true, value, error, help };
}

type FormStep = Extract<OpenStep, { kind: 'form' }>;
type Adapter = { kind: string; label: string; fields: Parameters<typeof listDefaults>[0] };

/** The chosen kind; the first way of most people unless the address names another. */
function chooseKind<T extends Adapter>(adapters: readonly T[], visit: Visit, usual: string): T {
  const wanted = findText(visit.query, 'kind') ?? usual;
  const found = adapters.find(({ kind }) => kind === wanted) ?? adapters.find(({ kind }) => kind === usual);
  if (found === undefined) throw new AppError('not_found', 'there is no such kind');
  return found;
}

const chooseSourceKind = (visit: Visit) => chooseKind(SOURCE_ADAPTERS, visit, 'files');
const chooseRepositoryKind = (visit: Visit) => chooseKind(REPOSITORY_ADAPTERS, visit, 'local');

function fillAdapterForm(
  visit: Visit,
  adapter: Adapter,
  usual: { name: string; values: FormValues },
  refused: Refused | undefined,
) {
  const isTyped = refused !== undefined;
  const values = isTyped ? readTypedValues(adapter.fields, visit.form) : { ...listDefaults(adapter.fields), ...usual.values };
  const problem = refused?.problem ?? NO_PROBLEM;
  return {
    name: isTyped ? readText(visit.form, 'name') : usual.name,
    sections: toAdapterSections(adapter.fields, { values, stored: [], problem }),
    problem,
  };
}

function listKinds(adapters: readonly Adapter[], chosen: string, hrefOf: (kind: string) => string): FormStep['kinds'] {
  return adapters.map(({ kind, label }) => ({ label, href: hrefOf(kind), isChosen: kind === chosen }));
}

export function buildSourceForm(visit: Visit, host: { id: string; name: string }, refused?: Refused): FormStep {
  const { urls } = visit;
  const adapter = chooseSourceKind(visit);
  const { name, sections, problem } = fillAdapterForm(visit, adapter, SOURCE_DEFAULTS[adapter.kind] ?? NO_DEFAULTS, refused);
  return {
    kind: 'form',
    intro: `What of ${host.name} is to be protected? It is read by the agent there, and tried out before it is saved.`,
    action: urls.welcomeStep({ step: 'source' }, { kind: adapter.kind }),
    submit: 'Try it and save',
    kinds: listKinds(SOURCE_ADAPTERS, adapter.kind, (kind) => urls.welcomeStep({ step: 'source' }, { kind })),
    sections: [{ fields: [nameField(name, problem.fields['name'], 'What it is called here, such as shop.')] }, ...sections],
    problem: problem.text,
    test: refused?.test,
    fullHref: urls.addSource({ host: host.id, kind: adapter.kind }),
  };
}

/** What the adapter and the name's own rule say together, before anything is asked. */
function checkForm(visit: Visit, adapter: Adapter): { name: string } | Refused {
  const name = nameSchema.safeParse(readText(visit.form, 'name'));
  const own: FormProblem = name.success ? NO_PROBLEM : { fields: { name: name.error.issues[0]?.message ?? 'is not a name' } };
  const problem = mergeProblems(own, findAdapterProblem(adapter.fields, visit.form, []));
  return name.success && !hasProblem(problem) ? { name: name.data } : { problem };
}

export async function saveSource(context: CoreContext, visit: Visit, host: { id: HostId }): Promise<Outcome> {
  const adapter = getSourceAdapter(chooseSourceKind(visit).kind);
  const checked = checkForm(visit, adapter);
  if ('problem' in checked) return checked;
  const input = { ...readAdapterForm(adapter.fields, visit.form), host: host.id, kind: adapter.kind };
  try {
    const { view, problem } = await askSourceTest(context, visit.caller, input, adapter.fields);
    if (view.state !== 'ready') return { problem, test: view };
    const source = await createSource(context, visit.caller, { ...input, name: checked.name });
    return { done: `${source.name} works, and is saved.` };
  } catch (thrown) {
    return { problem: toFormProblem(thrown) };
  }
}

export function buildRepositoryForm(visit: Visit, host: { name: string }, refused?: Refused): FormStep {
  const { urls } = visit;
  const adapter = chooseRepositoryKind(visit);
  const { name, sections, problem } = fillAdapterForm(visit, adapter, REPOSITORY_DEFAULTS[adapter.kind] ?? NO_DEFAULTS, refused);
  return {
    kind: 'form',
    intro: `Where do the backups go? ${host.name} writes there itself; if there is no repository yet, it is created.`,
    action: urls.welcomeStep({ step: 'repository' }, { kind: adapter.kind }),
    submit: 'Open it, or create it there',
    kinds: listKinds(REPOSITORY_ADAPTERS, adapter.kind, (kind) => urls.welcomeStep({ step: 'repository' }, { kind })),
    sections: [{ fields: [nameField(name, problem.fields['name'], 'What it is called here, such as s3-eu.')] }, ...sections],
    problem: problem.text,
    test: refused?.test,
    warning: 'Keep the repository password somewhere else as well: without it nothing can be restored, by nobody.',
    fullHref: urls.addRepository({ kind: adapter.kind }),
  };
}

/** Opens a saved repository from the host, and creates it where there is none. */
export async function openRepository(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  host: { id: HostId },
): Promise<Outcome> {
  try {
    const question = { repository: repository.id, host: host.id };
    const { state, message, reason } = await testRepository(context, visit.caller, question);
    if (state === 'failed') return { problem: NO_PROBLEM, test: refuse(message, reason) };
    if (state === 'missing') await initRepository(context, visit.caller, question);
    return { done: state === 'missing' ? `${repository.name} is created.` : `${repository.name} is there and opens.` };
  } catch (thrown) {
    return { problem: NO_PROBLEM, test: refuse(toFormProblem(thrown).text ?? 'it could not be opened', undefined) };
  }
}

function refuse(words: string, reason: string | undefined): TestResultView {
  return { state: 'refused', sentence: 'It does not work from this host.', words, advice: findAdvice(reason) };
}

export async function saveRepository(context: CoreContext, visit: Visit, host: { id: HostId }): Promise<Outcome> {
  const adapter = getRepositoryAdapter(chooseRepositoryKind(visit).kind);
  const checked = checkForm(visit, adapter);
  if ('problem' in checked) return checked;
  const input = { ...readAdapterForm(adapter.fields, visit.form), kind: adapter.kind };
  try {
    // Asked first, so that nothing is saved that the host cannot reach.
    const { state, message, reason } = await testRepository(context, visit.caller, { ...input, host: host.id });
    if (state === 'failed') return { problem: NO_PROBLEM, test: refuse(message, reason) };
    const repository = await createRepository(context, visit.caller, { ...input, name: checked.name });
    return openRepository(context, visit, repository, host);
  } catch (thrown) {
    return { problem: toFormProblem(thrown) };
  }
}

export function buildPlanForm(visit: Visit, progress: WelcomeProgress, refused?: Refused): FormStep {
  const { urls, form } = visit;
  const offered = progress.sources.slice(0, SOURCES_OFFERED);
  const errors = refused?.problem.fields ?? {};
  const repository = progress.repository;
  return {
    kind: 'form',
    intro: `Backed up to ${repository?.name ?? 'the repository'}, and kept as usual: the host fires by itself, also while this server is away.`,
    action: urls.welcomeStep({ step: 'plan' }),
    submit: 'Make the plan',
    kinds: [],
    sections: [
      {
        fields: [
          {
            name: 'sources',
            label: 'Sources',
            kind: 'multiselect',
            value: refused === undefined ? offered.map(({ id }) => id) : readList(form, 'sources'),
            options: offered.map(({ id, name }) => ({ value: id, label: name })),
            error: errors['sources'],
          },
          {
            name: 'preset',
            label: 'When',
            kind: 'select',
            required: true,
            value: refused === undefined ? 'daily' : readText(form, 'preset'),
            options: SCHEDULE_PRESETS.map(({ name, label }) => ({ value: name, label })),
            help: `In the time zone ${visit.frame.zone ?? 'UTC'}.`,
          },
          nameField(refused === undefined ? 'daily' : readText(form, 'name'), errors['name'], 'How the plan is called here.'),
        ],
      },
    ],
    problem: refused?.problem.text,
    fullHref: urls.addPlan({ sources: offered.map(({ id }) => id), repository: repository?.id }),
  };
}

export async function savePlan(context: CoreContext, visit: Visit, progress: WelcomeProgress): Promise<Outcome> {
  const { form, frame } = visit;
  const name = nameSchema.safeParse(readText(form, 'name'));
  const wanted = readList(form, 'sources')
    .slice(0, SOURCES_OFFERED)
    .map((text) => findId(text, idSchema('source')));
  const sources = [...new Set(wanted.filter((id) => id !== undefined))];
  const fields = {
    ...(name.success ? {} : { name: name.error.issues[0]?.message ?? 'is needed' }),
    ...(sources.length > 0 ? {} : { sources: 'choose at least one source' }),
  };
  if (!name.success || sources.length === 0 || progress.repository === undefined) return { problem: { fields } };
  const preset = SCHEDULE_PRESETS.find((one) => one.name === readText(form, 'preset'))?.name ?? 'daily';
  try {
    const retention = checkPolicyChoice(await findUsualPolicy(context, visit));
    const plan = await createPlan(context, visit.caller, {
      name: name.data,
      repository: progress.repository.id,
      sources,
      schedule: findSchedule({ preset, cron: '', zone: frame.zone ?? 'UTC' }),
      retentionPolicy: 'policy' in retention ? retention.policy : undefined,
    });
    return { done: `The plan “${plan.name}” is made.` };
  } catch (thrown) {
    return { problem: toFormProblem(thrown) };
  }
}
