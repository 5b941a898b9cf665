/** First start: six steps from an empty server to a backup that is proven, one of them open. */
import { attrs, type Html, html } from '../../html.ts';
import { linkButton, onward, postButton } from '../../ui/button.ts';
import { copyLine } from '../../ui/copy.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { type FieldSection, form } from '../../ui/form.ts';
import { icon } from '../../ui/icons.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { liveAttributes, panel, rows } from '../../ui/panel.ts';
import { type ProgressFigures, progressBar } from '../../ui/progress.ts';
import { type RunState, runStatus } from '../../ui/status.ts';
import { quoteWord } from '../hosts/host-add.view.ts';
import { type PendingView, pendingHosts } from '../hosts/host-pending.view.ts';
import { type TestResultView, testResult } from '../sources/source-test.view.ts';

export const WELCOME_STEPS = ['host', 'source', 'repository', 'plan', 'run', 'proof'] as const;
export type WelcomeStep = (typeof WELCOME_STEPS)[number];

/** The live parts of the page. */
export const WELCOME = { heading: 'welcome-heading', body: 'welcome' } as const;

export interface StepLine {
  step: WelcomeStep;
  title: string;
  /** What was made: `db-1.fra`. */
  made?: string | undefined;
  done: boolean;
  href: string;
}

/** A run that the page started, or is about to. */
export interface WelcomeRun {
  id: string;
  state: RunState;
  href: string;
  topic: string;
  figures?: ProgressFigures | undefined;
  /** Why it failed, in one sentence. */
  failure?: string | undefined;
}

export type OpenStep =
  | { kind: 'host'; serverUrl: string; pending: PendingView }
  | {
      kind: 'form';
      intro: string;
      action: string;
      submit: string;
      /** Kinds to choose from, as links. */
      kinds: readonly { label: string; href: string; isChosen: boolean }[];
      sections: readonly FieldSection[];
      problem?: string | undefined;
      test?: TestResultView | undefined;
      /** Stands before the button. */
      warning?: string | undefined;
      /** Where the same is done with everything that can be set. */
      fullHref: string;
    }
  | { kind: 'opening'; name: string; href: string; action: string; test?: TestResultView | undefined }
  | {
      kind: 'run';
      intro: string;
      action: string;
      submit: string;
      run?: WelcomeRun | undefined;
      /** The host was not told of the newest settings yet. */
      isTelling: boolean;
    }
  | { kind: 'impossible'; why: string; href: string; label: string }
  | { kind: 'missing'; need: string; href: string }
  | { kind: 'made'; text: string; href: string; label: string };

export interface WelcomeView {
  heading: string;
  lede: string;
  title: string;
  steps: readonly StepLine[];
  current: WelcomeStep | undefined;
  open: OpenStep | undefined;
  /** Where this step is served again. */
  here: string;
  topics: readonly string[];
  /** The next step that is not done. */
  onwardHref: string | undefined;
  /** The open step is done. */
  isDone: boolean;
  overviewHref: string;
  /** After the last step: what comes next. */
  next: readonly { title: string; text: string; href: string; label: string }[];
}

export function welcomePage(shell: Shell, view: WelcomeView): Html {
  return layout(shell, {
    title: 'First start',
    heading: welcomeHeading(view),
    lede: view.lede,
    actions: linkButton({ href: view.overviewHref, label: 'Leave for now' }),
    content: welcomeBody(view),
  });
}

/** Only a step that shows a run is live: a form is left alone. */
function live({ topics, here }: WelcomeView, id: string): ReturnType<typeof attrs> {
  return attrs({ id, ...(topics.length === 0 ? {} : liveAttributes({ topic: topics.join(' '), url: here })) });
}

export function welcomeHeading(view: WelcomeView): Html {
  return html`<span ${live(view, WELCOME.heading)}>${view.heading}</span>`;
}

export function welcomeBody(view: WelcomeView): Html {
  const { open, onwardHref } = view;
  const way =
    onwardHref !== undefined &&
    (view.isDone
      ? html`<div>${linkButton({ href: onwardHref, label: 'Go on', kind: 'primary' })}</div>`
      : html`<p>${onward({ href: onwardHref, label: 'Skip this for now' })}</p>`);
  return html`<div class="columns" ${live(view, WELCOME.body)}><div class="stack">${open === undefined ? whatNext(view) : openStep(view, open)}${way}</div>${stepList(view)}</div>`;
}

function stepList({ steps, current }: WelcomeView): Html {
  const done = steps.filter((step) => step.done).length;
  return panel({
    title: 'The way there',
    aside: `${done} of ${steps.length}`,
    content: rows(
      steps.map(({ step, title, made, done: isDone, href }, at) => ({
        id: `step-${step}`,
        title: html`<a href="${href}" ${attrs({ 'aria-current': step === current ? 'step' : null })}>${at + 1}. ${title}</a>`,
        detail: made,
        action: html`<span class="status tone-${isDone ? 'protected' : step === current ? 'active' : 'quiet'}">${icon(isDone ? 'check' : 'queued')}<span>${isDone ? 'done' : step === current ? 'now' : 'later'}</span></span>`,
      })),
    ),
  });
}

function openStep(view: WelcomeView, open: OpenStep): Html {
  switch (open.kind) {
    case 'host':
      return html`${panel({
        title: view.title,
        content: html`<p>On the machine whose data is to be protected, or on this very server, as the user that may read it:</p>${copyLine({ text: `holdfast-agent run --server ${quoteWord(open.serverUrl)}`, label: 'the command' })}<p class="quiet">The agent calls this server, so no port is opened there. It prints six words and waits; compare them with the ones below, then approve.</p><details class="fold"><summary>${icon('right')}<span>There is no such command there</span></summary><p>The agent is one executable, made by <code>make agent</code> in a checkout of Holdfast; copy it to the machine. On a machine with a checkout, this does the same:</p>${copyLine({ text: `npm run agent -- run --server ${quoteWord(open.serverUrl)}`, label: 'the command from a checkout' })}</details>`,
      })}${pendingHosts(open.pending)}`;
    case 'form':
      return formStep(view, open);
    case 'opening':
      return panel({
        title: view.title,
        content: html`<div class="stack"><p><a href="${open.href}">${open.name}</a> is saved, but no host has opened it yet.</p>${testResult(open.test)}${postButton({ action: open.action, label: 'Open it, or create it there', kind: 'primary', hidden: { act: 'open' } })}</div>`,
      });
    case 'run':
      return runStep(view, open);
    case 'impossible':
      return panel({
        title: view.title,
        content: emptyState({ title: open.why, action: linkButton({ href: open.href, label: open.label, kind: 'primary' }) }),
      });
    case 'missing':
      return panel({
        title: view.title,
        content: emptyState({
          title: `This needs ${open.need} first.`,
          action: linkButton({ href: open.href, label: 'Do that first', kind: 'primary' }),
        }),
      });
    case 'made':
      return panel({
        title: view.title,
        content: html`<div class="stack">${callout({ tone: 'done', text: open.text })}<div>${linkButton({ href: open.href, label: open.label })}</div></div>`,
      });
  }
}

function formStep(view: WelcomeView, open: Extract<OpenStep, { kind: 'form' }>): Html {
  const kinds =
    open.kinds.length > 1 &&
    html`<nav class="cluster" aria-label="Kind">${open.kinds.map(({ label, href, isChosen }) =>
      linkButton({
        href,
        label,
        small: true,
        kind: isChosen ? 'secondary' : 'quiet',
        attributes: { 'aria-current': isChosen ? 'true' : null },
      }),
    )}</nav>`;
  return panel({
    title: view.title,
    content: html`<div class="stack"><p>${open.intro}</p>${kinds}${testResult(open.test)}${form({
      action: open.action,
      problem: open.problem,
      sections: open.sections,
      outro: open.warning !== undefined && callout({ tone: 'warning', text: open.warning }),
      submit: { label: open.submit },
    })}</div>`,
    foot: onward({ href: open.fullHref, label: 'All options, in the form that is always there' }),
  });
}

function runStep(view: WelcomeView, open: Extract<OpenStep, { kind: 'run' }>): Html {
  const { run } = open;
  const isGoing = run !== undefined && ['queued', 'running', 'finalizing'].includes(run.state);
  const line =
    run !== undefined &&
    rows([
      {
        id: `row-${run.id}`,
        status: runStatus(run.state),
        title: html`<a href="${run.href}">Its log and stages</a>`,
        detail: run.failure,
        ...(run.state === 'running'
          ? {
              middle: html`<div id="progress-${run.id}" hx-morph-skip>${progressBar({ ...run.figures, label: view.title, topic: run.topic })}</div>`,
            }
          : {}),
      },
    ]);
  const act =
    !isGoing &&
    postButton({
      action: open.action,
      label: run === undefined ? open.submit : view.isDone ? 'Once more' : 'Try again',
      kind: view.isDone ? 'secondary' : 'primary',
      disabled: open.isTelling,
    });
  const wait = isGoing && html`<p class="quiet no-js">Without JavaScript: <a href="${view.here}">look again</a> in a moment.</p>`;
  const telling =
    open.isTelling &&
    html`<p class="quiet">The host is being told of the plan; this takes seconds while it is connected. <span class="no-js"><a href="${view.here}">Look again</a>.</span></p>`;
  return panel({ title: view.title, content: html`<div class="stack"><p>${open.intro}</p>${line}${telling}${act}${wait}</div>` });
}

function whatNext({ next }: WelcomeView): Html {
  return panel({
    title: 'What comes next',
    content: rows(
      next.map(({ title, text, href, label }, at) => ({
        id: `next-${at + 1}`,
        title,
        detail: text,
        action: linkButton({ href, label, kind: at === 0 ? 'primary' : 'secondary' }),
      })),
    ),
  });
}
