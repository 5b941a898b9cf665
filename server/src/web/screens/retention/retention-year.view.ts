/** A year of imagined backups and what a policy keeps of it. */
import { type Html, html } from '../../html.ts';
import { calendarStrip } from '../../ui/charts.ts';
import { icon } from '../../ui/icons.ts';
import { facts } from '../../ui/panel.ts';

export type YearView = {
  /** The answer in one line. */
  readonly sentence: string;
  /** For each rhythm of backups what stays of it. */
  readonly lines: readonly { readonly label: string; readonly text: string }[];
  /** Of one a day: oldest first, how many of the week stay. */
  readonly weeks: readonly { readonly date: string; readonly stay: number; readonly made: number }[];
  /** A limit of size depends on what backups add, which nobody knows beforehand. */
  readonly hasSizeRule: boolean;
};

const POLICY_YEAR = 'policy-year';

/** The preview, or what is wrong with what is typed; the form takes it from here as one types. */
export function yearPreview(view: YearView | { readonly problem: string }, words?: string): Html {
  const content =
    'problem' in view
      ? html`<p class="error">${icon('cross')}<span>${view.problem}</span></p>`
      : html`${words !== undefined && html`<p>${words}</p>`}${yearBody(view)}`;
  return html`<div class="stack" id="${POLICY_YEAR}" aria-live="polite">${content}</div>`;
}

export function yearBody(view: YearView): Html {
  const weeks = view.weeks.map(({ date, stay, made }) => ({
    date,
    tone: stay === 0 ? ('quiet' as const) : stay === made ? ('protected' as const) : ('active' as const),
    word: `${stay} of ${made} stay`,
  }));
  const some = view.weeks.filter(({ stay }) => stay > 0).length;
  const strip = calendarStrip({ days: weeks, label: `${view.weeks.length} weeks, snapshots of ${some} of them stay` });
  return html`<p><strong>${view.sentence}</strong></p>${strip}<p class="quiet small">A year in weeks, today at the right: all of the week stay, some stay, or none.</p>${facts(
    view.lines.map(({ label, text }) => ({ label, value: text })),
  )}${view.hasSizeRule && html`<p class="quiet">The limit of size is left out here: what a backup adds is not known beforehand.</p>`}`;
}
