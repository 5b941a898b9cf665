/** The list of runs as the server renders it with 100,000 runs in its store. */
import { join } from 'node:path';
import type { Plan } from '@holdfast/server/store/catalog.ts';
import { sampleHost, samplePlan, sampleRepository, sampleSource, sequence } from '@holdfast/server/store/contract/samples.ts';
import type { Host } from '@holdfast/server/store/hosts.ts';
import { openSqliteStore } from '@holdfast/server/store/sqlite/open.ts';
import type { Store } from '@holdfast/server/store/store.ts';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type IdKind, type SourceId } from '@holdfast/shared/domain/ids.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { readProcessorMs } from './process-usage.ts';
import { signIn } from './sign-in.ts';
import { computeMedian, computePercentile, roundTo } from './statistics.ts';

const RUNS = 100_000;
const HOSTS = 20;
const PLANS_PER_HOST = 3;
const DAYS = 90;
const LIMIT_MS = 50;
const REQUESTS = 600;
const WARM_UPS = 30;
const DEEP_PAGES = 5;
const MIGRATIONS = join(import.meta.dirname, '../../migrations');

export const RUN_LIST: Benchmark = {
  figures: ['run-list-page', 'run-list-page-client'],
  async measure(world) {
    const stack = await startStack();
    try {
      await stack.server.kill('SIGTERM');
      world.say(`filling the store with ${RUNS} runs`);
      const plans = await fillStore(join(stack.server.dataDir, 'holdfast.db'), Date.now());
      await stack.server.restart();
      const cookie = await signIn(stack);
      return await measurePages(stack, cookie, await listPaths(stack, cookie, plans));
    } finally {
      await stack.stop();
    }
  },
};

type Owned = { readonly host: Host; readonly source: SourceId; readonly plan: Plan };

/** Fills the store through its own doors, as agents would have: hosts, plans, and each run by its events. */
async function fillStore(path: string, now: number): Promise<readonly Owned[]> {
  const store = await openSqliteStore({ path, migrationsDir: MIGRATIONS, clock: { now: () => now } });
  try {
    const owned = await addPlans(store);
    const stepMs = (DAYS * 86_400_000) / RUNS;
    const streams = new Map<Host, { seq: number; waiting: DurableEvent[] }>();
    const flush = async (host: Host, stream: { seq: number; waiting: DurableEvent[] }) => {
      const frame = sequence(stream.waiting, stream.seq);
      await store.runs.applyEvents(host.tenant, host.id, 'bench-epoch', frame, now);
      stream.seq += frame.length;
      stream.waiting = [];
    };
    for (let index = 0; index < RUNS; index += 1) {
      const one = owned[index % owned.length];
      if (one === undefined) throw new Error('there is no plan');
      const stream = streams.get(one.host) ?? { seq: 1, waiting: [] };
      streams.set(one.host, stream);
      stream.waiting.push(...buildRun(one, index, Math.round(now - (RUNS - index) * stepMs)));
      if (stream.waiting.length > WIRE.eventsPerFrame - 10) await flush(one.host, stream);
    }
    for (const [host, stream] of streams) if (stream.waiting.length > 0) await flush(host, stream);
    return owned;
  } finally {
    await store.close();
  }
}

async function addPlans(store: Store): Promise<readonly Owned[]> {
  const owned: Owned[] = [];
  const repository = sampleRepository();
  await store.catalog.insertRepository(repository);
  for (let hostIndex = 0; hostIndex < HOSTS; hostIndex += 1) {
    const host = sampleHost();
    await store.hosts.insertHost(host);
    for (let planIndex = 0; planIndex < PLANS_PER_HOST; planIndex += 1) {
      const source = sampleSource(host);
      const plan = samplePlan(repository, [source]);
      await store.catalog.insertSource(source);
      await store.catalog.insertPlan(plan);
      owned.push({ host, source: source.id, plan });
    }
  }
  return owned;
}

/** A night in a hundred goes wrong, the newest few are still under way. */
function buildRun({ source, plan }: Owned, index: number, at: number): readonly DurableEvent[] {
  const makeId = <K extends IdKind>(kind: K) => createId(kind, { clock: { now: () => at }, randomBytes: systemRandomBytes });
  const run = makeId('run');
  const state: TerminalState = index % 100 === 7 ? 'failed' : index % 400 === 9 ? 'partial' : 'succeeded';
  const failure = {
    code: 'tool_failed',
    message: 'pg_dump: error: connection to server was lost',
    reason: 'dump_failed',
  } as const;
  const trouble = state === 'succeeded' ? {} : { failure };
  const evidence = [{ check: 'read_back', ok: state === 'succeeded', seen: 'tags and size match the summary' } as const];
  const created: DurableEvent = {
    type: 'run.created',
    run,
    at,
    kind: 'backup',
    trigger: 'schedule',
    plan: plan.id,
    repository: plan.repository,
    sources: [source],
    fireAt: at,
  };
  const started: DurableEvent = { type: 'run.started', run, at: at + 100 };
  if (index >= RUNS - 10) return [created, started];
  const made: DurableEvent = {
    type: 'snapshot.made',
    run,
    at: at + 9000,
    snapshot: {
      id: makeId('snapshot'),
      engineId: index.toString(16).padStart(64, '0'),
      source,
      role: 'data',
      createdAt: at + 9000,
      sizeBytes: 1_000_000 + index,
      addedBytes: 10_000,
      files: 12,
      evidence,
    },
  };
  const part = { source, state, ...trouble, warnings: [], bytes: 1_000_000 + index, durationMs: 9000 };
  const bytes = part.bytes;
  return [
    created,
    started,
    ...(state === 'failed' ? [] : [made]),
    { type: 'part.finished', run, at: at + 9500, part },
    { type: 'run.finished', run, at: at + 10_000, state, ...trouble, evidence, bytes, logLines: 0, durationMs: 9900 },
  ];
}

/** The list as people look at it: whole, filtered, and some pages down. */
async function listPaths(stack: Stack, cookie: string, owned: readonly Owned[]): Promise<readonly string[]> {
  const plan = owned.at(-1)?.plan.id ?? '';
  const host = owned[0]?.host.id ?? '';
  const first = [
    '',
    '?state=failed',
    '?state=active',
    '?state=succeeded',
    '?kind=backup',
    '?kind=restore',
    `?host=${host}`,
    `?plan=${plan}`,
    '?period=day',
    '?period=month',
    `?host=${host}&state=failed`,
    `?plan=${plan}&period=week`,
  ].map((query) => `/runs${query}`);
  const deep: string[] = [];
  for (let path = '/runs', page = 0; page < DEEP_PAGES; page += 1) {
    const { html } = await get(stack, cookie, path);
    const next = [...html.matchAll(/href="([^"]*\bafter=[^"]*)"/g)].at(-1)?.[1]?.replaceAll('&amp;', '&');
    if (next === undefined) throw new Error(`${path} has no next page`);
    path = next;
    deep.push(next);
  }
  return [...first, ...deep];
}

async function get(stack: Stack, cookie: string, path: string, requestId?: string): Promise<{ html: string; clientMs: number }> {
  const startedMs = performance.now();
  const headers = { cookie, accept: 'text/html', ...(requestId === undefined ? {} : { 'x-request-id': requestId }) };
  const response = await fetch(new URL(path, stack.server.url), { headers, redirect: 'manual' });
  const html = await response.text();
  const clientMs = performance.now() - startedMs;
  if (response.status !== 200 || !html.includes('</html>')) throw new Error(`${path} gave ${response.status}`);
  return { html, clientMs };
}

/** One request after the other; the server's own time is read from its log by the request's id. */
async function measurePages(stack: Stack, cookie: string, paths: readonly string[]): Promise<readonly Figure[]> {
  const clientMs: number[] = [];
  let processorMs = 0;
  for (let index = -WARM_UPS; index < REQUESTS; index += 1) {
    const path = paths[(index + WARM_UPS) % paths.length] ?? '/runs';
    if (index === 0) processorMs = -readProcessorMs(stack.server.pid());
    const answer = await get(stack, cookie, path, `bench-page-${index < 0 ? 'warmup' : 'counted'}-${Math.abs(index)}`);
    if (index >= 0) clientMs.push(answer.clientMs);
  }
  processorMs += readProcessorMs(stack.server.pid());
  await stack.server.awaitLog(new RegExp(`"request":"bench-page-counted-${REQUESTS - 1}"`));
  const serverMs = stack.server
    .readLog()
    .split('\n')
    .filter((line) => line.includes('"request":"bench-page-counted-'))
    .map((line) => (JSON.parse(line) as { ms: number }).ms);
  if (serverMs.length !== REQUESTS) throw new Error(`${serverMs.length} of ${REQUESTS} requests are in the server's log`);
  return [
    judgePages(
      'run-list-page',
      serverMs,
      `of ${REQUESTS} pages of ${paths.length} kinds, by the server's log; ${roundTo(processorMs / REQUESTS, 1)} ms of processor time each`,
    ),
    judgePages('run-list-page-client', clientMs, 'of the same pages, by the client over loopback'),
  ];
}

function judgePages(name: string, times: readonly number[], what: string): Figure {
  const detail = `p95 ${what}; median ${roundTo(computeMedian(times), 1)}, highest ${roundTo(Math.max(...times), 1)} ms; ${RUNS} runs stored`;
  return judgeFigure(name, roundTo(computePercentile(times, 95), 1), 'ms', LIMIT_MS, detail);
}
