import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import type { NewDelivery } from '../alerts.ts';
import type { Channel } from '../channels.ts';
import type { Store } from '../store.ts';
import { sampleAlert } from './alerts.ts';
import { NOW, nextNumber, type OpenStore, OTHER_TENANT, refusal, sampleId, TENANT, withStore } from './samples.ts';

function sampleChannel(change: Partial<Channel> = {}): Channel {
  return {
    id: sampleId('channel'),
    tenant: TENANT,
    name: `channel ${nextNumber()}`,
    kind: 'webhook',
    config: { least: 'notice', where: 'hooks.example.com' },
    secrets: { url: 'ciphertext' },
    enabled: true,
    version: 1,
    createdAt: NOW,
    updatedAt: NOW,
    failures: 0,
    failingSince: undefined,
    failure: undefined,
    workedAt: undefined,
    triedAt: undefined,
    ...change,
  };
}

function sampleDelivery(channel: Channel, change: Partial<NewDelivery> = {}): NewDelivery {
  return {
    id: sampleId('delivery'),
    channel: channel.id,
    alert: undefined,
    topic: `topic ${nextNumber()}`,
    kind: 'alert.raised',
    body: '{}',
    ...change,
  };
}

const listDue = async (store: Store, now: number, perChannel = 10) =>
  (await store.channels.listDue(TENANT, now, perChannel)).map(({ id }) => id);

function checkChannelRows(open: OpenStore): void {
  it(
    'stores channels whole, by name, unique, and updates only the version that was read',
    withStore(open, async ({ channels }) => {
      const [second, first] = [sampleChannel({ name: 'Beta' }), sampleChannel({ name: 'alpha' })];
      await channels.insertChannel(second);
      await channels.insertChannel(first);
      assert.deepEqual(await channels.listChannels(TENANT), [first, second]);
      assert.deepEqual(await channels.findChannel(TENANT, first.id), first);
      assert.equal(await channels.findChannel(OTHER_TENANT, first.id), undefined);
      await assert.rejects(channels.insertChannel(sampleChannel({ name: 'alpha' })), refusal('conflict', { field: 'name' }));
      const changed = { ...first, name: 'omega', enabled: false, updatedAt: NOW + 1, version: 2 };
      await channels.updateChannel(changed, 1);
      assert.deepEqual(await channels.findChannel(TENANT, first.id), changed);
      await assert.rejects(channels.updateChannel(changed, 1), refusal('conflict', { field: 'version', current: 2 }));
      await channels.deleteChannel(TENANT, first.id);
      await assert.rejects(channels.deleteChannel(TENANT, first.id), refusal('not_found'));
    }),
  );
}

function checkOutbox(open: OpenStore): void {
  it(
    'takes a topic once for each channel, and no more messages than may wait',
    withStore(open, async ({ channels }) => {
      const [one, two] = [sampleChannel(), sampleChannel()];
      for (const channel of [one, two]) await channels.insertChannel(channel);
      const message = sampleDelivery(one);
      assert.equal(await channels.insertDelivery(TENANT, message, NOW), true);
      assert.equal(await channels.insertDelivery(TENANT, sampleDelivery(one, { topic: message.topic }), NOW), false);
      assert.equal(await channels.insertDelivery(TENANT, sampleDelivery(two, { topic: message.topic }), NOW), true);
      for (let count = 1; count < OUTGOING.waitingPerChannel; count += 1)
        assert.equal(await channels.insertDelivery(TENANT, sampleDelivery(one), NOW), true);
      assert.equal(await channels.insertDelivery(TENANT, sampleDelivery(one), NOW), false);
      assert.equal(await channels.countWaiting(TENANT), OUTGOING.waitingPerChannel + 1);
    }),
  );

  it(
    'gives what is due, the longest first, of channels that are on, a bounded number of each',
    withStore(open, async (store) => {
      const { channels } = store;
      const [on, off] = [sampleChannel(), sampleChannel({ enabled: false })];
      for (const channel of [on, off]) await channels.insertChannel(channel);
      const messages = [1, 2, 3].map(() => sampleDelivery(on));
      for (const [index, message] of messages.entries()) await channels.insertDelivery(TENANT, message, NOW + index);
      await channels.insertDelivery(TENANT, sampleDelivery(off), NOW);
      const ids = messages.map(({ id }) => id);
      assert.deepEqual(await listDue(store, NOW - 1), []);
      assert.deepEqual(await listDue(store, NOW + 1), ids.slice(0, 2));
      assert.deepEqual(await listDue(store, NOW + 9, 1), ids.slice(0, 1));
    }),
  );

  it(
    'notes each attempt, what becomes of the message, and how the channel fares',
    withStore(open, async (store) => {
      const { channels } = store;
      const channel = sampleChannel();
      await channels.insertChannel(channel);
      const message = sampleDelivery(channel);
      await channels.insertDelivery(TENANT, message, NOW);
      const attempt = (at: number, ok: boolean, text: string) => ({ delivery: message.id, at, tookMs: 5, ok, text });
      const failed = attempt(NOW + 1, false, 'it answered 500');
      await channels.recordAttempt(TENANT, failed, { state: 'waiting', dueAt: NOW + 50 });
      await channels.recordAttempt(TENANT, { ...failed, at: NOW + 2 }, { state: 'waiting', dueAt: NOW + 50 });
      assert.deepEqual(await listDue(store, NOW + 49), []);
      const fails = await channels.findChannel(TENANT, channel.id);
      assert.deepEqual(
        [fails?.failures, fails?.failingSince, fails?.failure, fails?.workedAt, fails?.triedAt],
        [2, NOW + 1, 'it answered 500', undefined, NOW + 2],
      );
      const [later, elsewhere] = [sampleDelivery(channel), sampleChannel()];
      await channels.insertChannel(elsewhere);
      const other = sampleDelivery(elsewhere);
      for (const { id } of [later, other]) {
        await channels.insertDelivery(TENANT, id === later.id ? later : other, NOW);
        await channels.recordAttempt(TENANT, { ...failed, delivery: id }, { state: 'waiting', dueAt: NOW + 9000 });
      }
      const done = attempt(NOW + 60, true, 'answered 204');
      await channels.recordAttempt(TENANT, done, { state: 'delivered', dueAt: NOW + 60 });
      assert.deepEqual(await listDue(store, NOW + 60), [later.id], 'a channel that works again is told what waits, and no other');
      const works = await channels.findChannel(TENANT, channel.id);
      assert.deepEqual(
        [works?.failures, works?.failingSince, works?.failure, works?.workedAt, works?.version],
        [0, undefined, undefined, NOW + 60, 1],
      );
      const kept = await channels.findDelivery(TENANT, message.id);
      assert.deepEqual([kept?.state, kept?.attempts, kept?.settledAt, kept?.outcome], ['delivered', 3, NOW + 60, 'answered 204']);
      // What is settled stays so: a late word about it changes nothing.
      await channels.recordAttempt(TENANT, attempt(NOW + 70, false, 'late'), { state: 'given_up', dueAt: NOW });
      assert.deepEqual(await channels.listAttempts(TENANT, message.id), [failed, { ...failed, at: NOW + 2 }, done]);
      assert.deepEqual(await channels.listDeliveryTotals(TENANT), new Map([['delivered', 1]]));
    }),
  );

  it(
    'counts what was given up until it is dismissed or waits again, but not what is about now, nor what is long past',
    withStore(open, async (store) => {
      const { channels } = store;
      const [channel, other] = [sampleChannel(), sampleChannel()];
      for (const one of [channel, other]) await channels.insertChannel(one);
      const giveUp = async (change: Partial<NewDelivery>, at: number, of = channel) => {
        const message = sampleDelivery(of, change);
        await channels.insertDelivery(TENANT, message, at);
        const attempt = { delivery: message.id, at, tookMs: 1, ok: false, text: 'no' };
        await channels.recordAttempt(TENANT, attempt, { state: 'given_up', dueAt: at });
        return message.id;
      };
      const except = ['channel.test'];
      const count = () => channels.countUndelivered(TENANT, channel.id, except);
      const settle = (state: 'dismissed' | 'waiting', at: number) =>
        channels.settleUndelivered(TENANT, channel.id, except, { state, at });
      const lost = await giveUp({}, NOW);
      await giveUp({ kind: 'channel.test' }, NOW);
      await giveUp({}, NOW, other);
      await channels.insertDelivery(TENANT, sampleDelivery(channel), NOW);
      assert.equal(await count(), 1);
      assert.equal(await channels.countUndelivered(OTHER_TENANT, channel.id, except), 0);
      assert.equal(await settle('waiting', NOW + 5), 1);
      const again = await channels.findDelivery(TENANT, lost);
      assert.deepEqual([again?.state, again?.dueAt, again?.settledAt, again?.attempts], ['waiting', NOW + 5, undefined, 1]);
      assert.ok((await listDue(store, NOW + 5)).includes(lost));
      const failed = { delivery: lost, at: NOW + 6, tookMs: 1, ok: false, text: 'no' };
      await channels.recordAttempt(TENANT, failed, { state: 'given_up', dueAt: NOW + 6 });
      assert.equal(await count(), 1);
      assert.equal(await settle('dismissed', NOW + 9), 1);
      const seen = await channels.findDelivery(TENANT, lost);
      assert.deepEqual([seen?.state, seen?.settledAt, seen?.attempts], ['dismissed', NOW + 6, 2]);
      assert.deepEqual([await count(), await settle('waiting', NOW + 9)], [0, 0]);
      await giveUp({}, NOW + 10);
      const fill = async (last: number) => {
        for (let n = 1; n <= last; n += 1) await channels.insertDelivery(TENANT, sampleDelivery(channel), NOW + 20);
      };
      await fill(OUTGOING.lookedBack - 1);
      assert.equal(await count(), 1);
      await fill(1);
      assert.equal(await count(), 0, 'it is further back than is looked');
    }),
  );

  it(
    'stores messages with the step of the alert they tell of, lists them by alert and channel, and drops old ones',
    withStore(open, async ({ alerts, channels }) => {
      const channel = sampleChannel();
      await channels.insertChannel(channel);
      const alert = sampleAlert();
      const message = sampleDelivery(channel, { alert: alert.id });
      await alerts.applyStep({ alert, isNew: true, deliveries: [message], at: NOW });
      const other = sampleDelivery(channel);
      await channels.insertDelivery(TENANT, other, NOW + 1);
      const list = async (filter: Parameters<typeof channels.listDeliveries>[1]) =>
        (await channels.listDeliveries(TENANT, filter, { limit: 5 })).rows.map(({ id }) => id);
      assert.deepEqual(await list({ alert: alert.id }), [message.id]);
      assert.deepEqual(await list({ channel: channel.id }), [other.id, message.id]);
      assert.deepEqual(await list({ channel: sampleId('channel') }), []);
      assert.deepEqual(await list({ channel: channel.id, topic: other.topic }), [other.id]);
      await channels.recordAttempt(
        TENANT,
        { delivery: message.id, at: NOW + 1, tookMs: 1, ok: false, text: 'no' },
        { state: 'given_up', dueAt: NOW + 1 },
      );
      assert.equal(await channels.pruneDeliveries(NOW + 10, 10), 1);
      assert.deepEqual(await list({}), [other.id]);
      await channels.deleteChannel(TENANT, channel.id);
      assert.deepEqual(await list({}), []);
    }),
  );
}

export function checkChannels(open: OpenStore): void {
  describe('channels and their outbox', () => {
    checkChannelRows(open);
    checkOutbox(open);
  });
}
