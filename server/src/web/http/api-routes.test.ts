import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppError, ERROR_CODES, type ErrorCode } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { OWN_PAGE, type ServedApp, serveApp } from './fixtures/served-app.ts';
import { API_CODES } from './http-error.ts';
import { type ApiEndpoint, defineEndpoint } from './route.ts';

const echo = defineEndpoint({
  method: 'post',
  path: '/things/:thing/echo',
  scope: 'read',
  summary: 'Gives back what it got.',
  tag: 'test',
  params: z.strictObject({ thing: z.string().max(20) }),
  query: z.strictObject({ limit: z.coerce.number().int().max(200).optional() }),
  body: z.strictObject({ name: z.string(), note: z.string().optional() }),
  reply: z.unknown(),
  status: 201,
  guarded: true,
  handle: async (_context, caller, input) => ({
    data: { ...input, role: caller.role, actor: caller.actor.kind },
    version: 3,
    next: 'cursor-1',
  }),
});
const bare = defineEndpoint({
  method: 'get',
  path: '/bare',
  scope: 'read',
  summary: 'A document of its own.',
  tag: 'test',
  reply: z.unknown(),
  bare: true,
  handle: async () => ({ data: { openapi: '3.1.0' } }),
});
const start = defineEndpoint({
  method: 'post',
  path: '/start',
  scope: 'operate',
  summary: 'Takes nothing.',
  tag: 'test',
  reply: z.unknown(),
  status: 202,
  handle: async () => ({ data: null }),
});
const fail = defineEndpoint({
  method: 'post',
  path: '/fail/:code',
  scope: 'operate',
  summary: 'Fails.',
  tag: 'test',
  params: z.strictObject({ code: z.enum(ERROR_CODES) }),
  reply: z.unknown(),
  handle: async (_context, _caller, { params }) => {
    throw new AppError(params.code, 'on purpose', { details: { field: 'x' } });
  },
});
let temper = 'calm';
const item = defineEndpoint({
  method: 'get',
  path: '/items/:item',
  scope: 'read',
  summary: 'One thing without a version.',
  tag: 'test',
  params: z.strictObject({ item: z.string() }),
  reply: z.unknown(),
  handle: async (_context, _caller, { params }) => ({ data: { ...params, temper } }),
});
const change = defineEndpoint({
  method: 'patch',
  path: '/items/:item',
  scope: 'operate',
  summary: 'Changes a thing without a version.',
  tag: 'test',
  params: z.strictObject({ item: z.string() }),
  body: z.strictObject({}),
  reply: z.unknown(),
  handle: async () => ({ data: null }),
});
const versioned = defineEndpoint({
  method: 'get',
  path: '/versioned/:item',
  scope: 'read',
  summary: 'One thing with a version, of which more is told than was saved.',
  tag: 'test',
  params: z.strictObject({ item: z.string() }),
  reply: z.unknown(),
  handle: async (_context, _caller, { params }) => ({ data: { ...params, temper, version: 3 }, version: 3 }),
});
const table: readonly ApiEndpoint[] = [echo, bare, start, fail, item, change, versioned];

let served: ServedApp;
let key: string;
before(async () => {
  served = await serveApp({ endpoints: table });
  await served.addUser('ada', 'viewer');
  key = await served.addKey('operator');
});
after(() => served.close());
const ask = (path: string, asked: object = {}) => served.ask(`/api/v1${path}`, { key, ...asked });
type Envelope = {
  success: boolean;
  data: Record<string, unknown>;
  error: null | { code: string; message: string; details: Record<string, unknown> };
  meta: Record<string, unknown>;
};

describe('An end-point', () => {
  it('answers in the envelope, with its status, version and cursor', async () => {
    const answer = await ask('/things/t1/echo?limit=5', { json: { name: 'x' }, headers: { 'if-match': '"7"' } });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['etag'], '"3"');
    const { success, data, error, meta } = answer.json<Envelope>();
    assert.deepEqual([success, error, meta['next']], [true, null, 'cursor-1']);
    assert.deepEqual([data['params'], data['query'], data['body']], [{ thing: 't1' }, { limit: 5 }, { name: 'x' }]);
    assert.deepEqual([data['role'], data['actor']], ['operator', 'api_key']);
    assert.equal((data['facts'] as { ifMatch?: number }).ifMatch, 7);
    assert.equal(meta['requestId'], answer.headers['x-request-id']);
    assert.equal(meta['timestamp'], new Date(served.clock.now()).toISOString());
  });

  it('serves a person’s session too', async () => {
    const session = await served.signIn('ada');
    const answer = await served.ask('/api/v1/things/t1/echo', { session, json: { name: 'x' }, headers: OWN_PAGE });
    assert.equal(answer.json<Envelope>().data['role'], 'viewer');
  });

  it('about one thing has a tag of what it says, and sends it once', async () => {
    const first = await ask('/items/a');
    const tag = first.headers.etag ?? '';
    assert.match(tag, /^W\/"[A-Za-z0-9_-]{20}"$/);
    for (const known of [tag, tag.slice(2), `"x", ${tag}`, '*']) {
      const again = await ask('/items/a', { headers: { 'if-none-match': known } });
      assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', tag], known);
    }
    assert.notEqual((await ask('/items/b')).headers.etag, tag);
    temper = 'cross';
    const changed = await ask('/items/a', { headers: { 'if-none-match': tag } });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.etag, tag);
  });

  it('about one thing with a version has a tag of both, which guards as the version does', async () => {
    const first = await ask('/versioned/a');
    const tag = first.headers.etag ?? '';
    assert.match(tag, /^"3-[A-Za-z0-9_-]{20}"$/);
    assert.equal((await ask('/versioned/a', { headers: { 'if-none-match': tag } })).status, 304);
    temper = 'mild';
    const changed = await ask('/versioned/a', { headers: { 'if-none-match': tag } });
    assert.equal(changed.status, 200, 'the version is the same, and the answer is another');
    for (const guard of [tag, '"3"', '3', 'W/"3"', `${tag.slice(0, -1)}-gzip"`]) {
      const guarded = await ask('/things/t1/echo', { json: { name: 'x' }, headers: { 'if-match': guard } });
      assert.equal((guarded.json<Envelope>().data['facts'] as { ifMatch?: number }).ifMatch, 3, guard);
    }
  });

  it('is kept by nobody but the one who asked, and by them only until they ask again', async () => {
    const tag = (await ask('/items/a')).headers.etag ?? '';
    for (const answer of [
      await ask('/items/a'),
      await ask('/items/a', { headers: { 'if-none-match': tag } }),
      await ask('/bare'),
      await ask('/nothing-here'),
      await served.ask('/api/v1/items/a'),
    ])
      assert.equal(answer.headers['cache-control'], 'private, no-cache', String(answer.status));
  });

  it('refuses a guard that it would not look at', async () => {
    for (const answer of [
      await ask('/items/a', { method: 'PATCH', json: {}, headers: { 'if-match': '"1"' } }),
      await ask('/versioned/a', { headers: { 'if-match': '"3"' } }),
      await ask('/start', { method: 'POST', headers: { 'if-match': '"1"' } }),
    ]) {
      assert.equal(answer.status, 400);
      assert.match(answer.json<Envelope>().error?.message ?? '', /leave If-Match out/);
    }
  });

  it('says how long to wait where waiting helps', async () => {
    const waitOf = async (code: string) => (await ask(`/fail/${code}`, { method: 'POST' })).headers['retry-after'];
    assert.deepEqual([await waitOf('unavailable'), await waitOf('limit'), await waitOf('conflict')], ['10', '10', undefined]);
  });

  it('gives its id in the header, the envelope and the log, the asker’s own where it is one', async () => {
    const answer = await ask('/nothing-here', { headers: { 'x-request-id': 'deploy-2026.11_20' } });
    assert.deepEqual(
      [answer.headers['x-request-id'], answer.json<Envelope>().meta['requestId']],
      ['deploy-2026.11_20', 'deploy-2026.11_20'],
    );
    assert.ok(served.lines.some((line) => line['request'] === 'deploy-2026.11_20' && line['status'] === 404));
    const forged = await ask('/nothing-here', { headers: { 'x-request-id': 'x y' } });
    assert.match(String(forged.headers['x-request-id']), /^req_/);
  });

  it('may give a document of its own', async () => {
    assert.deepEqual((await ask('/bare')).json(), { openapi: '3.1.0' });
  });

  it('that takes nothing takes an empty body, no body and an empty object, and nothing else', async () => {
    for (const asked of [{ method: 'POST' }, { json: {} }]) assert.equal((await ask('/start', asked)).status, 202);
    const answer = await ask('/start', { json: { force: true } });
    assert.deepEqual([answer.status, answer.json<Envelope>().error?.details['field.force']], [400, 'unknown field']);
  });

  const refused: readonly [string, string, object, number, RegExp][] = [
    ['an unknown field in the body', '/things/t1/echo', { json: { name: 'x', evil: 1 } }, 400, /evil: unknown field/],
    ['an unknown query parameter', '/things/t1/echo?limt=5', { json: { name: 'x' } }, 400, /limt: unknown field/],
    ['a wrong parameter', `/things/${'t'.repeat(21)}/echo`, { json: { name: 'x' } }, 400, /the path is not accepted/],
    ['a list instead of an object', '/things/t1/echo', { json: [] }, 400, /the body is not accepted/],
    ['a body that is no JSON', '/things/t1/echo', { body: '{"name":', method: 'POST' }, 400, /not valid JSON/],
    ['a bare value', '/things/t1/echo', { body: '"x"', method: 'POST' }, 400, /not valid JSON/],
    [
      'text',
      '/things/t1/echo',
      { body: '{"name":"x"}', method: 'POST', headers: { 'content-type': 'text/plain' } },
      415,
      /application\/json/,
    ],
    ['a form', '/things/t1/echo', { form: { name: 'x' } }, 415, /application\/json/],
    ['a body above the limit', '/things/t1/echo', { json: { name: 'x'.repeat(HTTP.bodyBytes) } }, 413, /larger/],
    [
      'an If-Match that is no version',
      '/things/t1/echo',
      { json: { name: 'x' }, headers: { 'if-match': 'abc' } },
      400,
      /If-Match/,
    ],
    ['another method', '/bare', { method: 'DELETE' }, 405, /\/bare takes GET, HEAD, and no DELETE/],
  ];
  for (const [what, path, asked, status, message] of refused) {
    it(`refuses ${what}`, async () => {
      const answer = await ask(path, asked);
      const { success, data, error } = answer.json<Envelope>();
      assert.deepEqual([answer.status, success, data], [status, false, null]);
      assert.match(error?.message ?? '', message);
    });
  }

  for (const code of ERROR_CODES satisfies readonly ErrorCode[]) {
    it(`that fails with ${code} says ${API_CODES[code]}`, async () => {
      const answer = await ask(`/fail/${code}`, { method: 'POST' });
      const { error } = answer.json<Envelope>();
      assert.equal(error?.code, API_CODES[code]);
      assert.equal(error?.message === 'on purpose', code !== 'internal', 'what an internal error says stays in the log');
    });
  }
});
