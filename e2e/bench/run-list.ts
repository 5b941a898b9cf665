/** The list of runs as the server renders it with 100,000 runs in its store. */
import { join } from 'node:path';
import { sampleHost, samplePlan, sampleRepository, sampleSource } from '@holdfast/server/store/contract/samples.ts';
import { openSqliteStore } from '@holdfast/server/store/sqlite/open.ts';
import type { Store } from '@holdfast/server/store/store.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { readProcessorMs } from './process-usage.ts';
import { signIn } from './sign-in.ts';
import { computeMedian, computePercentile, roundTo } from './statistics.ts';
import { type Owned, tellRuns } from './told-runs.ts';

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

/** Fills the store through its own doors, as agents would have: hosts, plans, and each run by its events. */
async function fillStore(path: string, now: number): Promise<readonly Owned[]> {
  const store = await openSqliteStore({ path, migrationsDir: MIGRATIONS, clock: { now: () => now } });
  try {
    const owned = await addPlans(store);
    // A night in a hundred goes wrong, some others in part.
    const stateOf = (index: number) => (index % 100 === 7 ? 'failed' : index % 400 === 9 ? 'partial' : 'succeeded');
    await tellRuns(store, owned, { runs: RUNS, days: DAYS, now, stateOf });
    return owned;
  } finally {
    await store.close();
  }
}

async function addPlans(store: Store): Promise<readonly Owned[]> {
  const owned: Owned[] = [];
  const repository = sampleRepository();
  await store.repositories.insertRepository(repository);
  for (let hostIndex = 0; hostIndex < HOSTS; hostIndex += 1) {
    const host = sampleHost();
    await store.hosts.insertHost(host);
    for (let planIndex = 0; planIndex < PLANS_PER_HOST; planIndex += 1) {
      const source = sampleSource(host);
      const plan = samplePlan(repository, [source]);
      await store.sources.insertSource(source);
      await store.plans.insertPlan(plan);
      owned.push({ host, source: source.id, plan });
    }
  }
  return owned;
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
