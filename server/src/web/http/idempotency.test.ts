import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { IDEMPOTENCY } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { type ServedApp, serveApp } from './fixtures/served-app.ts';
import { defineEndpoint } from './route.ts';

const SECRET = 'shown-once-and-never-again';
let started = 0;
let isOpen = Promise.resolve();
let onEnter: () => void = () => undefined;

const start = defineEndpoint({
  method: 'post',
  path: '/things/:thing/start',
  scope: 'operate',
  summary: 'Starts something.',
  tag: 'test',
  params: z.strictObject({ thing: z.string() }),
  body: z.strictObject({
    mood: z.string().default('calm'),
    note: z.string().optional(),
    credential: z.strictObject({ user: z.string(), password: z.string() }).optional(),
  }),
  reply: z.unknown(),
  status: 202,
  async handle(_context, _caller, { params, body }) {
    onEnter();
    await isOpen;
    if (body.mood === 'busy') throw new AppError('unavailable', 'the host is offline');
    if (body.mood === 'broken') throw new TypeError('a fault');
    started += 1;
    return { data: { thing: params.thing, number: started, token: SECRET }, version: started };
  },
});

let served: ServedApp;
let key = '';
before(async () => {
  served = await serveApp({ endpoints: [start] });
  key = await served.addKey('operator');
});
after(() => served.close());

type Reply = { data: { number: number } | null; error: { code: string; message: string } | null; meta: { requestId: string } };
async function call(idempotencyKey: string, json: object = {}, path = '/things/a/start', as = key) {
  const answer = await served.ask(`/api/v1${path}`, { key: as, json, headers: { 'idempotency-key': idempotencyKey } });
  return { ...answer, ...answer.json<Reply>() };
}

describe('An Idempotency-Key', () => {
  it('has a call carried out once, and answered alike ever after', async () => {
    const first = await call('once', { mood: 'calm', note: 'x' });
    const again = await call('once', { note: 'x', mood: 'calm' });
    assert.deepEqual([first.status, again.status, first.headers.etag], [202, 202, again.headers.etag]);
    assert.deepEqual(first.data, again.data);
    assert.deepEqual([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']], [undefined, 'true']);
    assert.notEqual(first.meta.requestId, again.meta.requestId, 'each request has its own id');
    assert.notEqual((await call('twice')).data?.number, first.data?.number);
  });

  it('knows a call by all but a password that is kept nowhere, of which there is no digest either', async () => {
    const give = (user: string, password: string) => call('given', { credential: { user, password } });
    const first = await give('postgres', 'one');
    const again = await give('postgres', 'another');
    assert.deepEqual([again.data, again.headers['idempotency-replayed']], [first.data, 'true']);
    assert.equal((await give('admin', 'one')).error?.code, 'CONFLICT');
  });

  it('is refused for another body, and for another path', async () => {
    const before = started;
    await call('mine');
    for (const other of [await call('mine', { note: 'other' }), await call('mine', {}, '/things/b/start')]) {
      assert.deepEqual([other.status, other.error?.code], [409, 'CONFLICT']);
      assert.match(other.error?.message ?? '', /used for another call/);
      assert.equal(other.headers['retry-after'], undefined);
    }
    assert.equal(started, before + 1);
  });

  it('belongs to who sent it', async () => {
    const mine = await call('shared');
    const theirs = await call('shared', {}, undefined, await served.addKey('admin'));
    assert.notEqual(mine.data?.number, theirs.data?.number);
  });

  it('starts nothing twice while the first call is under way', async () => {
    let open: () => void = () => undefined;
    isOpen = new Promise((resolve) => {
      open = resolve;
    });
    const before = started;
    const entered = new Promise<void>((resolve) => {
      onEnter = resolve;
    });
    const first = call('slow');
    await entered;
    const second = await call('slow');
    assert.deepEqual([second.status, second.headers['retry-after']], [409, '1']);
    assert.match(second.error?.message ?? '', /still being carried out/);
    open();
    assert.equal((await first).status, 202);
    assert.equal((await call('slow')).headers['idempotency-replayed'], 'true');
    assert.equal(started, before + 1);
  });

  it('may be used again after a refusal, which did nothing', async () => {
    assert.equal((await call('busy', { mood: 'busy' })).status, 503);
    assert.equal((await call('busy', { mood: 'calm' })).status, 202);
  });

  it('stays taken after a fault, of which nobody knows how far it came', async () => {
    assert.equal((await call('fault', { mood: 'broken' })).status, 500);
    const again = await call('fault', { mood: 'broken' });
    assert.equal(again.status, 409);
    assert.match(again.error?.message ?? '', /never came to an answer/);
  });

  it('is forgotten after a day', async () => {
    const first = await call('old');
    served.clock.advance(IDEMPOTENCY.lifeMs - 1);
    assert.deepEqual((await call('old')).data, first.data);
    served.clock.advance(1);
    assert.notDeepEqual((await call('old')).data, first.data);
  });

  it('is refused where it is none', async () => {
    for (const bad of ['', 'a b', 'x'.repeat(IDEMPOTENCY.keyChars + 1)]) assert.equal((await call(bad)).status, 400, bad);
    assert.equal((await call('x'.repeat(IDEMPOTENCY.keyChars))).status, 202);
  });

  it('leaves nothing of what was answered in the clear', async () => {
    await call('secret');
    assert.ok(!JSON.stringify(served.lines).includes(SECRET));
    for (const end of ['', '-wal']) {
      const stored = readFileSync(`${served.databasePath}${end}`);
      assert.ok(!stored.includes(SECRET) && !stored.includes('/things/a/start'), end);
    }
  });
});
