/** `/reports/2026-11`: a month, made to be printed. `/reports` is the present one, or the days its address names. */
import { setImmediate as giveWay } from 'node:timers/promises';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { RUN_KINDS } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { listDrills } from '../../../core/drills/drills.ts';
import { compileStatistics, type Statistics } from '../../../core/fleet/statistics.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import { countFindings } from '../../../core/sources/findings.ts';
import type { Drill } from '../../../store/drills.ts';
import type { RepositoryGrowth } from '../../../store/history.ts';
import type { Run } from '../../../store/runs.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes, formatDuration, formatNoun, formatPercent } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { findShare, listDays } from '../overview/protection-days.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { RUN_KIND_WORDS, shortenSentence, splitFailure } from '../runs/run-words.ts';
import { buildShell } from '../shell.ts';
import { type GrowthLine, type ReportView, type RunKindLine, reportPage } from './report.view.ts';
import { type ReportPeriod, readReportPeriod } from './report-period.ts';

const FAILURES_NAMED = 20;
const SLOWEST_NAMED = 5;
const GAPS_NAMED = 50;
const REPOSITORIES_NAMED = 50;
/** Repositories whose sizes are looked up in one step of the event loop. */
const REPOSITORIES_AT_ONCE = 200;
/** Drills are read newest first until the first day is over: so many pages at most. */
const DRILL_PAGES = 20;

function countKinds({ runs: counts }: Statistics): readonly RunKindLine[] {
  return RUN_KINDS.flatMap((kind) => {
    const own = counts.filter((one) => one.kind === kind);
    const of = (...states: string[]) =>
      own.filter(({ state }) => states.includes(state)).reduce((sum, { count }) => sum + count, 0);
    const line = { kind: RUN_KIND_WORDS[kind], succeeded: of('succeeded'), partial: of('partial'), failed: of('failed') };
    const other = of('cancelled', 'skipped', 'queued', 'running', 'finalizing');
    return own.length === 0 ? [] : [{ ...line, other }];
  });
}

function nameRun({ host, plan }: Pick<Run, 'host' | 'plan'>, names: Names): string {
  return `${nameOf(names.hosts, host, 'host')} / ${plan === undefined ? 'by hand' : nameOf(names.plans, plan, 'plan')}`;
}

async function readSlowest(context: CoreContext, visit: Visit, { slowest }: Statistics): Promise<ReportView['slowest']> {
  const { caller, urls } = visit;
  const names = await loadNames(context, caller, {
    hosts: slowest.map(({ host }) => host),
    plans: slowest.flatMap(({ plan }) => plan ?? []),
  });
  return slowest.map((run) => ({
    id: run.id,
    title: nameRun(run, names),
    href: urls.run({ run: run.id }),
    at: run.createdAt,
    words: `${formatDuration(run.durationMs)}, ${formatBytes(run.bytes)} read`,
  }));
}

async function readFailures(context: CoreContext, visit: Visit, period: ReportPeriod): Promise<ReportView['failures']> {
  const { caller, urls } = visit;
  const filter = { kind: 'backup', state: 'failed', since: period.from, until: period.to } as const;
  const { rows } = await listRuns(context, caller, filter, { limit: FAILURES_NAMED });
  const names = await loadNames(context, caller, {
    hosts: rows.map(({ host }) => host),
    plans: rows.flatMap(({ plan }) => plan ?? []),
  });
  return rows.map(({ id, createdAt, failure, ...run }) => ({
    id,
    title: nameRun(run, names),
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

/** All that were measured, the biggest of them by name: how big at the end of the time, and by how much they grew in it. */
async function readGrowth({ store }: CoreContext, visit: Visit, period: ReportPeriod): Promise<ReportView['growth']> {
  const { caller, urls } = visit;
  const all: RepositoryGrowth[] = [];
  for (let after: RepositoryId | undefined; ; ) {
    const { rows, next } = await store.history.listGrowth(caller.tenant, period, { after, limit: REPOSITORIES_AT_ONCE });
    all.push(...rows);
    if (next === undefined) break;
    after = next;
    await giveWay();
  }
  const lines = all
    .map(({ repository: id, name, first, last }): GrowthLine => {
      const href = urls.repository({ repository: id });
      // One measurement tells no growth.
      const grownBytes = first.at === last.at ? undefined : last.sizeBytes - first.sizeBytes;
      return { id, name, href, bytes: last.sizeBytes, grownBytes };
    })
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  const grown = lines.flatMap(({ grownBytes }) => grownBytes ?? []);
  return {
    lines: lines.slice(0, REPOSITORIES_NAMED),
    more: Math.max(0, lines.length - REPOSITORIES_NAMED),
    bytes: lines.reduce((sum, { bytes }) => sum + bytes, 0),
    grownBytes: grown.length === 0 ? undefined : grown.reduce((sum, bytes) => sum + bytes, 0),
    repositoriesHref: urls.repositories(),
  };
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
  const { from, to } = period;
  const statistics = await compileStatistics(context, caller, { from, to, limit: SLOWEST_NAMED });
  const runs = countKinds(statistics);
  const [slowest, failures, drills, growth] = await Promise.all([
    readSlowest(context, visit, statistics),
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
    ...{ runs, slowest, failures, drills, growth },
    moved: statistics.moved,
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
