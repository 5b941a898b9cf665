/** A month, or some days, on paper: how the sources stood each day, what ran and failed, what was restored and proven, what grew, what nobody protects. */
import { type Html, html } from '../../html.ts';
import { button, linkButton } from '../../ui/button.ts';
import { type CalendarDay, calendarStrip } from '../../ui/charts.ts';
import { callout } from '../../ui/flash.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { facts, figure, panel, rows } from '../../ui/panel.ts';
import { formatByteChange, formatBytes, formatCount, formatPercent } from '../../ui/quantity.ts';
import { protectionStatus } from '../../ui/status.ts';
import { filterDays, table } from '../../ui/table.ts';
import { type Clockface, relativeTime, stampTime } from '../../ui/time.ts';

export type RunKindLine = {
  readonly kind: string;
  readonly succeeded: number;
  readonly partial: number;
  readonly failed: number;
  readonly other: number;
};

/** A run that is named, and why. */
export type NamedRunLine = {
  readonly id: string;
  readonly title: string;
  readonly href: string;
  readonly at: number;
  readonly words: string;
};
export type GrowthLine = {
  readonly id: string;
  readonly name: string;
  readonly href: string;
  readonly bytes: number;
  /** Undefined for what was measured once. */
  readonly grownBytes?: number | undefined;
};
export type GapLine = {
  readonly id: string;
  readonly title: string;
  readonly href: string;
  readonly status: 'at_risk' | 'unprotected' | 'unknown';
  readonly reason: string;
};

export type ReportView = {
  readonly face: Clockface;
  readonly name: string;
  readonly heading: string;
  readonly madeAt: number;
  /** It goes on: what stands here is not its end. */
  readonly isOpen: boolean;
  /** Of all judged, from 0 to 1; undefined where nobody looked. */
  readonly share?: number | undefined;
  readonly days: readonly (CalendarDay & { readonly share?: number | undefined })[];
  readonly runs: readonly RunKindLine[];
  /** From sources, and to repositories. */
  readonly moved: { readonly readBytes: number; readonly addedBytes: number; readonly snapshots: number };
  /** Backups that took longest. */
  readonly slowest: readonly NamedRunLine[];
  readonly failures: readonly NamedRunLine[];
  /** Failed backups beyond those named. */
  readonly moreFailures: number;
  readonly drills: {
    readonly proven: number;
    readonly disproven: number;
    readonly longest?: string | undefined;
    /** There were too many since to read all of them. */
    readonly isCut: boolean;
  };
  readonly growth: {
    /** The biggest first. */
    readonly lines: readonly GrowthLine[];
    readonly more: number;
    /** Of all of them. */
    readonly bytes: number;
    readonly grownBytes?: number | undefined;
    readonly repositoriesHref: string;
  };
  /** Undefined for a time that is over: what stands unprotected is known of now alone. */
  readonly gaps?:
    | {
        readonly lines: readonly GapLine[];
        readonly more: number;
        readonly found: number;
        readonly coverageHref: string;
        readonly none: string;
      }
    | undefined;
  /** Undefined where nothing is known of any time before. */
  readonly earlier?: { readonly label: string; readonly href: string } | undefined;
  readonly later?: { readonly label: string; readonly href: string } | undefined;
  /** The days it is of, to be changed, and what is wrong with those that were typed. */
  readonly form: {
    readonly action: string;
    readonly typed: { readonly from?: string | undefined; readonly to?: string | undefined };
    readonly problem?: string | undefined;
  };
};

export function reportPage(shell: Shell, view: ReportView): Html {
  const earlier = view.earlier !== undefined && linkButton(view.earlier);
  const later = view.later !== undefined && linkButton(view.later);
  return layout(shell, {
    title: `Report of ${view.name}`,
    heading: view.heading,
    lede: html`<span>${view.name} in UTC${view.isOpen && ', so far'} · made ${stampTime(view.madeAt, view.face)}</span>`,
    actions: html`${earlier}${later}`,
    content: html`<div class="stack">${daysForm(view.form)}${daysPanel(view)}${runsPanel(view)}${movedPanel(view)}${slowestPanel(view)}${failuresPanel(view)}${drillsPanel(view)}${growthPanel(view)}${gapsPanel(view)}</div>`,
  });
}

function daysForm({ action, typed, problem }: ReportView['form']): Html {
  return html`${problem !== undefined && callout({ tone: 'problem', text: problem })}<form class="toolbar" method="get" action="${action}" aria-label="Days of the report"><div class="toolbar-form">${filterDays(typed)}${button({ label: 'Show these days', kind: 'secondary' })}</div></form>`;
}

function daysPanel({ days, share, name }: ReportView): Html {
  const seen = days.filter((day) => day.share !== undefined);
  // Where every day was whole, none was the worst.
  const worst = seen.reduce<(typeof seen)[number] | undefined>(
    (low, day) => ((day.share ?? 1) < (low?.share ?? 1) ? day : low),
    undefined,
  );
  const label = `${name}: ${seen.length} days looked at${worst === undefined ? '' : `, the worst ${worst.date} with ${worst.word}`}`;
  const title = 'Protected, day by day';
  if (seen.length === 0)
    return panel({
      title,
      content: html`<p class="quiet">Nobody looked in this time: this server was not there, or had no sources.</p>`,
    });
  return panel({
    title,
    content: html`<div class="stack">${figure({
      value: formatPercent(share),
      of: 'of the sources were protected, on the mean',
      detail: `${formatCount(seen.length)} of ${formatCount(days.length)} days were looked at, hour by hour. A source that is switched off does not count.`,
    })}${calendarStrip({ days, label })}${worst !== undefined && html`<p class="quiet">The worst day was ${worst.date}: ${worst.word}.</p>`}</div>`,
  });
}

function runsPanel({ runs }: ReportView): Html {
  if (runs.length === 0) return panel({ title: 'What ran', content: html`<p class="quiet">Nothing.</p>` });
  const count = (value: number) => html`<span class="num">${formatCount(value)}</span>`;
  return panel({
    title: 'What ran',
    flush: true,
    content: table<RunKindLine>({
      id: 'report-runs',
      caption: 'Runs by kind and how they ended',
      rows: runs,
      rowId: (row) => `kind-${row.kind}`,
      columns: [
        { id: 'kind', label: 'Kind', primary: true, cell: (row) => row.kind },
        { id: 'succeeded', label: 'Succeeded', align: 'end', cell: (row) => count(row.succeeded) },
        { id: 'partial', label: 'Partial', align: 'end', cell: (row) => count(row.partial) },
        { id: 'failed', label: 'Failed', align: 'end', cell: (row) => count(row.failed) },
        { id: 'other', label: 'Cancelled, skipped or open', align: 'end', cell: (row) => count(row.other) },
      ],
    }),
  });
}

function movedPanel({ moved }: ReportView): Html | false {
  if (moved.snapshots === 0 && moved.readBytes === 0) return false;
  return panel({
    title: 'Read and added',
    content: facts([
      { label: 'Read from sources by backups', value: formatBytes(moved.readBytes) },
      { label: 'Added to repositories', value: formatBytes(moved.addedBytes) },
      { label: 'Snapshots made', value: formatCount(moved.snapshots) },
    ]),
  });
}

function nameRuns(runs: readonly NamedRunLine[], face: Clockface, prefix = ''): Html {
  return rows(
    runs.map(({ id, title, href, at, words }) => ({
      id: `${prefix}${id}`,
      title: html`<a href="${href}">${title}</a>`,
      detail: html`${stampTime(at, face)} · ${words}`,
    })),
  );
}

/** A run may be among the failed ones too. */
function slowestPanel({ slowest, face }: ReportView): Html | false {
  return slowest.length > 0 && panel({ title: 'Backups that took longest', content: nameRuns(slowest, face, 'slow-') });
}

function failuresPanel({ failures, moreFailures, face }: ReportView): Html {
  if (failures.length === 0) return panel({ title: 'Failed backups', content: html`<p class="quiet">None.</p>` });
  return panel({
    title: 'Failed backups',
    content: nameRuns(failures, face),
    ...(moreFailures > 0 ? { foot: html`<span class="quiet">${formatCount(moreFailures)} more.</span>` } : {}),
  });
}

function drillsPanel({ drills }: ReportView): Html {
  return panel({
    title: 'Proofs of recovery',
    content: html`${facts([
      { label: 'Drills that proved a backup', value: formatCount(drills.proven) },
      { label: 'Drills that did not', value: formatCount(drills.disproven) },
      ...(drills.longest === undefined ? [] : [{ label: 'Longest restore', value: drills.longest }]),
    ])}${drills.isCut && html`<p class="quiet">There were more drills since than are read for a report: these are the newest of them.</p>`}`,
  });
}

function growthPanel({ growth }: ReportView): Html {
  const { lines, more, bytes, grownBytes, repositoriesHref } = growth;
  if (lines.length === 0) return panel({ title: 'Growth', content: html`<p class="quiet">No repository was measured.</p>` });
  return panel({
    title: 'Growth',
    aside: `${formatBytes(bytes)} in all${grownBytes === undefined ? '' : `, ${formatByteChange(grownBytes)}`}`,
    flush: true,
    content: table<GrowthLine>({
      id: 'report-growth',
      caption: 'Repositories, their size at the end and how they grew',
      rows: lines,
      rowId: (row) => `growth-${row.id}`,
      columns: [
        { id: 'name', label: 'Repository', primary: true, cell: (row) => html`<a href="${row.href}">${row.name}</a>` },
        { id: 'bytes', label: 'Size', align: 'end', cell: (row) => formatBytes(row.bytes) },
        { id: 'grown', label: 'Grown by', align: 'end', cell: (row) => formatByteChange(row.grownBytes) },
      ],
    }),
    ...(more > 0
      ? {
          foot: html`<span class="quiet"><a href="${repositoriesHref}">${formatCount(more)} more</a>, none bigger than these.</span>`,
        }
      : {}),
  });
}

function gapsPanel({ gaps, face }: ReportView): Html | false {
  if (gaps === undefined) return false;
  const found =
    gaps.found > 0 &&
    html`<p><a href="${gaps.coverageHref}">${formatCount(gaps.found)} ${gaps.found === 1 ? 'thing was' : 'things were'} found that no source covers.</a></p>`;
  const none = gaps.lines.length === 0 && gaps.found === 0 && html`<p class="quiet">${gaps.none}</p>`;
  return panel({
    title: 'Not protected now',
    aside: relativeTime(face.now, face),
    content: html`<div class="stack">${found}${none}${rows(
      gaps.lines.map(({ id, title, href, status, reason }) => ({
        id: `gap-${id}`,
        status: protectionStatus(status),
        title: html`<a href="${href}">${title}</a>`,
        detail: reason,
      })),
    )}</div>`,
    ...(gaps.more > 0 ? { foot: html`<span class="quiet">${formatCount(gaps.more)} more.</span>` } : {}),
  });
}
