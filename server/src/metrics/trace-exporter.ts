/**
 * Tells an OpenTelemetry collector of each run that ended since this process began: OTLP over HTTP in JSON. A collector that is
 * away costs nothing but the traces: some wait for it, and the oldest go first.
 */
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { CoreContext } from '../core/ports.ts';
import type { Run } from '../store/runs.ts';
import { createFinishedRuns } from './finished-runs.ts';
import { buildTraceRequest, type TracedRun } from './run-traces.ts';

export interface TraceExporter {
  /** Sends what waits; called at an interval by itself. */
  flush(): Promise<void>;
  close(): void;
}

export interface TraceOptions {
  context: CoreContext;
  version: string;
  /** Of the collector, without `/v1/traces`. */
  url: string;
  everyMs?: number;
}

const EVERY_MS = 5_000;
const TIMEOUT_MS = 10_000;
/** Runs in one request, and runs that wait for a collector that does not answer. */
const BATCH = 100;
const WAITING = 2_000;
/** The collector says: later. Any other refusal is for good. */
const LATER = new Set([429, 502, 503, 504]);

// An `import` of node:http looks at each of its names, and so loads a second HTTP client of some 10 MB that nobody here asks for.
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

function post(url: URL, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = (url.protocol === 'https:' ? https : http).request(
      url,
      { method: 'POST', headers, agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) },
      (response) => {
        response.once('error', reject);
        response.once('end', () => resolve(response.statusCode ?? 0));
        response.resume();
      },
    );
    request.once('error', reject);
    request.end(body);
  });
}

export function startTraceExporter({ context, version, url, everyMs = EVERY_MS }: TraceOptions): TraceExporter {
  const target = new URL(`${url}/v1/traces`);
  let waiting: Run[] = [];
  let dropped = 0;
  let isAway = false;
  let underWay: Promise<void> | undefined;
  const finished = createFinishedRuns(context, ({ run }) => {
    waiting.push(run);
    if (waiting.length <= WAITING) return;
    waiting.shift();
    dropped += 1;
  });

  /** Says once that it is away, and once that it is back. */
  function noteAnswer(problem: string | undefined): void {
    if (problem !== undefined && !isAway)
      context.log.warn({ url: target.origin, problem }, 'the collector of traces takes none; up to 2000 runs wait for it');
    if (problem === undefined && isAway) {
      context.log.info({ url: target.origin, dropped }, 'the collector of traces takes them again');
      dropped = 0;
    }
    isAway = problem !== undefined;
  }

  /** False when it is to be sent again later. */
  async function send(runs: readonly Run[]): Promise<boolean> {
    const traced: TracedRun[] = [];
    for (const run of runs) traced.push(await readRun(context, run));
    try {
      const status = await post(target, JSON.stringify(buildTraceRequest(traced, version)));
      if (LATER.has(status)) {
        noteAnswer(`it answers ${status}`);
        return false;
      }
      if (status < 200 || status >= 300)
        context.log.warn({ url: target.origin, status, runs: runs.length }, 'the collector of traces refused some');
      else noteAnswer(undefined);
      return true;
    } catch (error) {
      noteAnswer(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  async function flushAll(): Promise<void> {
    await finished.settle();
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      if (!(await send(batch))) return;
      const sent = new Set(batch);
      waiting = waiting.filter((run) => !sent.has(run));
    }
  }

  function flush(): Promise<void> {
    underWay ??= flushAll().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  const timer = setInterval(() => {
    flush().catch((error: unknown) => context.log.warn({ err: error }, 'telling of traces failed'));
  }, everyMs);
  timer.unref();
  return {
    flush,
    close() {
      clearInterval(timer);
      finished.close();
      waiting = [];
    },
  };
}

async function readRun({ store }: CoreContext, run: Run): Promise<TracedRun> {
  const stages = await store.runs.listStages(DEFAULT_TENANT, run.id);
  const sources = [...new Set(stages.flatMap(({ source }) => (source === undefined ? [] : [source])))];
  return {
    run,
    stages,
    attempts: await store.runs.listAttempts(DEFAULT_TENANT, run.id),
    host: (await store.hosts.findHost(DEFAULT_TENANT, run.host))?.name,
    plan: run.plan === undefined ? undefined : (await store.plans.findPlan(DEFAULT_TENANT, run.plan))?.name,
    sources: new Map((await store.sources.findSources(DEFAULT_TENANT, sources)).map(({ id, name }) => [id, name])),
  };
}
