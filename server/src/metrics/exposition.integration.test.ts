import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PROTECTION_STATUSES } from '../core/protection/protection.ts';
import { sampleHost, sampleSource } from '../store/contract/samples.ts';
import { type ServedApp, serveApp } from '../web/http/fixtures/served-app.ts';
import { createMetrics } from './metrics.ts';

const DOCS = join(import.meta.dirname, '../../../docs');
const SHIPPED = join(DOCS, 'prometheus');

let served: ServedApp;
let text: string;

before(async () => {
  served = await serveApp({
    config: { trustProxy: 0, metrics: { cidrs: ['127.0.0.1'] } },
    createMetrics: (context, countStreams) => createMetrics({ context, version: '1.2.3', dataDir: tmpdir(), countStreams }),
  });
  const host = sampleHost();
  await served.context.store.hosts.insertHost(host);
  await served.context.store.sources.insertSource(sampleSource(host));
  await served.context.store.sources.insertSource(sampleSource(host, { enabled: false }));
  const answer = await served.ask('/metrics');
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  text = answer.text;
});
after(() => served.close());

async function runPromtool(args: readonly string[], input = ''): Promise<{ code: unknown; said: string }> {
  const promtool = spawn('promtool', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [promtool.stdout, promtool.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  promtool.stdin.end(input);
  const [code] = await once(promtool, 'close');
  return { code, said };
}

/** Names by type, as they are told; a histogram has three more. */
function listExported(): ReadonlySet<string> {
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

const listNamed = (written: string): readonly string[] => [
  ...new Set(written.match(/\b(?:holdfast|process|nodejs)_[a-z0-9_]+/g)),
];

describe('Metrics as Prometheus takes them', () => {
  it('leave promtool nothing to complain about', async () => {
    assert.deepEqual(await runPromtool(['check', 'metrics'], text), { code: 0, said: '' });
  });

  it('are told of once each, and every one is in the guide', () => {
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
    assert.deepEqual(names, [...new Set(names)]);
    const guide = new Set(listNamed(readFileSync(join(DOCS, 'guide/metrics.md'), 'utf8')));
    assert.deepEqual(
      names.filter((name) => name.startsWith('holdfast_') && !guide.has(name)),
      [],
      'missing in the guide',
    );
    const exported = listExported();
    assert.deepEqual(
      [...guide].filter((name) => !exported.has(name)),
      [],
      'in the guide and not exported',
    );
  });

  it('count the sources by whether they are protected, in the words of the pages', () => {
    const found = [...text.matchAll(/^holdfast_sources_by_status\{status="(\w+)"\} (\d+)$/gm)];
    assert.deepEqual(
      found.map(([, status, count]) => [status, Number(count)]),
      PROTECTION_STATUSES.map((status) => [status, { unprotected: 1, paused: 1 }[status as string] ?? 0]),
    );
  });

  it('are all that the shipped rules and the dashboard go by', () => {
    const exported = listExported();
    const rules = readFileSync(join(SHIPPED, 'holdfast.rules.yml'), 'utf8');
    const dashboard = readFileSync(join(SHIPPED, 'holdfast.dashboard.json'), 'utf8');
    const { panels } = JSON.parse(dashboard) as { panels: readonly { targets: readonly { expr: string }[] }[] };
    assert.ok(panels.length > 10 && panels.every(({ targets }) => targets.every(({ expr }) => listNamed(expr).length > 0)));
    for (const written of [rules, dashboard]) {
      const named = listNamed(written);
      assert.ok(named.length > 10);
      assert.deepEqual(
        named.filter((name) => !exported.has(name)),
        [],
      );
    }
  });

  it('make each shipped alert fire when it should and not before, by promtool', async () => {
    const rules = join(SHIPPED, 'holdfast.rules.yml');
    const checked = await runPromtool(['check', 'rules', rules]);
    assert.equal(checked.code, 0, checked.said);
    const suite = join(SHIPPED, 'holdfast.rules.test.yml');
    const tested = await runPromtool(['test', 'rules', suite]);
    assert.equal(tested.code, 0, tested.said);
    const alerts = [...readFileSync(rules, 'utf8').matchAll(/- alert: (\S+)/g)].map(([, name]) => name ?? '');
    const tests = readFileSync(suite, 'utf8');
    assert.deepEqual(
      alerts.filter((name) => !tests.includes(`alertname: ${name}\n`)),
      [],
      'alerts without a test in which they fire',
    );
  });

  it('have queries on the dashboard and in the guide that Prometheus can read', async () => {
    const { panels } = JSON.parse(readFileSync(join(SHIPPED, 'holdfast.dashboard.json'), 'utf8')) as {
      panels: readonly { targets: readonly { expr: string }[] }[];
    };
    const guide = readFileSync(join(DOCS, 'guide/metrics.md'), 'utf8');
    const [, section = ''] = /^## Questions$(.*?)^## /ms.exec(guide) ?? [];
    const questions = [...section.matchAll(/\| `(.+)` \|$/gm)].map(([, expr = '']) => ({ expr }));
    assert.ok(questions.length > 5);
    const rules = [...questions, ...panels.flatMap(({ targets }) => targets)].map(({ expr }) => ({ record: 'x', expr }));
    // JSON is YAML: each query becomes a rule, which promtool parses.
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-dashboard-'));
    const file = join(folder, 'queries.yml');
    await writeFile(file, JSON.stringify({ groups: rules.map((rule, index) => ({ name: `g${index}`, rules: [rule] })) }));
    const { code, said } = await runPromtool(['check', 'rules', file]);
    await rm(folder, { recursive: true });
    assert.equal(code, 0, said);
  });
});
