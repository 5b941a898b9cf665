import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import { countUndelivered, createChannel, settleUndelivered } from '../core/alerts/channels.ts';
import type { Channel } from '../store/channels.ts';
import { createCaller, createWorld, type World } from '../web/screens/fixtures/world.ts';
import { CHANNEL_KINDS } from './all.ts';
import { createDeliverer, type Deliverer, judgeFailure, planRetry } from './deliverer.ts';
import { type HttpSink, startHttpSink } from './fixtures/http-sink.ts';
import { sampleSending } from './fixtures/sample-messages.ts';
import { createGuardedHttp } from './guarded-http.ts';

const HOUR = 3_600_000;
let world: World;
let isHealthy = true;
const sinks: HttpSink[] = [];
before(async () => {
  world = await createWorld([]);
});
after(async () => {
  await world.close();
  await Promise.all(sinks.map((sink) => sink.close()));
});

const open = (timeoutMs = 2000): Deliverer =>
  createDeliverer({
    context: world.context,
    kinds: CHANNEL_KINDS,
    http: createGuardedHttp({ allowedCidrs: ['127.0.0.0/8'], timeoutMs }),
    randomBytes: systemRandomBytes,
    isHealthy: async () => isHealthy,
  });

let count = 0;

async function addChannel(kind: 'webhook' | 'ping' = 'webhook'): Promise<{ channel: Channel; sink: HttpSink }> {
  const sink = await startHttpSink();
  sinks.push(sink);
  count += 1;
  const config = kind === 'ping' ? { everyMinutes: 5 } : {};
  const input = { name: `channel ${count}`, kind, config, secrets: { url: `${sink.url}/hook` } };
  return { channel: await createChannel(world.context, createCaller(), CHANNEL_KINDS, input), sink };
}

async function tell(channel: Channel): Promise<string> {
  const { store, clock, createId } = world.context;
  count += 1;
  const { message } = sampleSending('alert.raised');
  const delivery = {
    id: createId('delivery'),
    channel: channel.id,
    topic: `topic ${count}`,
    kind: message.type,
    body: JSON.stringify(message),
  };
  await store.channels.insertDelivery(DEFAULT_TENANT, delivery, clock.now());
  return delivery.id;
}

async function runRound(deliverer: Deliverer): Promise<void> {
  await deliverer.runRound();
  await deliverer.settle();
}

const find = async (id: string) =>
  (await world.context.store.channels.findDelivery(DEFAULT_TENANT, id as never)) ?? assert.fail();

describe('The outbox', () => {
  it('tries a message again until it is taken, also after a restart, always under the same id', async () => {
    const { channel, sink } = await addChannel();
    sink.answer = 500;
    const id = await tell(channel);
    await runRound(open());
    await runRound(open());
    assert.equal(sink.requests.length, 1, 'it waits before it tries again');
    for (let attempt = 2; attempt <= 4; attempt += 1) {
      world.clock.advance(OUTGOING.longestRetryMs);
      sink.answer = attempt < 4 ? 503 : 200;
      await runRound(open());
    }
    assert.deepEqual(new Set(sink.requests.map(({ headers }) => headers['webhook-id'])), new Set([id]));
    const { state, attempts, outcome } = await find(id);
    assert.deepEqual([state, attempts, outcome], ['delivered', 4, 'answered 200']);
    const kept = await world.context.store.channels.listAttempts(DEFAULT_TENANT, id as never);
    assert.deepEqual(
      kept.map(({ text }) => text),
      ['it answered 500', 'it answered 503', 'it answered 503', 'answered 200'],
    );
    world.clock.advance(HOUR);
    await runRound(open());
    assert.equal(sink.requests.length, 4);
  });

  it('gives a message up after a day, and not before', async () => {
    const { channel, sink } = await addChannel();
    sink.answer = 500;
    const id = await tell(channel);
    const began = world.clock.now();
    const deliverer = open();
    while ((await find(id)).state === 'waiting') {
      await runRound(deliverer);
      world.clock.advance(OUTGOING.longestRetryMs / 2);
      assert.ok(world.clock.now() - began < 2 * OUTGOING.givenUpAfterMs);
    }
    const { state, settledAt } = await find(id);
    assert.equal(state, 'given_up');
    assert.ok((settledAt ?? 0) - began > OUTGOING.givenUpAfterMs - 2 * OUTGOING.longestRetryMs);
  });

  it('counts what was given up until somebody sends it again or dismisses it, and tries it once', async () => {
    const { channel, sink } = await addChannel();
    const { context } = world;
    const admin = createCaller();
    sink.answer = 500;
    const id = await tell(channel);
    world.clock.advance(2 * OUTGOING.givenUpAfterMs);
    const deliverer = open();
    await runRound(deliverer);
    await assert.rejects(deliverer.sendTest(channel));
    assert.equal(await countUndelivered(context, admin, channel.id), 1, 'a test that failed is nothing that anybody misses');
    assert.equal(await settleUndelivered(context, admin, channel.id, 'resend'), 1);
    assert.equal(await countUndelivered(context, admin, channel.id), 0);
    await runRound(deliverer);
    const { state, attempts } = await find(id);
    assert.deepEqual([state, attempts, await countUndelivered(context, admin, channel.id)], ['given_up', 2, 1]);
    assert.equal(await settleUndelivered(context, admin, channel.id, 'resend'), 1);
    sink.answer = 200;
    await runRound(deliverer);
    assert.equal((await find(id)).state, 'delivered');
    sink.answer = 500;
    const lost = await tell(channel);
    world.clock.advance(2 * OUTGOING.givenUpAfterMs);
    await runRound(deliverer);
    await assert.rejects(settleUndelivered(context, createCaller('viewer'), channel.id, 'dismiss'), { code: 'forbidden' });
    assert.equal(await settleUndelivered(context, admin, channel.id, 'dismiss'), 1);
    await runRound(deliverer);
    assert.deepEqual([(await find(lost)).state, await countUndelivered(context, admin, channel.id)], ['dismissed', 0]);
    assert.equal(await settleUndelivered(context, admin, channel.id, 'resend'), 0);
  });

  it('leaves a channel alone for as long as it asks, with all that waits for it, and then tells everything', async () => {
    const { channel, sink } = await addChannel();
    sink.answer = (response) => response.writeHead(429, { 'retry-after': '120' }).end();
    const ids = [await tell(channel), await tell(channel), await tell(channel)];
    const deliverer = open();
    await runRound(deliverer);
    world.clock.advance(119_000);
    await runRound(deliverer);
    assert.equal(sink.requests.length, 1);
    sink.answer = 204;
    world.clock.advance(2000);
    await runRound(deliverer);
    for (const id of ids) assert.equal((await find(id)).state, 'delivered');
    assert.equal(sink.requests.length, 4);
  });

  it('is not held up by a channel that hangs: the others are told meanwhile', async () => {
    const [slow, quick] = [await addChannel(), await addChannel()];
    slow.sink.answer = 'hang';
    const stuck = [await tell(slow.channel), await tell(slow.channel)];
    const deliverer = open(1500);
    await deliverer.runRound();
    const told = await tell(quick.channel);
    await deliverer.runRound();
    await waitUntil('the delivery', async () => (await find(told)).state === 'delivered', { intervalMs: 1 });
    for (const id of stuck) assert.equal((await find(id)).attempts, 0, 'the slow one is still on its first attempt');
    await deliverer.close();
    for (const id of stuck) assert.deepEqual([(await find(id)).state, (await find(id)).attempts], ['waiting', 0]);
    slow.sink.answer = 204;
    await runRound(open());
    for (const id of stuck) assert.equal((await find(id)).state, 'delivered');
  });

  it('sends a test at once and says what came back; a test that failed is not sent again', async () => {
    const { channel, sink } = await addChannel();
    const deliverer = open();
    assert.equal(await deliverer.sendTest(channel), 'answered 204');
    sink.answer = 404;
    await assert.rejects(deliverer.sendTest(channel), { code: 'unavailable', message: 'it answered 404' });
    world.clock.advance(HOUR);
    await runRound(deliverer);
    assert.equal(sink.requests.length, 2);
  });

  it('gives signs of life at their interval while the server works, and none while it does not', async () => {
    const { channel, sink } = await addChannel('ping');
    const deliverer = open();
    const pingIn = async (ms: number) => {
      world.clock.advance(ms);
      await deliverer.tellAlive();
      await runRound(deliverer);
      return sink.requests.length;
    };
    world.clock.advance(300_000 - (world.clock.now() % 300_000));
    assert.equal(await pingIn(0), 1);
    assert.equal(await pingIn(299_999), 1);
    assert.equal(await pingIn(1), 2);
    isHealthy = false;
    assert.equal(await pingIn(300_000), 2);
    isHealthy = true;
    assert.equal(await pingIn(5000), 3);
    sink.answer = 500;
    assert.equal(await pingIn(300_000), 4);
    assert.equal(await pingIn(60_000), 4, 'the next one is its next try');
    assert.equal((await world.context.store.channels.findChannel(DEFAULT_TENANT, channel.id))?.failures, 1);
  });
});

describe('The waits of the outbox', () => {
  it('grow from five seconds to half an hour, each of them a little by chance', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 60].map((attempts) => planRetry(attempts, 0.5));
    assert.deepEqual(waits, [5000, 15_000, 45_000, 135_000, 405_000, 1_215_000, 1_800_000, 1_800_000]);
    assert.ok(planRetry(1, 0) < planRetry(1, 0.99));
  });

  it('are as long as the other side asks for, if that is longer', () => {
    const delivery = { kind: 'alert.raised', attempts: 0, createdAt: 0 };
    const asked = new AppError('unavailable', 'it answered 429', { details: { retryAfterMs: 60_000 } });
    assert.deepEqual(judgeFailure(delivery, asked, 0, 0.5), { state: 'waiting', dueAt: 60_000 });
    const never = new AppError('unavailable', 'no', { details: { retryAfterMs: null } });
    assert.deepEqual(judgeFailure(delivery, never, 0, 0.5), { state: 'waiting', dueAt: 5000 });
    const mend = new AppError('unavailable', 'it answered 404', { details: { fault: 'settings', retryAfterMs: null } });
    assert.deepEqual(judgeFailure(delivery, mend, 0, 0.5), { state: 'waiting', dueAt: OUTGOING.longestRetryMs });
    const refused = new AppError('unavailable', 'it answered 400', { details: { fault: 'message', retryAfterMs: null } });
    assert.deepEqual(judgeFailure(delivery, refused, 3, 0.5), { state: 'given_up', dueAt: 3 });
    assert.deepEqual(judgeFailure({ ...delivery, kind: 'channel.test' }, never, 7, 0.5), { state: 'given_up', dueAt: 7 });
  });
});
