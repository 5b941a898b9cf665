/** One run: what became of it, stage by stage, with its log and the evidence for its outcome. */
import { attrs, type Html, html, join } from '../../html.ts';
import { button, confirmButton, hiddenInputs, linkButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { shortenHex } from '../../ui/hex.ts';
import { icon } from '../../ui/icons.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, liveAttributes, panel, type RowView, rows } from '../../ui/panel.ts';
import { liveBrief, type ProgressFigures, progressBar, progressBrief } from '../../ui/progress.ts';
import { formatBytes, formatCount, formatDuration } from '../../ui/quantity.ts';
import { type StageView, stageBar } from '../../ui/stages.ts';
import { type RunState, runStatus } from '../../ui/status.ts';
import { table } from '../../ui/table.ts';
import { type Clockface, dayTime, relativeTime } from '../../ui/time.ts';
import { type SnapshotState, snapshotStatus } from '../snapshots/snapshots.view.ts';
import { type RunLogView, runLogPanel } from './run-log.view.ts';

export type Trouble = {
  /** The source it struck, where a run has several. */
  readonly subject?: string | undefined;
  readonly what: string;
  readonly why?: string | undefined;
  readonly advice?: string | undefined;
  /** The page where it is mended. */
  readonly mend?: { readonly href: string; readonly label: string } | undefined;
};

export type PartLine = {
  readonly id: string;
  readonly source: string;
  readonly sourceHref?: string | undefined;
  readonly state: RunState;
  readonly bytes?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly snapshot?: { readonly label: string; readonly href: string } | undefined;
  readonly problem?: string | undefined;
};

/** One failed attempt; instants in epoch milliseconds. */
export type AttemptLine = {
  readonly attempt: number;
  readonly failedAt: number;
  readonly what: string;
  /** The known cause as a sentence. */
  readonly why?: string | undefined;
  /** Sources that the next attempt tries again, where the run has several; `more` are not named. */
  readonly again: readonly string[];
  readonly more: number;
  readonly retryAt: number;
};

/** A snapshot that the run stored. */
export type StoredLine = {
  readonly id: string;
  readonly state: SnapshotState;
  readonly label: string;
  readonly href: string;
  /** Its source where the run has several, and what it is beside the data; empty for the data of the only source. */
  readonly of: string;
  readonly words: string;
};

export type EvidenceLine = { readonly ok: boolean; readonly title: string; readonly seen: string };

export type RunFact = { readonly label: string; readonly value: string; readonly href?: string | undefined };

export type RunView = {
  readonly face: Clockface;
  /** Where every live part of this page comes from again. */
  readonly url: string;
  readonly topic: string;
  readonly crumbs: readonly Crumb[];
  readonly title: string;
  readonly heading: string;
  readonly state: RunState;
  readonly active: boolean;
  readonly at: number;
  /** Who or what started it, reported late, and so on. */
  readonly remarks: readonly string[];
  readonly cancel?: { readonly action: string; readonly effect: string } | undefined;
  readonly again?: { readonly action: string; readonly sources: string } | undefined;
  /** Restore this, open the snapshot; the primary act. */
  readonly onward?: { readonly href: string; readonly label: string } | undefined;
  readonly stages: readonly StageView[];
  /** Attempts that failed before the one that runs, is awaited, or ended the run. */
  readonly attempts: readonly AttemptLine[];
  /** What it waits for after the newest of them. */
  readonly awaits?: 'attempt' | 'repository' | undefined;
  /** Shown while the host moves bytes; the stream fills it. */
  readonly progress?: { readonly label: string; readonly figures?: ProgressFigures | undefined } | undefined;
  readonly troubles: readonly Trouble[];
  readonly warnings: readonly string[];
  readonly parts: readonly PartLine[];
  readonly stored: readonly StoredLine[];
  readonly evidence: readonly EvidenceLine[];
  readonly figures: readonly RunFact[];
  readonly places: readonly RunFact[];
  readonly id: string;
  readonly log: RunLogView;
};

export const RUN_PARTS = {
  heading: 'run-heading',
  lede: 'run-lede',
  actions: 'run-actions',
  now: 'run-now',
  side: 'run-side',
} as const;

export function runPage(shell: Shell, view: RunView): Html {
  return layout(shell, {
    title: view.title,
    crumbs: view.crumbs,
    heading: runHeading(view),
    lede: runLede(view),
    actions: runActions(view),
    content: html`<div class="stack">${runNow(view)}<div class="columns">${runLogPanel(view.log)}${runSide(view)}</div></div>`,
  });
}

/** A live part follows its run to the end; what has ended does not change. */
function live(view: RunView, id: string): ReturnType<typeof attrs> {
  return attrs({ id, ...(view.active ? liveAttributes({ topic: view.topic, url: view.url }) : {}) });
}

export function runHeading(view: RunView): Html {
  const figures = view.state === 'running' ? view.progress?.figures : undefined;
  const brief = figures === undefined ? undefined : progressBrief(figures);
  const words = brief === undefined ? shortenHex(view.heading) : html`Running: ${liveBrief(view.topic, brief)}.`;
  return html`<span ${live(view, RUN_PARTS.heading)} data-title="${view.title}">${words}</span>`;
}

export function runLede(view: RunView): Html {
  const words = [dayTime(view.at, view.face), ...view.remarks];
  return html`<div class="cluster" ${live(view, RUN_PARTS.lede)}>${runStatus(view.state)}<span>${join(words, ' · ')}</span></div>`;
}

export function runActions(view: RunView): Html {
  const { cancel, again, onward } = view;
  return html`<div class="cluster" ${live(view, RUN_PARTS.actions)}>${
    again !== undefined &&
    html`<form class="inline-form" method="post" action="${again.action}">${hiddenInputs({ sources: again.sources })}${button({ label: 'Run again', kind: onward === undefined ? 'primary' : 'secondary' })}</form>`
  }${
    cancel !== undefined &&
    confirmButton({
      id: 'cancel-run',
      label: 'Cancel…',
      confirm: { title: 'Stop this run?', effect: cancel.effect, verb: 'Stop the run', action: cancel.action },
    })
  }${onward !== undefined && linkButton({ href: onward.href, label: onward.label, kind: 'primary' })}</div>`;
}

/** Stages, progress, what went wrong, and the parts: all that moves while a run goes on. */
export function runNow(view: RunView): Html {
  const bar =
    view.progress !== undefined &&
    html`<div id="run-progress" hx-morph-skip>${progressBar({ ...view.progress.figures, label: view.progress.label, topic: view.topic })}</div>`;
  const stages =
    (view.stages.length > 0 || bar !== false) &&
    panel({ content: html`<div class="stack">${view.stages.length > 0 && stageBar(view.stages)}${bar}</div>` });
  return html`<div class="stack" ${live(view, RUN_PARTS.now)}>${stages}${view.troubles.map(troublePanel)}${view.attempts.length > 0 && attemptsPanel(view)}${view.warnings.map((text) => callout({ tone: 'warning', text: shortenHex(text) }))}${view.parts.length > 0 && partsPanel(view)}${view.stored.length > 0 && storedPanel(view)}</div>`;
}

function troublePanel(trouble: Trouble): Html {
  const line = (label: string, text: Html | string): RowView => ({
    status: html`<span class="quiet">${label}</span>`,
    title: text,
  });
  return panel({
    title: trouble.subject === undefined ? 'What went wrong' : `What went wrong with ${trouble.subject}`,
    tone: 'danger',
    content: rows([
      line('What happened', html`<span class="mono">${shortenHex(trouble.what)}</span>`),
      ...(trouble.why === undefined ? [] : [line('Why', trouble.why)]),
      ...(trouble.advice === undefined ? [] : [line('What to do', html`<strong>${trouble.advice}</strong>`)]),
    ]),
    foot: html`<div class="cluster">${trouble.mend !== undefined && linkButton({ href: trouble.mend.href, label: trouble.mend.label, small: true })}<a href="#run-log">Read the log</a></div>`,
  });
}

function describeAgain({ again, more }: AttemptLine): Html | false {
  return again.length > 0 && html` · tried again: ${again.join(', ')}${more > 0 && html` and ${formatCount(more)} more`}`;
}

/** How it goes on after the newest attempt that failed. */
function describeAwaited({ awaits, face }: RunView, { retryAt }: AttemptLine): Html | false {
  if (awaits === 'repository')
    return html` · the host looks each minute whether they have let go, and uses no attempt of the plan`;
  return awaits === 'attempt' && html` · the next one begins ${relativeTime(retryAt, face)}`;
}

/** The newest first: it says when the next one comes. */
function attemptsPanel(view: RunView): Html {
  const { attempts, face } = view;
  const lines = attempts.toReversed().map(
    (line, index): RowView => ({
      title: html`<span class="quiet">Attempt ${line.attempt}:</span> ${shortenHex(line.what)}`,
      detail: html`${dayTime(line.failedAt, face)}${line.why !== undefined && html` · ${line.why.replace(/\.$/u, '')}`}${describeAgain(line)}${index === 0 && describeAwaited(view, line)}`,
    }),
  );
  const title = attempts.length === 1 ? 'An attempt failed and is followed by another' : `${attempts.length} attempts failed`;
  return panel({ title, content: rows(lines) });
}

function partsPanel(view: RunView): Html {
  const content = table<PartLine>({
    id: 'run-parts',
    caption: 'What became of each source',
    rows: view.parts,
    rowId: (row) => `part-${row.id}`,
    columns: [
      { id: 'state', label: 'State', width: 'fit', cell: (row) => runStatus(row.state) },
      {
        id: 'source',
        label: 'Source',
        primary: true,
        cell: (row) =>
          html`${row.sourceHref === undefined ? row.source : html`<a href="${row.sourceHref}">${row.source}</a>`}${row.problem !== undefined && html`<div class="row-detail">${shortenHex(row.problem)}</div>`}`,
      },
      {
        id: 'snapshot',
        label: 'Snapshot',
        width: 'fit',
        cell: (row) =>
          row.snapshot === undefined ? '' : html`<a class="mono" href="${row.snapshot.href}">${row.snapshot.label}</a>`,
      },
      { id: 'duration', label: 'Took', align: 'end', width: 'fit', cell: (row) => formatDuration(row.durationMs) },
      { id: 'bytes', label: 'Read', align: 'end', width: 'fit', cell: (row) => formatBytes(row.bytes) },
    ],
  });
  return panel({ title: 'Sources', aside: String(view.parts.length), flush: true, content });
}

function storedPanel({ stored, parts }: RunView): Html {
  const lines = stored.map(
    (line): RowView => ({
      id: `stored-${line.id}`,
      status: snapshotStatus(line.state),
      title: html`<a class="mono" href="${line.href}">${line.label}</a>${line.of !== '' && html` <span class="quiet">${line.of}</span>`}`,
      detail: shortenHex(line.words),
    }),
  );
  return panel({ title: parts.length > 0 ? 'Snapshots that are not good' : 'Snapshots', content: rows(lines) });
}

export function runSide(view: RunView): Html {
  const held = view.evidence.filter((line) => line.ok).length;
  const evidence =
    view.evidence.length > 0 &&
    panel({
      title: view.state === 'succeeded' || view.active ? 'Evidence' : 'Evidence for what was kept',
      aside: `${held} of ${view.evidence.length}`,
      content: rows(view.evidence.map((line) => ({ title: evidenceLine(line) }))),
    });
  const figures = view.figures.length > 0 && panel({ title: 'Figures', content: facts(view.figures.map(factLine)) });
  return html`<div class="stack" ${live(view, RUN_PARTS.side)}>${evidence}${figures}${panel({ title: 'Where', content: facts([...view.places.map(factLine), { label: 'id', value: html`<span class="mono small">${view.id}</span>` }]) })}</div>`;
}

function factLine(fact: RunFact): { label: string; value: Html | string } {
  return { label: fact.label, value: fact.href === undefined ? fact.value : html`<a href="${fact.href}">${fact.value}</a>` };
}

function evidenceLine(line: EvidenceLine): Html {
  const tone = line.ok ? 'protected' : 'unprotected';
  return html`<div class="check-line tone-${tone}">${icon(line.ok ? 'check' : 'cross', line.ok ? 'held' : 'did not hold')}<div>${line.title}${line.seen !== '' && html`<div class="row-detail">${shortenHex(line.seen)}</div>`}</div></div>`;
}
