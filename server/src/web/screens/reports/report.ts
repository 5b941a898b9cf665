/** `/reports/2026-11`: a month, made to be printed. `/reports` is the present one, or the days its address names. */
import { RUN_KINDS } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { listDrills } from '../../../core/drills/drills.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import { countFindings } from '../../../core/sources/findings.ts';
import type { Drill } from '../../../store/drills.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatDuration, formatNoun, formatPercent } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { findShare, listDays } from '../overview/protection-days.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { RUN_KIND_WORDS, shortenSentence, splitFailure } from '../runs/run-words.ts';
import { buildShell } from '../shell.ts';
import { type GrowthLine, type ReportView, type RunKindLine, reportPage } from './report.view.ts';
import { type ReportPeriod, readReportPeriod } from './report-period.ts';

const FAILURES_NAMED = 20;
const GAPS_NAMED = 50;
const REPOSITORIES_SHOWN = 100;
const SIZES_READ = 1000;
/** Drills are read newest first until the first day is over: so many pages at most. */
const DRILL_PAGES = 20;

async function countKinds({ store }: CoreContext, visit: Visit, period: ReportPeriod): Promise<readonly RunKindLine[]> {
  const counts = await store.history.countRuns(visit.caller.tenant, period.from, period.to);
  return RUN_KINDS.flatMap((kind) => {
    const own = counts.filter((one) => one.kind === kind);
    const of = (...states: string[]) =>
      own.filter(({ state }) => states.includes(state)).reduce((sum, { count }) => sum + count, 0);
    const line = { kind: RUN_KIND_WORDS[kind], succeeded: of('succeeded'), partial: of('partial'), failed: of('failed') };
    const other = of('cancelled', 'skipped', 'queued', 'running', 'finalizing');
    return own.length === 0 ? [] : [{ ...line, other }];
  });
}

async function readFailures(context: CoreContext, visit: Visit, period: ReportPeriod): Promise<ReportView['failures']> {
  const { caller, urls } = visit;
  const filter = { kind: 'backup', state: 'failed', since: period.from, until: period.to } as const;
  const { rows } = await listRuns(context, caller, filter, { limit: FAILURES_NAMED });
  const names = await loadNames(context, caller, {
    hosts: rows.map(({ host }) => host),
    plans: rows.flatMap(({ plan }) => plan ?? []),
  });
  return rows.map(({ id, host, plan, createdAt, failure }) => ({
    id,
    title: `${nameOf(names.hosts, host, 'host')} / ${plan === undefined ? 'by hand' : nameOf(names.plans, plan, 'plan')}`,
    href: urls.run({ run: id }),
    at: createdAt,
    words: failure === undefined ? 'it failed' : shortenSentence(splitFailure(failure).what, 160),
  }));
}

async function readDrills(context: CoreContext, visit: Visit, period: ReportPeriod): Promise<ReportView['drills']> {
  const drills: Drill[] = [];
  let after: string | undefined;
  let isOver = false;
  for (let page = 0; page < DRILL_PAGES; page += 1) {
    const found = await listDrills(context, visit.caller, {}, { limit: HTTP.pageSizeMax, after });
    drills.push(...found.rows.filter(({ endedAt }) => endedAt >= period.from && endedAt < period.to));
    after = found.next;
    isOver = (found.rows.at(-1)?.endedAt ?? 0) < period.from;
    if (after === undefined || isOver) break;
  }
  const isCut = after !== undefined && !isOver;
  const longestMs = Math.max(-1, ...drills.map(({ restoreMs }) => restoreMs));
  const proven = drills.filter(({ isProven }) => isProven).length;
  return {
    proven,
    disproven: drills.length - proven,
    isCut,
    longest: longestMs < 0 ? undefined : formatDuration(longestMs),
  };
}

async function readGrowth({ store }: CoreContext, visit: Visit, period: ReportPeriod): Promise<readonly GrowthLine[]> {
  const { caller, urls } = visit;
  const { rows } = await store.repositories.listRepositories(caller.tenant, {}, { limit: REPOSITORIES_SHOWN });
  const lines = await Promise.all(
    rows.map(async ({ id, name }): Promise<GrowthLine> => {
      const sizes = await store.maintenance.listSizes(caller.tenant, id, SIZES_READ);
      const last = sizes.findLast(({ measuredAt }) => measuredAt < period.to);
      // What it was when the first day began, or at its first measurement.
      const first =
        sizes.findLast(({ measuredAt }) => measuredAt < period.from) ?? sizes.find(({ measuredAt }) => measuredAt < period.to);
      const isMeasured = last !== undefined && first !== undefined && last !== first;
      const grownBytes = isMeasured ? last.sizeBytes - first.sizeBytes : undefined;
      return { id, name, href: urls.repository({ repository: id }), bytes: last?.sizeBytes, grownBytes };
    }),
  );
  return lines.filter(({ bytes }) => bytes !== undefined);
}

async function readGaps(context: CoreContext, visit: Visit): Promise<ReportView['gaps']> {
  const { caller, urls } = visit;
  const look = await context.fleet.look(caller.tenant);
  const lines: NonNullable<ReportView['gaps']>['lines'][number][] = [];
  for (const one of look.sources) {
    const { source, host, protection } = one;
    if (protection.status === 'protected' || protection.status === 'paused') continue;
    if (lines.length === GAPS_NAMED) break;
    const href = urls.source({ source: source.id });
    const title = `${host.name} / ${source.name}`;
    lines.push({ id: source.id, title, href, status: protection.status, reason: look.explain(one) });
  }
  const gaps = look.sources.length - look.counts.protected - look.counts.paused;
  const { open } = await countFindings(context, caller);
  return {
    lines,
    more: gaps - lines.length,
    found: open,
    coverageHref: urls.coverage(),
    none: describeNoGap(look.counts.protected, look.sources.length),
  };
}

/** Where nothing stands open: that may be because there is nothing. */
function describeNoGap(held: number, all: number): string {
  if (all === 0) return 'There is no source yet.';
  if (held === 0) return 'Every source is paused: nothing is being backed up.';
  return held === 1
    ? 'The one source that is not paused is protected.'
    : `All ${formatNoun(held, 'source')} that are not paused are protected.`;
}

/** Days before the first run and the first look have nothing to tell. */
async function isThereMoreBefore(context: CoreContext, { caller }: Visit, period: ReportPeriod): Promise<boolean> {
  const days = await context.store.history.listProtectionDays(caller.tenant, 0, period.from / DAY_MS);
  if (days.length > 0) return true;
  return (await listRuns(context, caller, { until: period.from }, { limit: 1 })).rows.length > 0;
}

function describePeriod({ name, during }: ReportPeriod, share: number | undefined, failed: number): string {
  const protection = share === undefined ? `There are no figures of ${name}` : `${formatPercent(share)} protected ${during}`;
  return `${protection}, ${failed === 0 ? 'and no backup failed' : `${failed} ${failed === 1 ? 'backup' : 'backups'} failed`}.`;
}

async function showReport(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller } = visit;
  const now = context.clock.now();
  const { period, problem } = readReportPeriod(visit, now);
  const isOpen = now < period.to;
  const seen = await context.store.history.listProtectionDays(caller.tenant, period.from / DAY_MS, period.to / DAY_MS);
  const share = findShare(seen);
  const [runs, failures, drills, growth] = await Promise.all([
    countKinds(context, visit, period),
    readFailures(context, visit, period),
    readDrills(context, visit, period),
    readGrowth(context, visit, period),
  ]);
  const hasEarlier = await isThereMoreBefore(context, visit, period);
  const failed = runs.find(({ kind }) => kind === 'backup')?.failed ?? 0;
  const view: ReportView = {
    face: readClockface(context, visit),
    name: period.name,
    heading: describePeriod(period, share, failed),
    madeAt: now,
    isOpen,
    share,
    days: listDays(period.from, Math.min(period.to, Math.max(now, period.from + 1)), seen),
    ...{ runs, failures, drills, growth },
    moreFailures: Math.max(0, failed - failures.length),
    gaps: isOpen ? await readGaps(context, visit) : undefined,
    earlier: hasEarlier ? period.earlier : undefined,
    later: isOpen ? undefined : period.later,
    form: { action: visit.urls.reports(), typed: period.typed, problem },
  };
  return {
    kind: 'page',
    status: problem === undefined ? 200 : 422,
    html: reportPage(await buildShell(context, visit, 'reports'), view),
  };
}

export const REPORT_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.reports, handle: showReport },
  { method: 'get', path: PAGES.report, handle: showReport },
];
