/**
 * A time in numbers: how runs went and day by day, what was read and added, which took longest, how big what is protected is, and what has
 * no fresh clean backup.
 */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { RunKind } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { AddedDay, RepositoryAdded, RunCount, RunDay } from '../../store/history.ts';
import type { Run } from '../../store/runs.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import type { LookedSource } from './look.ts';

/** From this age of its newest clean backup on a source is told of as stale, whatever its objectives say. */
const STALE_AFTER_MS = DAY_MS;

export interface StatisticsSpan {
  /** Epoch milliseconds; runs count that were created from `from` on and before `to`. */
  from: number;
  to: number;
  /** Slowest runs, repositories and stale sources that are named, at most. */
  limit: number;
}

export interface KindSuccess {
  kind: RunKind;
  /** Those that ended as succeeded, partial or failed: what was called off or skipped is neither. */
  ended: number;
  succeeded: number;
  /** 0 to 1; undefined while none has ended. */
  rate?: number | undefined;
}

export interface SourceKindSize {
  kind: string;
  sources: number;
  /** Of these, those with a clean backup. */
  backedUp: number;
  /** What the newest clean backup of each holds. */
  sizeBytes: number;
}

export interface StaleSource {
  id: SourceId;
  name: string;
  kind: string;
  host: HostId;
  /** Of the newest clean backup; undefined where there is none. */
  lastGoodAt?: number | undefined;
}

/** What was moved in the time. */
export interface Moved {
  /** From sources, by backups that were created in it. */
  readBytes: number;
  /** To repositories, by snapshots that were made in it. */
  addedBytes: number;
  snapshots: number;
  /** That anything was added to. */
  repositories: number;
  /** Of these, those that grew most. */
  most: readonly (RepositoryAdded & { name: string | undefined })[];
}

export interface Statistics {
  runs: readonly RunCount[];
  moved: Moved;
  /** Of the whole UTC days that the time touches, as `days`. */
  addedDays: readonly AddedDay[];
  success: readonly KindSuccess[];
  /** Of the whole UTC days that the time touches. */
  days: readonly RunDay[];
  /** Backups, those that took longest first. */
  slowest: readonly Run[];
  sourceKinds: readonly SourceKindSize[];
  /** Switched on, and without a clean backup of the last day; those that never had one first, then the oldest. */
  stale: { total: number; sources: readonly StaleSource[] };
}

const JUDGED = ['succeeded', 'partial', 'failed'];

function judgeSuccess(runs: readonly RunCount[]): readonly KindSuccess[] {
  const kinds = [...new Set(runs.map(({ kind }) => kind))].sort();
  return kinds.map((kind) => {
    const sum = (states: readonly string[]) =>
      runs.filter((one) => one.kind === kind && states.includes(one.state)).reduce((all, { count }) => all + count, 0);
    const [ended, succeeded] = [sum(JUDGED), sum(['succeeded'])];
    return { kind, ended, succeeded, ...(ended === 0 ? {} : { rate: succeeded / ended }) };
  });
}

function sumKinds(sources: readonly LookedSource[]): readonly SourceKindSize[] {
  const kinds = new Map<string, SourceKindSize>();
  for (const { source } of sources) {
    const sum = kinds.get(source.kind) ?? { kind: source.kind, sources: 0, backedUp: 0, sizeBytes: 0 };
    sum.sources += 1;
    if (source.standing?.lastGoodAt !== undefined) sum.backedUp += 1;
    sum.sizeBytes += source.standing?.lastGoodBytes ?? 0;
    kinds.set(source.kind, sum);
  }
  return [...kinds.values()].sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

function findStale(sources: readonly LookedSource[], now: number, limit: number): Statistics['stale'] {
  const stale = sources.flatMap(({ source: { id, name, kind, host, enabled, standing } }): StaleSource[] => {
    const lastGoodAt = standing?.lastGoodAt;
    const isFresh = lastGoodAt !== undefined && now - lastGoodAt <= STALE_AFTER_MS;
    return !enabled || isFresh ? [] : [{ id, name, kind, host, lastGoodAt }];
  });
  // Sorting is stable: those of one age stay in the order of lists, by name.
  stale.sort((a, b) => (a.lastGoodAt ?? -1) - (b.lastGoodAt ?? -1));
  return { total: stale.length, sources: stale.slice(0, limit) };
}

async function sumMoved({ store }: CoreContext, { tenant }: Caller, { from, to, limit }: StatisticsSpan): Promise<Moved> {
  const [readBytes, added] = await Promise.all([
    store.history.sumRead(tenant, from, to),
    store.history.sumAdded(tenant, from, to),
  ]);
  const most = added.toSorted((a, b) => b.addedBytes - a.addedBytes).slice(0, limit);
  const ids = most.map(({ repository }) => repository);
  const names = new Map((await store.repositories.findRepositories(tenant, ids)).map(({ id, name }) => [id, name]));
  return {
    readBytes,
    addedBytes: added.reduce((sum, { addedBytes }) => sum + addedBytes, 0),
    snapshots: added.reduce((sum, { snapshots }) => sum + snapshots, 0),
    repositories: added.length,
    most: most.map((one) => ({ ...one, name: names.get(one.repository) })),
  };
}

/**
 * Counted by what is kept counted, and by the fleet as it is held in memory: no run is read but the slowest, and those of the hours that
 * make no whole day.
 */
export async function compileStatistics(context: CoreContext, caller: Caller, span: StatisticsSpan): Promise<Statistics> {
  demand(caller, 'view');
  const { from, to, limit } = span;
  const { store, fleet } = context;
  const { tenant } = caller;
  const [first, end] = [Math.floor(from / DAY_MS), Math.ceil(to / DAY_MS)];
  const [runs, days, moved, addedDays, slowest, look] = await Promise.all([
    store.history.countRuns(tenant, from, to),
    store.history.listRunDays(tenant, first, end),
    sumMoved(context, caller, span),
    store.history.listAddedDays(tenant, first, end),
    store.runs.listRuns(
      tenant,
      { kind: 'backup', since: from, until: to },
      { limit, sort: { by: 'duration', direction: 'desc' } },
    ),
    fleet.look(tenant),
  ]);
  return {
    runs,
    success: judgeSuccess(runs),
    days,
    moved,
    addedDays,
    slowest: slowest.rows.filter(({ durationMs }) => durationMs !== undefined),
    sourceKinds: sumKinds(look.sources),
    stale: findStale(look.sources, look.at, limit),
  };
}
