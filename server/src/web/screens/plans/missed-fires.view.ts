/** Fires for which nothing ran, and those of which nobody knows: what happened, why, what to do. */
import { type Html, html } from '../../html.ts';
import { panel, type RowView, rows } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { status } from '../../ui/status.ts';
import { type Clockface, dayTime, relativeTime } from '../../ui/time.ts';

export type MissedFireLine = {
  readonly id: string;
  readonly state: 'missed' | 'late' | 'reported';
  /** The plan on a host's page, the host on a plan's. */
  readonly name: string;
  readonly href?: string | undefined;
  readonly fireAt: number;
  /** The end of the grace. */
  readonly deadlineAt: number;
  readonly runHref?: string | undefined;
  /** A later clean run made it good. */
  readonly isPassed: boolean;
};

export type UnknownFiresLine = {
  readonly id: string;
  readonly name: string;
  readonly href?: string | undefined;
  readonly count: number;
  /** There may be more than were counted. */
  readonly orMore: boolean;
  readonly firstDueAt: number;
};

export type MissedFiresView = {
  readonly face: Clockface;
  readonly missed: readonly MissedFireLine[];
  /** Older ones are left out. */
  readonly hasMore: boolean;
  readonly unknown: readonly UnknownFiresLine[];
};

const STATES = {
  missed: { word: 'missed', tone: 'unprotected', icon: 'cross' },
  late: { word: 'late', tone: 'at-risk', icon: 'warning' },
  reported: { word: 'reported', tone: 'quiet', icon: 'check' },
} as const;

/** Nothing when there is nothing to say. */
export function missedFiresPanel(view: MissedFiresView): Html | false {
  if (view.missed.length === 0 && view.unknown.length === 0) return false;
  const open = view.missed.filter((line) => line.state === 'missed' && !line.isPassed).length;
  const aside = open > 0 ? `${formatNoun(open, 'fire')} still owed` : undefined;
  const foot = view.hasMore && html`<span class="quiet">Older ones are left out.</span>`;
  const lines = [...view.unknown.map((line) => unknownRow(line, view)), ...view.missed.map((line) => missedRow(line, view))];
  return panel({
    title: 'Missed fires',
    ...(aside === undefined ? {} : { aside }),
    content: rows(lines),
    ...(foot === false ? {} : { foot }),
  });
}

function nameOf(line: { readonly name: string; readonly href?: string | undefined }): Html {
  return line.href === undefined ? html`${line.name}` : html`<a href="${line.href}">${line.name}</a>`;
}

function unknownRow(line: UnknownFiresLine, { face }: MissedFiresView): RowView {
  return {
    id: `fires-${line.id}`,
    status: status({ word: 'unknown', tone: 'unknown', icon: 'question' }),
    title: html`${nameOf(line)}: ${formatNoun(line.count, 'fire')}${line.orMore && ' or more'}`,
    detail: html`The host is silent; the first was due ${relativeTime(line.firstDueAt, face)}. It keeps its schedule by itself and tells what it did when it is back.`,
  };
}

function missedRow(line: MissedFireLine, { face }: MissedFiresView): RowView {
  const isSettled = line.isPassed && line.state === 'missed';
  return {
    id: `fire-${line.id}`,
    status: status(isSettled ? { word: 'missed', tone: 'quiet', icon: 'cross' } : STATES[line.state]),
    title: html`${nameOf(line)} · due ${dayTime(line.fireAt, face)}`,
    detail: explain(line, face),
    ...(line.runHref === undefined ? {} : { action: html`<a href="${line.runHref}">run</a>` }),
  };
}

function explain(line: MissedFireLine, face: Clockface): Html {
  if (line.state === 'late') return html`One later run, begun within the grace, stands for it.`;
  if (line.state === 'reported') return html`It ran after all; the host told so later.`;
  const what = html`Nothing ran for it until ${dayTime(line.deadlineAt, face)}.`;
  if (line.isPassed) return html`${what} A later clean run has made it good.`;
  return html`${what} The host was heard of and had nothing to tell: look at its events, then run the plan.`;
}
