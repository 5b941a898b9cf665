/** What a test of a source or a repository said, in the tool's own words; the part that a test puts in place. */
import { type Html, html } from '../../html.ts';
import { button } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { formField } from '../../ui/form.ts';
import { formatBytes, formatDuration } from '../../ui/quantity.ts';

export const TEST_RESULT_ID = 'test-result';

/** `ready`: it works; `refused`: the other side or the tool said no; `unasked`: the question could not be put. */
export interface TestResultView {
  state: 'ready' | 'missing' | 'refused' | 'unasked';
  /** The answer as a sentence. */
  sentence: string;
  /** The tool's own words. */
  words?: string | undefined;
  advice?: string | undefined;
  warnings?: readonly string[] | undefined;
  serverVersion?: string | undefined;
  sizeBytes?: number | undefined;
  latencyMs?: number | undefined;
  /** What can be done about it right here. */
  action?: Html | undefined;
}

/** The place of the result; empty until something was asked. Announced politely; a live update around it leaves it alone. */
export function testResult(view: TestResultView | undefined): Html {
  return html`<div id="${TEST_RESULT_ID}" class="stack" role="status" aria-live="polite" hx-morph-skip>${view !== undefined && resultBody(view)}</div>`;
}

/** The same within a form that takes its own place when it is refused. */
export function formTestResult(view: TestResultView | undefined): Html {
  return html`<div id="${TEST_RESULT_ID}" class="stack" role="status" aria-live="polite">${view !== undefined && resultBody(view)}</div>`;
}

/** The offer to save what no test vouches for; `why` says what stands against a test, or what came of it. */
export interface SaveAnyway {
  isTicked: boolean;
  why: string;
}

export function saveAnywayField({ isTicked, why }: SaveAnyway): Html {
  return formField({ name: 'anyway', label: 'Save anyway', kind: 'checkbox', value: isTicked, help: why });
}

const TONES = { ready: 'done', missing: 'warning', refused: 'problem', unasked: 'problem' } as const;

function resultBody(view: TestResultView): Html {
  const figures = [
    view.serverVersion !== undefined && view.serverVersion !== '' && `version ${view.serverVersion}`,
    view.sizeBytes !== undefined && `about ${formatBytes(view.sizeBytes)}`,
    view.latencyMs !== undefined && `answered in ${formatLatency(view.latencyMs)}`,
  ].filter((part) => part !== false);
  const text = html`<p><strong>${view.sentence}</strong>${figures.length > 0 && html` ${figures.join(' · ')}`}</p>${
    view.words !== undefined && view.words !== '' && html`<p class="mono">${view.words}</p>`
  }${view.advice !== undefined && html`<p>${view.advice}</p>`}`;
  return html`${callout({ tone: TONES[view.state], text, action: view.action })}${view.warnings?.map((warning) => callout({ tone: 'warning', text: warning }))}`;
}

function formatLatency(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}\u00a0ms` : formatDuration(ms);
}

/** Sends the form it stands in to the same address as Save, and puts only the result in place: what was typed stays. */
export function testButton(action: string, label = 'Test the connection'): Html {
  return html`<button class="button button-secondary" type="submit" name="act" value="test" data-busy="Testing…" hx-post="${action}" hx-target="#${TEST_RESULT_ID}" hx-swap="outerHTML"><span>${label}</span></button>`;
}

/** A form of its own that tests what is saved. */
export function testForm(view: {
  readonly action: string;
  readonly label: string;
  readonly content?: Html;
  readonly primary?: boolean;
}): Html {
  return html`<form class="form" method="post" action="${view.action}" hx-post="${view.action}" hx-target="#${TEST_RESULT_ID}" hx-swap="outerHTML">${view.content}<div class="form-actions">${button(
    { label: view.label, kind: view.primary === true ? 'primary' : 'secondary' },
  )}</div></form>`;
}
