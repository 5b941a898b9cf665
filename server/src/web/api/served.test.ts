import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import * as calendar from '../../fires/fires.ts';
import { backUp } from '../../store/contract/reports.ts';
import { sampleHost, sampleSource } from '../../store/contract/samples.ts';
import { type Answer, type Asked, type ServedApp, serveApp } from '../http/fixtures/served-app.ts';
import { createApiEndpoints } from './all.ts';
import { CLOSED_DOOR } from './fixtures/channel-door.ts';
import type { JsonObject, OpenApiDocument } from './openapi/openapi.ts';

const endpoints = createApiEndpoints(calendar, CLOSED_DOOR);
const REST = { kind: 'rest', config: { url: 'https://rest.example.test/main' }, secrets: { password: 'a-secret-for-the-wire' } };

let served: ServedApp;
let admin = '';
let viewer = '';
before(async () => {
  served = await serveApp({ endpoints, baseUrl: 'http://backup.example.test' });
  admin = await served.addKey('admin');
  viewer = await served.addKey('viewer');
});
after(async () => {
  await served.close();
});

const ask = (path: string, asked: Asked = {}): Promise<Answer> => served.ask(`/api/v1${path}`, { key: admin, ...asked });

const errorSchema = z.object({
  success: z.literal(false),
  data: z.null(),
  error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }),
  meta: z.object({ timestamp: z.iso.datetime(), requestId: z.string() }),
});
const replySchema = z.object({
  success: z.literal(true),
  data: z.unknown(),
  error: z.null(),
  meta: z.object({
    timestamp: z.iso.datetime(),
    requestId: z.string(),
    next: z.string().optional(),
    limit: z.int().optional(),
    total: z.int().nullable().optional(),
  }),
});

describe('The API over HTTP', () => {
  it('serves every path that reads without a parameter, in the envelope the document promises', async () => {
    const paths = endpoints.filter(({ method, path, bare }) => method === 'get' && !path.includes(':') && !bare);
    assert.ok(paths.length >= 12);
    const { recipient } = served.context.recovery.makeKey();
    await ask('/recovery-key', { method: 'POST', json: { recipient } });
    for (const { path, reply } of paths) {
      const answer = await ask(path);
      assert.equal(answer.status, 200, `${path}: ${answer.text}`);
      const { data } = replySchema.strict().parse(answer.json());
      assert.deepEqual(reply.parse(data), data, path);
    }
  });

  it('finds every other path too: an unknown id is told, not the path', async () => {
    const ids: Record<string, string> = {
      hosts: 'host',
      'hosts/pending': 'ann',
      'hosts/rejected': 'ann',
      'enrolment-tokens': 'enr',
      sources: 'src',
      repositories: 'repo',
      plans: 'plan',
      'retention-policies': 'pol',
      'shared-schedules': 'sched',
      runs: 'run',
      snapshots: 'snap',
      restores: 'run',
      alerts: 'alert',
      channels: 'chan',
      coverage: 'find',
      deliveries: 'msg',
      'api-keys': 'key',
      users: 'user',
    };
    const withId = endpoints.filter(({ path }) => path.includes(':id'));
    for (const { method, path } of withId) {
      const noun = path.slice(1, path.indexOf('/:id'));
      assert.ok(noun in ids, noun);
      const body = method === 'patch' ? { json: {} } : method === 'post' ? { json: bodyFor(path) } : {};
      // Among hosts, these two are about one that is none yet.
      const prefix = /^\/hosts\/:id\/(?:approve|reject)$/u.test(path) ? 'ann' : ids[noun];
      const address = path.replace(':id', `${prefix}_unknown`).replace(':engine', 'e'.repeat(64));
      const query = method === 'get' && path.includes('/contents') ? '?host=host_unknown' : '';
      const answer = await ask(`${address}${query}`, { method: method.toUpperCase(), ...body });
      const { error } = errorSchema.parse(answer.json());
      assert.deepEqual([answer.status, error.code], [404, 'NOT_FOUND'], `${method} ${path}: ${answer.text}`);
      assert.doesNotMatch(error.message, /in this API/u, path);
    }
  });

  it('serves its description bare, and only to those who may read', async () => {
    const answer = await ask('/openapi.json');
    const document = answer.json<OpenApiDocument>();
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(document['servers'], [{ url: 'http://backup.example.test/api/v1' }]);
    assert.ok(JSON.stringify(document.paths['/stream']).includes('text/event-stream'));
    assert.equal((await served.ask('/api/v1/openapi.json')).status, 401);
  });

  it('promises the very error envelope that is sent', async () => {
    const document = (await ask('/openapi.json')).json<OpenApiDocument>();
    const promised = document.components.schemas['Error'] as { required: string[]; properties: Record<string, JsonObject> };
    const { required } = promised.properties['meta'] as { required: string[] };
    for (const [answer, status, code] of [
      [await ask('/runs/run_unknown'), 404, 'NOT_FOUND'],
      [await ask('/nothing'), 404, 'NOT_FOUND'],
      [await ask('/repositories', { json: { name: 'x' } }), 400, 'VALIDATION_ERROR'],
      [await ask('/repositories', { json: { name: 'x' }, key: viewer }), 403, 'FORBIDDEN'],
      [await served.ask('/api/v1/hosts'), 401, 'UNAUTHORIZED'],
    ] as const) {
      const sent = errorSchema.strict().parse(answer.json());
      assert.deepEqual([answer.status, sent.error.code], [status, code]);
      assert.deepEqual([Object.keys(sent).sort(), Object.keys(sent.meta).sort()], [promised.required.sort(), required.sort()]);
    }
  });

  it('names an unknown field of a body, a query or a config', async () => {
    const config = { ...REST.config, ulr: 'y' };
    for (const [answer, name] of [
      [await ask('/repositories', { json: { name: 'x', ...REST, pasword: 'y' } }), 'pasword'],
      [await ask('/runs?stat=failed'), 'stat'],
      [await ask('/repositories', { json: { name: 'x', ...REST, config } }), 'ulr'],
    ] as const) {
      const { error } = errorSchema.parse(answer.json());
      assert.deepEqual([answer.status, error.code], [400, 'VALIDATION_ERROR']);
      assert.match(error.message, new RegExp(`\\b${name}\\b`, 'u'));
    }
  });

  it('sends an ETag that guards the next change, and refuses a stale one with the version there is', async () => {
    const created = await ask('/repositories', { json: { name: 'main', ...REST } });
    assert.deepEqual([created.status, created.headers.etag], [201, '"1"']);
    assert.ok(!created.text.includes('a-secret-for-the-wire'));
    const { id } = created.json<{ data: { id: string } }>().data;
    const rename = (name: string, etag: string | undefined) =>
      ask(`/repositories/${id}`, { method: 'PATCH', json: { name }, headers: { 'if-match': etag ?? '' } });
    const changed = await rename('main-eu', created.headers.etag);
    assert.deepEqual([changed.status, changed.headers.etag], [200, '"2"']);
    const refused = await rename('main-us', created.headers.etag);
    assert.equal(refused.status, 412);
    const stale = errorSchema.parse(refused.json()).error;
    assert.deepEqual([stale.code, stale.details['current']], ['CONFLICT', 2]);
    assert.equal((await ask(`/repositories/${id}`)).json<{ data: { name: string } }>().data.name, 'main-eu');
  });

  it('answers 304 only while all of the answer holds: a backup is told under the same version', async () => {
    const { store } = served.context;
    const host = sampleHost();
    const source = sampleSource(host, { config: { paths: ['/srv'] } });
    await store.hosts.insertHost(host);
    await store.sources.insertSource(source);
    const first = await ask(`/sources/${source.id}`);
    const tag = first.headers.etag ?? assert.fail('it has no tag');
    const again = () => ask(`/sources/${source.id}`, { headers: { 'if-none-match': tag } });
    assert.equal((await again()).status, 304);
    await backUp(store, host, { sources: [source.id] });
    const changed = await again();
    assert.equal(changed.status, 200);
    const { data } = changed.json<{ data: { version: number; standing: { lastState: string } } }>();
    assert.deepEqual([data.version, data.standing.lastState], [source.version, 'succeeded']);
    const guarded = { method: 'PATCH', json: { enabled: false }, headers: { 'if-match': tag } };
    assert.equal((await ask(`/sources/${source.id}`, guarded)).status, 200, 'nobody changed the source itself');
    assert.equal((await ask(`/sources/${source.id}`, guarded)).status, 412);
  });

  it('hands out a cursor that the next request takes as it is', async () => {
    for (const name of ['one', 'two', 'three']) await ask('/repositories', { json: { name: `page-${name}`, ...REST } });
    const names: string[] = [];
    let path = '/repositories?search=page-&limit=2';
    for (let pages = 0; pages < 3 && path !== ''; pages += 1) {
      const { data, meta } = (await ask(path)).json<{ data: { name: string }[]; meta: { next?: string } }>();
      names.push(...data.map(({ name }) => name));
      path = meta.next === undefined ? '' : `/repositories?search=page-&limit=2&cursor=${encodeURIComponent(meta.next)}`;
    }
    assert.deepEqual([names, path], [['page-one', 'page-three', 'page-two'], '']);
  });

  it('writes no secret of a request into the log', () => {
    assert.ok(served.lines.length > 10);
    assert.ok(!JSON.stringify(served.lines).includes('a-secret-for-the-wire'));
  });
});

/** The least that a POST about one thing needs to be understood. */
function bodyFor(path: string): object {
  if (path.endsWith('/snooze')) return { until: 4_000_000_000_000 };
  if (path.endsWith('/approve')) return { name: 'x' };
  if (path.endsWith('/ignore')) return { why: 'x' };
  if (path.endsWith('/choose-agent')) return { boot: 'boot-unknown' };
  if (path === '/sources/:id/adopt') return { databases: [{ database: 'x', name: 'x' }] };
  if (path.endsWith('/restore-preview')) return { host: 'host_unknown', target: { kind: 'in_place', paths: ['/x'] } };
  if (path.endsWith('/locks/clear')) return { host: 'host_unknown', ids: ['c'.repeat(64)] };
  if (path.endsWith('/admin-credential') || path.endsWith('/routine')) return {};
  if (path.endsWith('/adopt') && path.includes('/contents/')) return { host: 'host_unknown', source: 'src_unknown' };
  if (path.endsWith('/contents/delete')) return { host: 'host_unknown', engineIds: ['e'.repeat(64)], confirm: 'delete 1' };
  if (path.endsWith('/password-proof')) return { host: 'host_unknown', password: 'x' };
  if (path.startsWith('/repositories/')) return { host: 'host_unknown' };
  return {};
}
