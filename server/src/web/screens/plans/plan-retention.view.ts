/** What a plan's retention would do next: in sum on the plan's page, backup by backup on a page of its own. */
import { type Html, html } from '../../html.ts';
import { confirmButton, onward } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { badge, status } from '../../ui/status.ts';
import { table } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';

export type SourceRetentionLine = {
  readonly name: string;
  /** Its backups, each with what becomes of it. */
  readonly href: string;
  readonly kept: number;
  readonly removed: number;
  /** Why nothing is removed for now, as half a sentence. */
  readonly frozen?: string | undefined;
  readonly needsPerson: boolean;
};

export type RetentionAct = {
  readonly action: string;
  readonly plan: string;
  /** Where copies would go, which is not the plan's own repository. */
  readonly repository?: string | undefined;
  readonly backups: number;
  readonly sources: number;
  /** More than half of a source's backups are among them. */
  readonly needsPerson: boolean;
};

export type LeavingLine = {
  readonly id: string;
  readonly at: number;
  readonly href: string;
  readonly source: string;
  readonly why: string;
};

export type PlanRetentionView = {
  readonly face: Clockface;
  /** Undefined: everything is kept. */
  readonly policy?: { readonly name: string; readonly href: string; readonly words: string } | undefined;
  readonly chooseHref?: string | undefined;
  readonly problem?: string | undefined;
  readonly sources: readonly SourceRetentionLine[];
  /** Removes now what would go next time; for those who may, where something would. */
  readonly act?: RetentionAct | undefined;
  /** The first of those that go next time. */
  readonly leaving: readonly LeavingLine[];
  /** In the second repository, by the policy of copies. */
  readonly isOfCopies: boolean;
  /** All of it, backup by backup; undefined where the page is just that. */
  readonly allHref?: string | undefined;
  readonly liveUrl: string;
};

export const PLAN_RETENTION = 'plan-retention';
const NOTICES_SHOWN = 3;

/** `12 stay, 3 go next time`. */
export function describeSums(sources: readonly Pick<SourceRetentionLine, 'kept' | 'removed' | 'needsPerson'>[]): string {
  const sum = (count: (line: (typeof sources)[number]) => number) => sources.reduce((total, line) => total + count(line), 0);
  const goes = sum(({ removed, needsPerson }) => (needsPerson ? 0 : removed));
  const waits = sum(({ removed, needsPerson }) => (needsPerson ? removed : 0));
  return [
    `${formatCount(sum(({ kept }) => kept))} stay`,
    ...(goes > 0 ? [`${formatCount(goes)} ${goes === 1 ? 'goes' : 'go'} next time`] : []),
    ...(waits > 0 ? [`${formatCount(waits)} ${waits === 1 ? 'waits' : 'wait'} for a person`] : []),
    ...(goes + waits === 0 ? ['none goes next time'] : []),
  ].join(', ');
}

export function planRetentionPanel(view: PlanRetentionView): Html {
  const { policy } = view;
  return panel({
    title: view.isOfCopies ? 'Retention of copies' : 'Retention',
    id: PLAN_RETENTION,
    live: { topic: 'plans runs snapshots retention', url: view.liveUrl },
    aside: policy !== undefined && html`<a href="${policy.href}">${policy.name}</a>`,
    content: html`<div class="stack">${policy === undefined ? keepsEverything(view) : retentionBody(view, policy.words)}</div>`,
    foot:
      policy !== undefined && view.sources.length > 0 && view.allHref !== undefined
        ? onward({ href: view.allHref, label: 'Each backup, and why' })
        : undefined,
  });
}

function keepsEverything({ chooseHref, isOfCopies }: PlanRetentionView): Html {
  return html`<p><strong>Everything is kept.</strong> No retention policy is chosen${isOfCopies && ' for copies'}, so nothing is ever removed and the repository only grows.</p>${chooseHref !== undefined && html`<p>${onward({ href: chooseHref, label: 'Choose a policy' })}</p>`}`;
}

function retentionBody(view: PlanRetentionView, words: string): Html {
  if (view.problem !== undefined) return html`<p>${view.problem}</p><p class="quiet">${words}</p>`;
  if (view.sources.length === 0) return html`<p class="quiet">No snapshot yet.</p><p class="quiet">${words}</p>`;
  const leaving = view.leaving.map(({ id, at, href, source, why }) => ({
    id: `leaving-${id}`,
    title: html`<a href="${href}">${source}</a>`,
    detail: why,
    middle: relativeTime(at, view.face),
  }));
  return html`<p><strong>${describeSums(view.sources)}.</strong></p><p class="quiet">${words}</p>${sourceNotices(view)}${view.act !== undefined && removeNow(view.act)}${leaving.length > 0 && rows(leaving)}`;
}

function removeNow({ action, plan, repository, backups, sources, needsPerson }: RetentionAct): Html {
  const what = repository === undefined ? formatNoun(backups, 'backup') : formatNoun(backups, 'copy', 'copies');
  const asked = needsPerson ? ' That is more than half of the backups of a source: you agree to it with this step.' : '';
  const act = confirmButton({
    id: 'forget-plan',
    label: needsPerson ? `Agree and remove ${what}` : `Remove ${what} now`,
    kind: needsPerson ? 'danger' : 'secondary',
    confirm: {
      title: `Remove ${what} of “${plan}”?`,
      effect: `They are gone from the ${repository === undefined ? 'repository' : 'second repository'} for good, in ${formatNoun(sources, 'source')}; what the policy keeps stays.${asked} It is looked at once more as it begins, and nothing is removed while the newest run is not clean.`,
      verb: `Remove ${what}`,
      action,
      hidden: { ...(repository === undefined ? {} : { repository }), ...(needsPerson ? { isApproved: 'true' } : {}) },
      kind: 'danger',
    },
  });
  return html`<div>${act}</div>`;
}

/** The first of those that ask for attention; the rest is counted, so that a fleet that stands still fills no page. */
export function sourceNotices({ sources, isOfCopies }: Pick<PlanRetentionView, 'sources' | 'isOfCopies'>): Html {
  const asking = sources.filter(({ frozen, needsPerson }) => frozen !== undefined || needsPerson);
  const more = asking.length - NOTICES_SHOWN;
  return html`${asking.slice(0, NOTICES_SHOWN).map((line) => sourceNotice(line, isOfCopies))}${more > 0 && html`<p class="quiet">${formatNoun(more, 'more source', 'more sources')} like that.</p>`}`;
}

/** What keeps a source from being tidied; nothing for one that needs nobody. */
function sourceNotice(line: SourceRetentionLine, isOfCopies: boolean): Html | false {
  const name = html`<a href="${line.href}">${line.name}</a>`;
  if (line.frozen !== undefined)
    return callout({ tone: 'warning', text: html`${name}: nothing is removed, because ${line.frozen}.` });
  if (!line.needsPerson) return false;
  const all = isOfCopies
    ? formatNoun(line.kept + line.removed, 'copy', 'copies')
    : formatNoun(line.kept + line.removed, 'backup');
  return callout({
    tone: 'warning',
    text: html`${name}: ${formatCount(line.removed)} of ${all} would go in one step. That is more than half, so it waits for a person to agree.`,
  });
}

export type BackupLine = {
  readonly id: string;
  readonly href: string;
  readonly at: number;
  readonly verdict: 'stays' | 'goes' | 'waits';
  readonly because: readonly string[];
  readonly storedBytes: number;
  readonly isPinned: boolean;
};

/** One of the two repositories of a plan. */
export type RetentionPlace = {
  readonly name: string;
  readonly what: string;
  readonly href: string;
  readonly isShown: boolean;
};

export type PlanRetentionPageView = PlanRetentionView & {
  readonly title: string;
  readonly crumbs: readonly Crumb[];
  readonly heading: string;
  /** To choose from; none where the plan has one repository. */
  readonly places: readonly RetentionPlace[];
  readonly backups: readonly BackupLine[];
  /** Older ones that are not shown. */
  readonly left: number;
  readonly shown?: SourceRetentionLine | undefined;
};

const VERDICTS = {
  stays: status({ word: 'stays', tone: 'protected', icon: 'check' }),
  goes: status({ word: 'goes', tone: 'quiet', icon: 'trash' }),
  waits: status({ word: 'waits', tone: 'at-risk', icon: 'queued' }),
} as const;

export function planRetentionPage(shell: Shell, view: PlanRetentionPageView): Html {
  const side = html`<div class="stack">${planRetentionPanel(view)}${view.places.length > 0 && placesPanel(view)}${view.sources.length > 0 && sourcesPanel(view)}</div>`;
  const main =
    view.shown === undefined
      ? panel({ content: html`<p class="quiet">There is no backup that a policy would look at.</p>` })
      : html`<div class="stack">${sourceNotice(view.shown, view.isOfCopies)}${panel({ title: view.shown.name, aside: describeSums([view.shown]), flush: true, content: backupsTable(view) })}</div>`;
  return layout(shell, {
    title: view.title,
    crumbs: view.crumbs,
    heading: view.heading,
    lede: 'As far as this server knows now; what has changed until it is removed is taken into account.',
    content: html`<div class="columns">${main}${side}</div>`,
  });
}

function placesPanel({ places }: PlanRetentionPageView): Html {
  const lines = places.map(({ name, what, href, isShown }) => ({
    title: isShown ? html`<strong>${name}</strong>` : html`<a href="${href}">${name}</a>`,
    detail: what,
  }));
  return panel({ title: 'Repositories', content: rows(lines) });
}

function sourcesPanel(view: PlanRetentionPageView): Html {
  const lines = view.sources.map((line) => ({
    title: line.href === view.shown?.href ? html`<strong>${line.name}</strong>` : html`<a href="${line.href}">${line.name}</a>`,
    detail: describeSums([line]),
  }));
  return panel({ title: 'Sources', aside: formatCount(lines.length), content: rows(lines) });
}

function backupsTable(view: PlanRetentionPageView): Html {
  const more = view.left > 0 ? `, ${formatCount(view.left)} older ones are in the API` : '';
  return table<BackupLine>({
    id: 'retention-backups',
    caption: 'Backups, newest first, with what becomes of each',
    rows: view.backups,
    columns: [
      {
        id: 'made',
        label: 'Made',
        primary: true,
        width: 'fit',
        cell: (row) => html`<a href="${row.href}">${relativeTime(row.at, view.face)}</a>`,
      },
      { id: 'verdict', label: 'Next time', width: 'fit', cell: (row) => VERDICTS[row.verdict] },
      {
        id: 'why',
        label: 'Because',
        width: 'wide',
        cell: (row) => html`${row.because.join('; ')}${row.isPinned && html` ${badge('pinned')}`}`,
      },
      { id: 'stored', label: 'Added', align: 'end', width: 'fit', cell: (row) => formatBytes(row.storedBytes) },
    ],
    pager: { summary: `${formatNoun(view.backups.length, 'backup')}${more}` },
  });
}
