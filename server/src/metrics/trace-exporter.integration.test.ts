import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import type { PlanId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { applyHostEvents } from '../core/ingest.ts';
import { sampleHost, samplePlan, sampleRepository, sampleSource, TENANT } from '../store/contract/samples.ts';
import { serveApp } from '../web/http/fixtures/served-app.ts';
import { startTraceExporter } from './trace-exporter.ts';

interface SentSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code: number; message?: string };
  attributes: readonly { key: string; value: Record<string, unknown> }[];
}
interface Sent {
  path: string | undefined;
  type: string | undefined;
  spans: readonly SentSpan[];
}

/** A collector that answers as told, and keeps what it took. */
async function startSink(answers: number[]) {
  const taken: Sent[] = [];
  let asked = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked += 1;
      const status = answers.shift() ?? 200;
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
      if (status !== 200) return;
      const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
      const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
      taken.push({ path: request.url, type: request.headers['content-type'], spans });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/otlp`,
    taken,
    countAsked: () => asked,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

it('A run that ended is told to the collector as one trace, once, after a refusal for now as well', async () => {
  const served = await serveApp();
  const sink = await startSink([503]);
  const { context, clock } = served;
  const exporter = startTraceExporter({ context, version: '1.2.3', url: sink.url, everyMs: 3_600_000 });
  try {
    const host = sampleHost({ name: 'db-1' });
    const repository = sampleRepository();
    const source = sampleSource(host, { name: 'shop' });
    const plan = samplePlan(repository, [source], { name: 'nightly' });
    await context.store.hosts.insertHost(host);
    await context.store.repositories.insertRepository(repository);
    await context.store.sources.insertSource(source);
    await context.store.plans.insertPlan(plan);
    await exporter.flush();
    assert.equal(sink.countAsked(), 0, 'nothing ended yet');

    const at = clock.now();
    const secret = 'password=otters';
    await backUp(served, host, {
      run: 'run_traced' as RunId,
      source: source.id,
      plan: plan.id,
      repository: repository.id,
      secret,
    });
    await exporter.flush();
    assert.deepEqual([sink.countAsked(), sink.taken.length], [1, 0], 'refused for now');
    await exporter.flush();
    await exporter.flush();
    assert.equal(sink.countAsked(), 2);
    const [sent] = sink.taken;
    assert.deepEqual([sent?.path, sent?.type], ['/otlp/v1/traces', 'application/json']);
    const [root, ...stages] = sent?.spans ?? [];
    assert.ok(root);
    assert.match(root.traceId, /^[0-9a-f]{32}$/);
    assert.match(root.spanId, /^[0-9a-f]{16}$/);
    assert.deepEqual(
      [root.name, root.parentSpanId, root.startTimeUnixNano, root.endTimeUnixNano, root.status],
      ['backup nightly', undefined, `${at + 100}000000`, `${at + 900}000000`, { code: 2, message: 'dump_failed' }],
    );
    assert.deepEqual(
      root.attributes
        .filter(({ key }) => /host|plan|state|bytes/.test(key))
        .map(({ key, value }) => [key, Object.values(value)[0]]),
      [
        ['holdfast.run.state', 'failed'],
        ['holdfast.run.bytes', '7'],
        ['holdfast.plan.name', 'nightly'],
        ['host.name', 'db-1'],
      ],
    );
    assert.deepEqual(
      stages.map(({ name, traceId, parentSpanId, status, startTimeUnixNano, endTimeUnixNano }) => [
        name,
        traceId === root.traceId && parentSpanId === root.spanId,
        status?.code,
        Number((BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1_000_000n),
      ]),
      [
        ['preflight', true, 1, 100],
        ['dump', true, 2, 500],
      ],
    );
    assert.ok(!JSON.stringify(sink.taken).includes('otters'), 'texts of tools stay at home');
  } finally {
    exporter.close();
    await sink.close();
    await served.close();
  }
});

it('A collector that is away is said once in the log, and costs a run nothing', async () => {
  const served = await serveApp();
  const sink = await startSink([]);
  await sink.close();
  const { context } = served;
  const exporter = startTraceExporter({ context, version: '1.2.3', url: sink.url, everyMs: 3_600_000 });
  try {
    const host = sampleHost();
    const source = sampleSource(host);
    await context.store.hosts.insertHost(host);
    await context.store.sources.insertSource(source);
    const repository = sampleRepository().id;
    await backUp(served, host, { run: 'run_lost' as RunId, source: source.id, plan: undefined, repository, secret: '' });
    await exporter.flush();
    await exporter.flush();
    const warnings = served.lines.filter(({ msg }) => String(msg).includes('collector of traces'));
    assert.equal(warnings.length, 1);
    assert.equal((await context.store.runs.findRun(TENANT, 'run_lost' as RunId))?.state, 'failed');
  } finally {
    exporter.close();
    await served.close();
  }
});

/** One that fails in its dump after half a second. */
async function backUp(
  { context, clock }: Awaited<ReturnType<typeof serveApp>>,
  host: ReturnType<typeof sampleHost>,
  about: {
    run: RunId;
    source: SourceId;
    plan: PlanId | undefined;
    repository: ReturnType<typeof sampleRepository>['id'];
    secret: string;
  },
): Promise<void> {
  const { run, source, plan, repository, secret } = about;
  const at = clock.now();
  const failure = { code: 'tool_failed', message: `pg_dump: ${secret}`, reason: 'dump_failed' } as const;
  const part = { source, state: 'failed' as const, failure, warnings: [], bytes: 7, durationMs: 700 };
  const stage = { run, source } as const;
  const events: DurableEvent[] = [
    { type: 'run.created', run, at, kind: 'backup', trigger: 'manual', plan, repository, sources: [source] },
    { type: 'run.started', run, at: at + 100 },
    { type: 'run.stage', ...stage, stage: 'preflight', ended: false, at: at + 100 },
    { type: 'run.stage', ...stage, stage: 'preflight', ended: true, at: at + 200, ok: true },
    { type: 'run.stage', ...stage, stage: 'dump', ended: false, at: at + 200 },
    { type: 'run.stage', ...stage, stage: 'dump', ended: true, at: at + 700, ok: false },
    { type: 'part.finished', run, at: at + 800, part },
    { type: 'run.finished', run, at: at + 900, state: 'failed', failure, evidence: [], bytes: 7, logLines: 0, durationMs: 800 },
  ];
  const sequenced = events.map((event, index) => ({ seq: index + 1, event }));
  await applyHostEvents(context, { id: host.id, tenant: TENANT }, 'epoch-0001', sequenced);
}
