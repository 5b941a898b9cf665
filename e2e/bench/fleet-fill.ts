/** A store as a big fleet leaves it: hosts, sources, plans, and runs with their logs, through the store's own doors. */
import { join } from 'node:path';
import type { Plan } from '@holdfast/server/store/catalog.ts';
import { writeBackupLog } from '@holdfast/server/store/contract/real-logs.ts';
import { sampleHost, samplePlan, sampleRepository, sampleSource, sequence } from '@holdfast/server/store/contract/samples.ts';
import type { Host } from '@holdfast/server/store/hosts.ts';
import { openSqliteStore } from '@holdfast/server/store/sqlite/open.ts';
import type { Store } from '@holdfast/server/store/store.ts';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type IdKind, type SourceId } from '@holdfast/shared/domain/ids.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';

export type FleetSize = {
  readonly hosts: number;
  readonly sourcesPerHost: number;
  readonly runs: number;
};

const WHOLE: FleetSize = { hosts: 5000, sourcesPerHost: 4, runs: 1_000_000 };
const REPOSITORIES = 20;
const DAYS = 90;
const MIGRATIONS = join(import.meta.dirname, '../../migrations');

/** A part of the whole fleet: `share` 1 is 5,000 hosts, 20,000 sources, 1,000,000 runs and some 10,000,000 lines of log. */
export function sizeFleet(share: number): FleetSize {
  return { ...WHOLE, hosts: Math.ceil(WHOLE.hosts * share), runs: Math.ceil(WHOLE.runs * share) };
}

export type Owned = { readonly host: Host; readonly source: SourceId; readonly plan: Plan };

/** Fills the store at `path`, which no server has open. Resolves with one entry for each source. */
export async function fillFleet(
  path: string,
  size: FleetSize,
  now: number,
  say: (text: string) => void,
): Promise<readonly Owned[]> {
  const store = await openSqliteStore({
    path,
    migrationsDir: MIGRATIONS,
    clock: { now: () => now },
    hostDayLogBytes: Number.MAX_SAFE_INTEGER,
  });
  try {
    const owned = await addPlans(store, size);
    say(`${size.hosts} hosts, ${owned.length} sources`);
    await addRuns(store, owned, size, now, say);
    await gatherLogs(store);
    return owned;
  } finally {
    await store.close();
  }
}

/** One plan for each host, with all of its sources. */
async function addPlans(store: Store, size: FleetSize): Promise<readonly Owned[]> {
  const repositories = Array.from({ length: REPOSITORIES }, () => sampleRepository());
  for (const repository of repositories) await store.catalog.insertRepository(repository);
  const owned: Owned[] = [];
  for (let index = 0; index < size.hosts; index += 1) {
    const host = sampleHost({ tags: [`site-${index % 30}`, index % 5 === 0 ? 'production' : 'test'] });
    const repository = repositories[index % REPOSITORIES];
    if (repository === undefined) throw new Error('there is no repository');
    await store.hosts.insertHost(host);
    const sources = Array.from({ length: size.sourcesPerHost }, () => sampleSource(host));
    for (const source of sources) await store.catalog.insertSource(source);
    const plan = samplePlan(repository, sources);
    await store.catalog.insertPlan(plan);
    owned.push(...sources.map((source) => ({ host, source: source.id, plan })));
  }
  return owned;
}

/** What the server does once a minute, and here with all runs at once. */
async function gatherLogs(store: Store): Promise<void> {
  for (let more = true; more; ) more = (await store.runs.gatherLogs()).hasMore;
}

/** Runs in turn over all sources, the oldest first, each told by its host in frames as an agent sends them. */
async function addRuns(
  store: Store,
  owned: readonly Owned[],
  size: FleetSize,
  now: number,
  say: (text: string) => void,
): Promise<void> {
  const stepMs = (DAYS * 86_400_000) / size.runs;
  const streams = new Map<Host, { seq: number; waiting: DurableEvent[] }>();
  const flush = async (host: Host, stream: { seq: number; waiting: DurableEvent[] }) => {
    const frame = sequence(stream.waiting, stream.seq);
    await store.runs.applyEvents(host.tenant, host.id, 'bench-epoch', frame, now);
    stream.seq += frame.length;
    stream.waiting = [];
  };
  for (let index = 0; index < size.runs; index += 1) {
    const one = owned[index % owned.length];
    if (one === undefined) throw new Error('there is no plan');
    const stream = streams.get(one.host) ?? { seq: 1, waiting: [] };
    streams.set(one.host, stream);
    stream.waiting.push(...tellRun(one, index, index % owned.length, Math.round(now - (size.runs - index) * stepMs), size));
    if (stream.waiting.length > WIRE.eventsPerFrame - 10) await flush(one.host, stream);
    if (index % 100_000 === 99_999) say(`${index + 1} of ${size.runs} runs`);
  }
  for (const [host, stream] of streams) if (stream.waiting.length > 0) await flush(host, stream);
}

/** One run in a hundred goes wrong, the newest few are still under way. */
function tellRun({ source, plan }: Owned, index: number, place: number, at: number, size: FleetSize): readonly DurableEvent[] {
  const makeId = <K extends IdKind>(kind: K) => createId(kind, { clock: { now: () => at }, randomBytes: systemRandomBytes });
  const run = makeId('run');
  const state: TerminalState = index % 100 === 99 ? 'failed' : 'succeeded';
  const failure = {
    code: 'tool_failed',
    message: 'pg_dump: error: connection to server was lost',
    reason: 'dump_failed',
  } as const;
  const trouble = state === 'succeeded' ? {} : { failure };
  const evidence = [{ check: 'read_back', ok: state === 'succeeded', seen: 'tags and size match the summary' } as const];
  const lines = writeBackupLog(index, place, at + 200);
  const begin: readonly DurableEvent[] = [
    {
      type: 'run.created',
      run,
      at,
      kind: 'backup',
      trigger: 'schedule',
      plan: plan.id,
      repository: plan.repository,
      sources: [source],
      fireAt: at,
    },
    { type: 'run.started', run, at: at + 100 },
    { type: 'run.log', run, at: at + 9000, lines },
  ];
  if (index >= size.runs - 10) return begin;
  const bytes = 1_000_000 + index;
  const snapshot = {
    id: makeId('snapshot'),
    engineId: index.toString(16).padStart(64, '0'),
    source,
    role: 'data' as const,
    createdAt: at + 9000,
    sizeBytes: bytes,
    addedBytes: 10_000,
    files: 12,
    evidence,
  };
  const part = { source, state, ...trouble, warnings: [], bytes, durationMs: 9000 };
  return [
    ...begin,
    ...(state === 'failed' ? [] : [{ type: 'snapshot.made' as const, run, at: at + 9000, snapshot }]),
    { type: 'part.finished', run, at: at + 9500, part },
    {
      type: 'run.finished',
      run,
      at: at + 10_000,
      state,
      ...trouble,
      evidence,
      bytes,
      logLines: lines.length,
      durationMs: 9900,
    },
  ];
}
