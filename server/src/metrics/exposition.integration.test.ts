import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { it } from 'node:test';
import { serveApp } from '../web/http/fixtures/served-app.ts';
import { createMetrics } from './metrics.ts';

it('Prometheus’ own tool finds nothing to complain about', async () => {
  const served = await serveApp({
    config: { trustProxy: 0, metrics: { cidrs: ['127.0.0.1'] } },
    createMetrics: (context, countStreams) => createMetrics({ context, version: '1.2.3', dataDir: tmpdir(), countStreams }),
  });
  try {
    const answer = await served.ask('/metrics');
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/);
    const promtool = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [promtool.stdout, promtool.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    promtool.stdin.end(answer.text);
    const [code] = await once(promtool, 'close');
    assert.deepEqual([code, said], [0, '']);
  } finally {
    await served.close();
  }
});
