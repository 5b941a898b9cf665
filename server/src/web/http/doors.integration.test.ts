import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { type ServedApp, type ServedOptions, serveApp } from './fixtures/served-app.ts';
import { createReadiness } from './readiness.ts';

async function withApp(options: ServedOptions, use: (served: ServedApp) => Promise<void>): Promise<void> {
  const served = await serveApp(options);
  try {
    await use(served);
  } finally {
    await served.close();
  }
}

async function readBytes(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('Health', () => {
  it('is answered without touching the store', () =>
    withApp({}, async (served) => {
      await served.context.store.close();
      const answer = await served.ask('/healthz');
      assert.deepEqual([answer.status, answer.json()], [200, { status: 'ok' }]);
    }));
});

describe('Readiness', () => {
  it('is yes while the database can be written, and no as soon as it cannot', () =>
    withApp({}, async (served) => {
      assert.deepEqual((await served.ask('/readyz')).json(), {
        status: 'ready',
        checks: { database: 'ok', schema: 'ok', disk: 'ok', scheduler: 'ok' },
      });
      await served.context.store.close();
      assert.equal((await served.ask('/readyz')).status, 200, 'an answer serves for a second');
      served.clock.advance(1000);
      const broken = await served.ask('/readyz');
      assert.equal(broken.status, 503);
      assert.equal(broken.json<{ checks: Record<string, string> }>().checks['database'], 'cannot be written');
    }));

  it('is no while another program has the database locked, and yes once it lets go', () =>
    withApp({}, async (served) => {
      const other = new Database(served.databasePath);
      try {
        other.exec('BEGIN IMMEDIATE');
        const locked = await served.ask('/readyz');
        assert.deepEqual(
          [locked.status, locked.json<{ checks: Record<string, string> }>().checks['database']],
          [503, 'cannot be written'],
        );
        other.exec('ROLLBACK');
        served.clock.advance(1000);
        assert.equal((await served.ask('/readyz')).status, 200);
      } finally {
        other.close();
      }
    }));

  it('is no while a task of the server’s own stands still', () =>
    withApp({}, async ({ context }) => {
      let stalled: string | undefined = 'fires';
      const report = () => createReadiness(context, { dataDir: '/tmp', minFreeBytes: 0, findStall: () => stalled }).check();
      assert.deepEqual([(await report()).ready, (await report()).checks['scheduler']], [false, 'the task “fires” stands still']);
      stalled = undefined;
      assert.equal((await report()).ready, true);
    }));

  it('is no while the server drains', () =>
    withApp({}, async (served) => {
      served.readiness.drain();
      const answer = await served.ask('/readyz');
      assert.deepEqual([answer.status, answer.json()], [503, { status: 'not ready', checks: { server: 'is stopping' } }]);
    }));

  it('is no when the disk is too full, and when the schema is not this build’s', () =>
    withApp({}, async (served) => {
      const full = createReadiness(served.context, { dataDir: '/tmp', minFreeBytes: Number.MAX_SAFE_INTEGER });
      assert.match((await full.check()).checks['disk'] ?? '', /left$/);
      const store = { ...served.context.store, schema: { current: 1, newest: 2 } };
      const report = await createReadiness({ ...served.context, store }, { dataDir: '/tmp' }).check();
      assert.deepEqual([report.ready, report.checks['schema']], [false, 'at 1, this build needs 2']);
    }));
});

describe('The metrics’ gate', () => {
  const token = 'metrics-token-0123456789';
  const source = { contentType: 'text/plain; version=0.0.4', render: async () => 'holdfast_test 1\n' };
  const bearer = { authorization: `Bearer ${token}` };
  const cases: readonly [string, { token?: string; cidrs: string[] }, Record<string, string>, number][] = [
    ['neither token nor network set', { cidrs: [] }, bearer, 404],
    ['a token set and none sent', { token, cidrs: [] }, {}, 401],
    ['a token set and another sent', { token, cidrs: [] }, { authorization: `Bearer ${token}x` }, 401],
    ['a token set and sent in another scheme', { token, cidrs: [] }, { authorization: `Basic ${token}` }, 401],
    ['a token set and sent', { token, cidrs: [] }, bearer, 200],
    ['a network set that the asker is in', { cidrs: ['10.0.0.0/8', '127.0.0.0/8'] }, {}, 200],
    ['a network set that the asker is not in', { cidrs: ['10.0.0.0/8', '::1'] }, bearer, 403],
    ['both set and both right', { token, cidrs: ['127.0.0.1'] }, bearer, 200],
    ['both set and the token wrong', { token, cidrs: ['127.0.0.1'] }, {}, 401],
    ['both set and the network wrong', { token, cidrs: ['10.0.0.0/8'] }, bearer, 403],
  ];
  for (const [what, gate, headers, status] of cases) {
    it(`answers ${status} with ${what}`, () =>
      withApp({ config: { trustProxy: 0, metrics: gate }, metrics: source }, async (served) => {
        const answer = await served.ask('/metrics', { headers });
        assert.equal(answer.status, status);
        assert.equal(answer.text === 'holdfast_test 1\n', status === 200);
        if (status !== 200) assert.doesNotMatch(answer.text, /</, 'machines get a line, not a page');
      }));
  }

  it('does not believe a forwarded address of an untrusted proxy', () =>
    withApp({ config: { trustProxy: 0, metrics: { cidrs: ['10.0.0.0/8'] } }, metrics: source }, async (served) => {
      assert.equal((await served.ask('/metrics', { headers: { 'x-forwarded-for': '10.1.2.3' } })).status, 403);
    }));

  it('believes a trusted proxy', () =>
    withApp({ config: { trustProxy: ['127.0.0.0/8'], metrics: { cidrs: ['10.0.0.0/8'] } }, metrics: source }, async (served) => {
      assert.equal((await served.ask('/metrics', { headers: { 'x-forwarded-for': '10.1.2.3' } })).status, 200);
    }));
});

describe('The files of the pages', () => {
  it('come compressed as the browser likes it, are kept for good, and are the same in every encoding', () =>
    withApp({}, async (served) => {
      const page = (await served.ask('/login')).text;
      const paths = [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map((match) => match[1] ?? '');
      assert.ok(paths.length >= 5);
      for (const path of paths) {
        const plain = await readBytes(await served.open(path, { headers: { 'accept-encoding': 'identity' } }));
        const br = await served.open(path, { headers: { 'accept-encoding': 'gzip, br' } });
        assert.equal(br.headers['content-encoding'], 'br');
        assert.match(String(br.headers['cache-control']), /immutable/);
        assert.deepEqual(brotliDecompressSync(await readBytes(br)), plain);
        const gzip = await served.open(path, { headers: { 'accept-encoding': 'gzip' } });
        assert.deepEqual(gunzipSync(await readBytes(gzip)), plain);
        const again = await served.ask(path, { headers: { 'if-none-match': String(gzip.headers['etag']) } });
        assert.deepEqual([again.status, again.text], [304, '']);
        const head = await served.ask(path, { method: 'HEAD', headers: { 'accept-encoding': 'identity' } });
        assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', String(plain.length)]);
      }
    }));

  it('are not there under another hash, nor above their folder', () =>
    withApp({}, async (served) => {
      for (const path of ['/assets/holdfast-0000.css', '/assets/', '/assets/../package.json', '/assets/%2e%2e/package.json']) {
        assert.notEqual((await served.ask(path)).status, 200, path);
      }
    }));
});
