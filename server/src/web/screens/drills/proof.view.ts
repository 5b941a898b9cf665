/** How a source stands with its proof of recovery: a status and a sentence, the same wherever they are shown. */
import type { ProofState } from '@holdfast/shared/domain/drill.ts';
import { type Html, html } from '../../html.ts';
import { linkButton, postButton } from '../../ui/button.ts';
import { facts, panel } from '../../ui/panel.ts';
import { formatCount, formatDuration, formatNoun, formatSpan } from '../../ui/quantity.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { type Clockface, relativeTime, stampTime } from '../../ui/time.ts';

/** A drill as its pages show it. */
export type DrillLine = {
  readonly href: string;
  readonly at: number;
  readonly restoreMs: number;
  readonly snapshotAgeMs: number;
  readonly rows: number | undefined;
  readonly things: number;
  /** `files` were sampled, tables were all counted. */
  readonly isSample: boolean;
};

export type ProofView = {
  readonly state: ProofState;
  readonly face: Clockface;
  /** The newest drill that proved a backup. */
  readonly proven?: DrillLine | undefined;
  /** The newest drill, where it did not. */
  readonly failed?: DrillLine | undefined;
  /** The newest drill of all, where it could not be carried out. */
  readonly unfinished?: { readonly href: string; readonly at: number } | undefined;
  /** Why nothing can be proven, as a sentence. */
  readonly fault?: string | undefined;
  readonly withinDays?: number | undefined;
  /** Who says so, as it follows the days: `of the plan nightly`. */
  readonly withinWhy?: string | undefined;
  readonly everyDays?: number | undefined;
  readonly everyRuns?: number | undefined;
  /** The plan whose rhythm they follow, and how that reads. */
  readonly followed?: { readonly words: string; readonly plan: string } | undefined;
  /** The host on which they take place, where it is not the source's own. */
  readonly host?: string | undefined;
  readonly nextAt?: number | undefined;
  /** One is due since then and could not be started. */
  readonly missed?: { readonly since: number; readonly why: string } | undefined;
  /** The source through whose server they restore. */
  readonly server?: string | undefined;
  readonly questions: number;
  /** Set for those who may. */
  readonly drillAction?: string | undefined;
  readonly settingsHref?: string | undefined;
  readonly allHref?: string | undefined;
};

const STATES: Readonly<Record<ProofState, StatusView>> = {
  proven: { word: 'proven', tone: 'protected', icon: 'check' },
  too_old: { word: 'proof too old', tone: 'at-risk', icon: 'warning' },
  disproven: { word: 'drill failed', tone: 'unprotected', icon: 'cross' },
  never: { word: 'never proven', tone: 'unknown', icon: 'question' },
  impossible: { word: 'cannot be tried', tone: 'quiet', icon: 'skipped' },
};

/** The worst first. */
export const PROOF_STATES: readonly ProofState[] = ['disproven', 'too_old', 'never', 'proven', 'impossible'];

const MISSED: StatusView = { word: 'missed', tone: 'at-risk', icon: 'warning' };

/** `never proven`, as its status has it. */
export function wordOfProof(state: ProofState): string {
  return STATES[state].word;
}

export function proofStatus(state: ProofState): Html {
  return status(STATES[state]);
}

/** `Recovery proven 3 d ago, in 41 s.` and its kin. */
export function proofSentence({ state, proven, failed, unfinished, fault, face }: ProofView): Html {
  if (state === 'impossible') return html`${fault}.`;
  const before = proven && html`recovery was proven ${relativeTime(proven.at, face)}, in ${formatDuration(proven.restoreMs)}`;
  const after =
    unfinished &&
    html` The last drill <a href="${unfinished.href}">could not be carried out</a> ${relativeTime(unfinished.at, face)}.`;
  if (failed)
    return html`The last drill ${after && 'with a verdict '}failed ${relativeTime(failed.at, face)}${before && html`; ${before}`}.${after}`;
  if (!proven) return after ?? html`Nobody has tried yet whether it can be restored.`;
  return html`Recovery proven ${relativeTime(proven.at, face)}, in ${formatDuration(proven.restoreMs)}.${after}`;
}

export function describeThings({ things, rows, isSample }: Pick<DrillLine, 'things' | 'rows' | 'isSample'>): string {
  if (isSample) return `${formatNoun(things, 'file')} drawn by chance`;
  return rows === undefined ? formatNoun(things, 'table') : `${formatNoun(things, 'table')}, ${formatCount(rows)} rows`;
}

export function describeRuns(everyRuns: number): string {
  return everyRuns === 1 ? 'after every clean backup' : `after ${everyRuns} clean backups`;
}

/** How often one is due, who says so where it is a plan, and when the next is; brief in a table, which has no room for a plan's words. */
export function dueText(
  {
    everyDays,
    everyRuns,
    followed,
    nextAt,
    missed,
    face,
  }: Pick<ProofView, 'everyDays' | 'everyRuns' | 'followed' | 'nextAt' | 'missed' | 'face'>,
  isBrief = false,
): Html {
  if (everyDays === undefined && everyRuns === undefined && followed === undefined) return html`only by hand`;
  const own = [
    ...(everyDays === undefined ? [] : [everyDays === 1 ? 'every day' : `every ${everyDays} days`]),
    ...(everyRuns === undefined ? [] : [describeRuns(everyRuns)]),
  ].join(' and ');
  const every = followed ? (isBrief ? 'by its plan' : `${followed.words}, as the plan ${followed.plan} says`) : own;
  if (missed) return html`${every}; ${status(MISSED)} ${relativeTime(missed.since, face)}: ${missed.why}`;
  if (nextAt === undefined) return html`${every}`;
  return html`${every}, next ${nextAt <= face.now ? 'as soon as its host is connected' : relativeTime(nextAt, face)}`;
}

export function drillButton(action: string, kind: 'primary' | 'secondary' = 'secondary', small = false): Html {
  return postButton({ action, label: 'Drill now', kind, small });
}

/** The part of a source's page. */
export function proofPanel(view: ProofView): Html {
  const { state, proven, failed, face, questions, withinDays, drillAction, settingsHref } = view;
  const shown = failed ?? proven;
  const lines = [
    ...(shown
      ? [
          { label: 'Last drill', value: html`<a href="${shown.href}">${stampTime(shown.at, face)}</a>` },
          { label: 'Time to restore', value: formatDuration(shown.restoreMs) },
          { label: 'Age of the backup then', value: formatSpan(shown.snapshotAgeMs) },
          ...(failed ? [] : [{ label: 'Came back', value: describeThings(shown) }]),
        ]
      : []),
    ...(state === 'impossible' ? [] : [{ label: 'Drills', value: dueText(view) }]),
    ...(view.host === undefined ? [] : [{ label: 'Take place on', value: view.host }]),
    ...(view.server === undefined ? [] : [{ label: 'Restored into', value: `a database of the server of ${view.server}` }]),
    ...(withinDays === undefined
      ? []
      : [
          {
            label: 'A proof counts for',
            value: `${formatNoun(withinDays, 'day')}${view.withinWhy === undefined ? '' : `, ${view.withinWhy}`}`,
          },
        ]),
    ...(questions === 0 ? [] : [{ label: 'Asked each time', value: formatNoun(questions, 'question') }]),
  ];
  const acts = html`${drillAction !== undefined && drillButton(drillAction)}${settingsHref !== undefined && linkButton({ href: settingsHref, label: 'Settings…' })}`;
  const isActing = drillAction !== undefined || settingsHref !== undefined;
  return panel({
    title: 'Recovery',
    aside: proofStatus(state),
    content: html`<div class="stack"><p>${proofSentence(view)}</p>${lines.length > 0 && facts(lines)}</div>`,
    ...(isActing ? { foot: html`<div class="form-actions">${acts}</div>` } : {}),
  });
}
