/** Pages, lists of the API, metrics and size of a store that holds a big fleet. */
import { statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Stack, startStack } from '../harness/stack.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { fillFleet, sizeFleet } from './fleet-fill.ts';
import { readFineProcessorMs } from './process-usage.ts';
import { signIn } from './sign-in.ts';
import { computePercentile, roundTo } from './statistics.ts';
import type { Owned } from './told-runs.ts';

/** The share of the whole fleet (5,000 hosts, 20,000 sources, 1,000,000 runs, 10,000,000 lines): a twentieth unless told. */
const SHARE = Number(process.env['HOLDFAST_BENCH_FLEET'] ?? 0.05);
const ROUNDS = 20;
const WARM_UPS = 3;
const PAGE_LIMIT_MS = 50;
const PAGE_LIMIT_KB = 100;
const API_LIMIT_MS = 30;
const METRICS_LIMIT_MS = 150;
const RUN_LIMIT_KB = 1.5;
const LOG_LIMIT_PERCENT = 15;

export const FLEET: Benchmark = {
  figures: ['fleet-pages', 'fleet-page-size', 'fleet-api-lists', 'fleet-metrics', 'fleet-run-size', 'fleet-log-size'],
  async measure(world) {
    const stack = await startStack({ env: { HOLDFAST_METRICS_CIDR: '127.0.0.0/8' } });
    try {
      await stack.server.kill('SIGTERM');
      const size = sizeFleet(SHARE);
      world.say(`filling the store with ${size.hosts} hosts and ${size.runs} runs`);
      const path = join(stack.server.dataDir, 'holdfast.db');
      const owned = await fillFleet(path, size, Date.now(), world.say);
      const sizes = judgeSizes(path, size.runs);
      await stack.server.restart();
      const cookie = await signIn(stack);
      const what = `${size.hosts} hosts, ${owned.length} sources, ${size.runs} runs stored`;
      const pages = await measureKinds(stack, cookie, listPages(owned));
      const lists = await measureKinds(stack, cookie, listApi(owned));
      const metrics = [await measureScrapes(stack, cookie)];
      for (const kind of [...pages, ...lists, ...metrics])
        world.say(`${kind.path} ${kind.p95Ms} ms, processor ${kind.processorMs} ms, ${roundTo(kind.bytes / 1000, 1)} KB`);
      return [
        judgeTimes('fleet-pages', pages, PAGE_LIMIT_MS, what),
        judgeBiggest(pages, what),
        judgeTimes('fleet-api-lists', lists, API_LIMIT_MS, what),
        judgeTimes('fleet-metrics', metrics, METRICS_LIMIT_MS, what),
        ...sizes,
      ];
    } finally {
      await stack.stop();
    }
  },
};

/** Every page of a list, whole, narrowed and searched, and one thing of each kind. */
function listPages(owned: readonly Owned[]): readonly string[] {
  const some = owned[Math.floor(owned.length / 2)];
  if (some === undefined) throw new Error('the fleet is empty');
  const { host, plan, source } = some;
  return [
    ...['/', '/board', '/hosts', '/hosts?q=host+00', '/hosts?tag=production', `/hosts/${host.id}`],
    ...['/sources', '/sources?q=shop', '/sources?status=protected', '/sources?status=unknown', `/sources/${source}`],
    ...['/plans', '/plans?q=plan', `/plans/${plan.id}`, '/repositories', `/repositories/${plan.repository}`, '/retention'],
    ...['/runs', '/runs?state=failed', `/runs?host=${host.id}`, `/runs?plan=${plan.id}&period=week`],
    ...['/snapshots', `/snapshots?source=${source}`, '/alerts', '/coverage', '/drills', '/reports'],
    ...['/restore', '/objectives', '/audit', '/settings/channels'],
  ];
}

function listApi(owned: readonly Owned[]): readonly string[] {
  const host = owned[0]?.host.id ?? '';
  const lists = [
    'hosts',
    'sources',
    'plans',
    'repositories',
    'runs',
    `runs?host=${host}`,
    'runs?state=failed',
    'snapshots',
    'alerts',
    'audit',
  ];
  return lists.map((list) => `/api/v1/${list}`);
}

type Kind = {
  readonly path: string;
  readonly ms: readonly number[];
  readonly p95Ms: number;
  /** 95th percentile of what the server spent from the request to the end of the answer, whatever else it did then. */
  readonly processorMs: number;
  readonly bytes: number;
};

/** Asks for each address in turn, one after the other; times are those of the server's own log. A page that is not there is left out. */
async function measureKinds(stack: Stack, cookie: string, paths: readonly string[]): Promise<readonly Kind[]> {
  const bytes = new Map<string, number>();
  for (const path of paths) {
    const answer = await ask(stack, cookie, path, 'bench-fleet-warmup');
    if (answer.status === 200) bytes.set(path, answer.bytes);
    else throw new Error(`${path} gave ${answer.status}`);
  }
  const asked = new Map<string, string>();
  const spent = new Map<string, number[]>(paths.map((path) => [path, []]));
  const stamp = Date.now();
  for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
    for (const [index, path] of paths.entries()) {
      const id = `bench-fleet-${stamp}-${round}-${index}`;
      const before = readFineProcessorMs(stack.server.pid());
      await ask(stack, cookie, path, id);
      if (round < WARM_UPS) continue;
      spent.get(path)?.push(readFineProcessorMs(stack.server.pid()) - before);
      asked.set(id, path);
    }
  }
  await stack.server.awaitLog(new RegExp(`"request":"${[...asked.keys()].at(-1)}"`));
  const times = new Map<string, number[]>(paths.map((path) => [path, []]));
  for (const line of stack.server.readLog().split('\n')) {
    const id = /"request":"(bench-fleet-[\d-]+)"/.exec(line)?.[1];
    const path = id === undefined ? undefined : asked.get(id);
    if (path !== undefined) times.get(path)?.push((JSON.parse(line) as { ms: number }).ms);
  }
  return [...times].map(([path, ms]) => {
    if (ms.length !== ROUNDS) throw new Error(`${ms.length} of ${ROUNDS} requests for ${path} are in the server's log`);
    return summarize(path, ms, spent.get(path) ?? [], bytes.get(path) ?? 0);
  });
}

function summarize(path: string, ms: readonly number[], spent: readonly number[], bytes: number): Kind {
  const [p95Ms, processorMs] = [ms, spent].map((times) => roundTo(computePercentile([...times], 95), 1));
  return { path, ms, p95Ms: p95Ms ?? Number.NaN, processorMs: processorMs ?? Number.NaN, bytes };
}

/** A scrape is in no access log: its time is the client's, over loopback. */
async function measureScrapes(stack: Stack, cookie: string): Promise<Kind> {
  const ms: number[] = [];
  const spent: number[] = [];
  let bytes = 0;
  for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
    const startedMs = performance.now();
    const before = readFineProcessorMs(stack.server.pid());
    const answer = await ask(stack, cookie, '/metrics', 'bench-fleet-scrape');
    if (answer.status !== 200) throw new Error(`/metrics gave ${answer.status}`);
    bytes = answer.bytes;
    if (round < WARM_UPS) continue;
    ms.push(performance.now() - startedMs);
    spent.push(readFineProcessorMs(stack.server.pid()) - before);
  }
  return summarize('/metrics', ms, spent, bytes);
}

/** One request as a browser makes it from a page of this server; `bytes` are those of the body on the wire. */
function ask(stack: Stack, cookie: string, path: string, id: string): Promise<{ status: number; bytes: number }> {
  const accept = path.startsWith('/api') ? 'application/json' : 'text/html,*/*';
  const headers = { cookie, accept, 'accept-encoding': 'gzip, br', 'x-request-id': id, 'sec-fetch-site': 'same-origin' };
  return new Promise((resolve, reject) => {
    request(new URL(path, stack.server.url), { headers }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, bytes }));
      response.once('error', reject);
    })
      .once('error', reject)
      .end();
  });
}

/** Every kind has to keep the limit by itself: the figure is the slowest kind's. */
function judgeTimes(name: string, kinds: readonly Kind[], limitMs: number, what: string): Figure {
  const slowest = [...kinds].sort((a, b) => b.p95Ms - a.p95Ms);
  const named = slowest.slice(0, 3).map(({ path, p95Ms }) => `${shorten(path)} ${p95Ms}`);
  const over = kinds.filter(({ p95Ms }) => p95Ms > limitMs).length;
  const detail = `p95 of ${ROUNDS} ${name === 'fleet-metrics' ? 'by the client' : "by the server's log"}, of the slowest of ${kinds.length} addresses (${named.join(', ')}; ${over} above); ${what}`;
  return judgeFigure(name, slowest[0]?.p95Ms ?? Number.NaN, 'ms', limitMs, detail);
}

function judgeBiggest(kinds: readonly Kind[], what: string): Figure {
  const [biggest] = [...kinds].sort((a, b) => b.bytes - a.bytes);
  const over = kinds.filter(({ bytes }) => bytes > PAGE_LIMIT_KB * 1000).length;
  const detail = `the biggest of ${kinds.length} pages as transferred (${shorten(biggest?.path ?? '')}; ${over} above); ${what}`;
  return judgeFigure('fleet-page-size', roundTo((biggest?.bytes ?? 0) / 1000, 1), 'KB', PAGE_LIMIT_KB, detail);
}

const shorten = (path: string) => path.replaceAll(/(?<=[a-z]+_)[0-9A-Za-z]{20,}/g, '…');

/** Pages of the file that hold logs, and all others. */
function judgeSizes(path: string, runs: number): readonly Figure[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const sum = (text: string) => Number(db.prepare(text).get()?.['n']);
    const stored = sum("SELECT sum(pgsize) AS n FROM dbstat WHERE name GLOB '*run_log*' OR name = 'log_blocks'");
    const raw = sum('SELECT sum(log_bytes) AS n FROM runs');
    const lines = sum('SELECT sum(log_lines) AS n FROM runs');
    const rest = sum('SELECT sum(pgsize) AS n FROM dbstat') - stored;
    const file = roundTo(statSync(path).size / 1e6, 0);
    return [
      judgeFigure(
        'fleet-run-size',
        roundTo(rest / runs / 1000, 2),
        'KB',
        RUN_LIMIT_KB,
        `all pages of the file but those of logs, by run; ${runs} runs, ${file} MB`,
      ),
      judgeFigure(
        'fleet-log-size',
        roundTo((stored / raw) * 100, 1),
        '%',
        LOG_LIMIT_PERCENT,
        `pages of logs and of their indexes, of ${roundTo(raw / 1e6, 0)} MB: ${lines} lines as runs of real hosts have them, ${roundTo(lines / runs, 1)} a run`,
      ),
    ];
  } finally {
    db.close();
  }
}
