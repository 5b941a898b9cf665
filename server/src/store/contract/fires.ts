import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { FireVerdict, OwedFire } from '../fires.ts';
import type { Host } from '../hosts.ts';
import type { Plan } from '../plans.ts';
import type { Source } from '../sources.ts';
import type { Store } from '../store.ts';
import { backUp, createdEvent } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleHost,
  sampleId,
  samplePlan,
  sampleRepository,
  sampleSource,
  sequence,
  TENANT,
  withStore,
} from './samples.ts';

const HOUR = 3_600_000;
const LATER = NOW + 100 * HOUR;

interface Owing {
  host: Host;
  source: Source;
  plan: Plan;
}

/** A plan with one source on one host. */
async function owe(store: Store, change: Partial<Plan> = {}): Promise<Owing> {
  const host = sampleHost({ skewMs: -7 });
  await store.hosts.insertHost(host);
  const source = sampleSource(host);
  await store.sources.insertSource(source);
  const repository = sampleRepository();
  await store.repositories.insertRepository(repository);
  const plan = samplePlan(repository, [source], change);
  await store.plans.insertPlan(plan);
  return { host, source, plan };
}

const fireAt = (hours: number): OwedFire => ({
  fireAt: NOW + hours * HOUR,
  dueAt: NOW + hours * HOUR + 1000,
  deadlineAt: NOW + (hours + 2) * HOUR,
});

function verdict({ plan, host }: Owing, change: Partial<FireVerdict> = {}): FireVerdict {
  return {
    tenant: plan.tenant,
    plan: plan.id,
    host: host.id,
    planVersion: plan.version,
    settledThrough: NOW,
    lookAt: LATER,
    missed: [],
    catchUp: true,
    ...change,
  };
}

/** Streams of events of one host, each call going on where the last one ended. */
function openStream(store: Store, host: Host): (events: readonly DurableEvent[], receivedAt?: number) => Promise<unknown> {
  let seq = 1;
  return async (events, receivedAt = LATER) => {
    const first = seq;
    seq += events.length;
    return store.events.applyEvents(TENANT, host.id, 'epoch-fires', sequence(events, first), receivedAt);
  };
}

function answer({ plan }: Owing, fire: number, createdAt: number, run: RunId = sampleId('run')): DurableEvent {
  return createdEvent(run, { plan: plan.id, fireAt: fire, at: createdAt });
}

const openCounts = async (store: Store): Promise<readonly number[]> =>
  (await store.fires.listOpenMisses(TENANT, {}, 10)).map((one) => one.count);

export function checkFires(open: OpenStore): void {
  describe('fires that plans owe', () => {
    it(
      'a plan is watched on each host of its sources, from when it was made, with what decides its fires',
      withStore(open, async (store) => {
        const { host, plan } = await owe(store);
        const [watch, ...others] = await store.fires.listDueWatches(NOW, 10);
        assert.deepEqual(others, []);
        assert.deepEqual(watch, {
          tenant: TENANT,
          plan: plan.id,
          host: host.id,
          settledThrough: NOW - 1,
          planName: plan.name,
          planVersion: 1,
          enabled: true,
          schedule: plan.schedule,
          options: plan.options,
          effectiveFrom: NOW,
          hostState: 'active',
          hostSkewMs: -7,
          isInStep: false,
          hasSources: true,
        });
      }),
    );

    it(
      'a look moves the watch on, and a plan that changed meanwhile stays as the change left it',
      withStore(open, async (store) => {
        const owing = await owe(store);
        await store.fires.settleFires([verdict(owing, { settledThrough: NOW + HOUR })], NOW);
        assert.deepEqual(await store.fires.listDueWatches(LATER - 1, 10), []);
        assert.equal((await store.fires.listDueWatches(LATER, 10))[0]?.settledThrough, NOW + HOUR);
        const changed = { ...owing.plan, options: { ...owing.plan.options, graceMinutes: 5 }, updatedAt: NOW + 2 * HOUR };
        await store.plans.updatePlan(changed, 1);
        const stale = verdict(owing, { settledThrough: NOW + 9 * HOUR, missed: [fireAt(3)] });
        assert.deepEqual(await store.fires.settleFires([stale], NOW), []);
        const [watch] = await store.fires.listDueWatches(0, 10);
        assert.deepEqual([watch?.settledThrough, watch?.options.graceMinutes], [NOW + HOUR, 5]);
        await store.fires.settleFires([verdict(owing, { planVersion: 2, settledThrough: NOW })], NOW);
        assert.equal((await store.fires.listDueWatches(LATER, 10))[0]?.settledThrough, NOW + HOUR);
      }),
    );

    it(
      'a rescheduled plan owes nothing from before, and hosts come and go with its sources',
      withStore(open, async (store) => {
        const { plan, host } = await owe(store);
        const second = sampleHost();
        await store.hosts.insertHost(second);
        const more = sampleSource(second, { enabled: false });
        await store.sources.insertSource(more);
        const wider = { ...plan, sources: [...plan.sources, more.id], updatedAt: NOW + HOUR };
        await store.plans.updatePlan(wider, 1);
        const byHost = async () =>
          new Map((await store.fires.listDueWatches(NOW, 10)).map((watch) => [watch.host, watch] as const));
        assert.deepEqual([...(await byHost()).values()].map((watch) => watch.settledThrough).sort(), [NOW - 1, NOW + HOUR - 1]);
        assert.equal((await byHost()).get(second.id)?.hasSources, false);
        await store.plans.updatePlan({ ...wider, effectiveFrom: NOW + 5 * HOUR, updatedAt: NOW + 5 * HOUR }, 2);
        assert.equal((await byHost()).get(host.id)?.settledThrough, NOW + 5 * HOUR - 1);
        await store.plans.updatePlan({ ...wider, sources: [more.id], updatedAt: NOW + 6 * HOUR }, 3);
        assert.deepEqual([...(await byHost()).keys()], [second.id]);
        await store.plans.deletePlan(TENANT, plan.id);
        assert.equal((await byHost()).size, 0);
      }),
    );

    it(
      'the longest overdue come first, no more than asked for',
      withStore(open, async (store) => {
        const owings = [await owe(store), await owe(store), await owe(store)];
        for (const [at, owing] of owings.entries())
          await store.fires.settleFires([verdict(owing, { lookAt: NOW + (3 - at) * HOUR })], NOW);
        const order = (await store.fires.listDueWatches(LATER, 2)).map((watch) => watch.plan);
        assert.deepEqual(order, [owings[2]?.plan.id, owings[1]?.plan.id]);
      }),
    );

    it(
      'runs are found by the fires they answer, on their host only',
      withStore(open, async (store) => {
        const owing = await owe(store);
        const other = await owe(store);
        const say = openStream(store, owing.host);
        const runs = [sampleId('run'), sampleId('run')] as const;
        await say([answer(owing, NOW + 2 * HOUR, NOW + 2 * HOUR, runs[1]), answer(owing, NOW + HOUR, NOW + HOUR, runs[0])]);
        await say([createdEvent(sampleId('run'), { plan: owing.plan.id, at: NOW })]);
        const watch = { tenant: TENANT, plan: owing.plan.id, host: owing.host.id };
        const ids = async (from: number, limit = 9) => (await store.fires.listFireRuns(watch, from, limit)).map((run) => run.id);
        assert.deepEqual(await ids(NOW), [...runs]);
        assert.deepEqual(await ids(NOW + HOUR + 1), [runs[1]]);
        assert.deepEqual(await ids(NOW, 1), [runs[0]]);
        assert.deepEqual(await store.fires.listFireRuns({ ...watch, host: other.host.id }, NOW, 9), []);
        assert.deepEqual(await store.fires.listFireRuns({ ...watch, tenant: OTHER_TENANT }, NOW, 9), []);
      }),
    );

    it(
      'a missed fire is noted once, and listed newest first in pages, in its tenant only',
      withStore(open, async (store) => {
        const owing = await owe(store);
        const missed = [1, 2, 3].map(fireAt);
        assert.equal((await store.fires.settleFires([verdict(owing, { missed })], NOW + 9)).length, 3);
        assert.deepEqual(await store.fires.settleFires([verdict(owing, { missed })], NOW + 10), []);
        const filter = { plan: owing.plan.id, host: owing.host.id, open: true };
        const first = await store.fires.listMissedFires(TENANT, filter, { limit: 2 });
        assert.deepEqual(first.rows[0], {
          ...fireAt(3),
          tenant: TENANT,
          plan: owing.plan.id,
          host: owing.host.id,
          notedAt: NOW + 9,
          state: 'missed',
          settledAt: undefined,
          run: undefined,
          passedAt: undefined,
        });
        const rest = await store.fires.listMissedFires(TENANT, filter, { limit: 2, after: first.next });
        assert.deepEqual(
          [...first.rows, ...rest.rows].map((row) => row.fireAt),
          [3, 2, 1].map((hours) => NOW + hours * HOUR),
        );
        assert.equal(rest.next, undefined);
        assert.deepEqual((await store.fires.listMissedFires(OTHER_TENANT, {}, { limit: 5 })).rows, []);
        assert.deepEqual((await store.fires.listMissedFires(TENANT, { open: false }, { limit: 5 })).rows, []);
        await assert.rejects(store.fires.listMissedFires(TENANT, {}, { limit: 0 }), refusal('invalid'));
        assert.deepEqual(await store.fires.listOpenMisses(TENANT, {}, 9), [
          { plan: owing.plan.id, host: owing.host.id, count: 3, newestAt: NOW + 3 * HOUR },
        ]);
        assert.deepEqual(await store.fires.listOpenMisses(TENANT, { plans: [sampleId('plan')] }, 9), []);
        assert.equal((await store.fires.listOpenMisses(TENANT, { plans: [owing.plan.id] }, 9)).length, 1);
        assert.deepEqual(await store.fires.listOpenMisses(OTHER_TENANT, {}, 9), []);
      }),
    );

    it(
      'a fire is not noted when a run answers it by now, or a later one stands for it within the grace',
      withStore(open, async (store) => {
        const owing = await owe(store);
        const say = openStream(store, owing.host);
        await say([answer(owing, fireAt(1).fireAt, LATER), answer(owing, fireAt(9).fireAt, fireAt(7).deadlineAt)]);
        const missed = [1, 6, 7].map(fireAt);
        const noted = await store.fires.settleFires([verdict(owing, { missed })], NOW);
        assert.deepEqual(
          noted.map((fire) => fire.fireAt),
          [fireAt(6).fireAt],
        );
        const strict = await store.fires.settleFires([verdict(owing, { missed, catchUp: false })], NOW);
        assert.deepEqual(
          strict.map((fire) => fire.fireAt),
          [fireAt(7).fireAt],
        );
      }),
    );

    it(
      'a run told later settles the fire it answers as reported and those it stands for as late',
      withStore(open, async (store) => {
        const owing = await owe(store);
        const other = await owe(store);
        const say = openStream(store, owing.host);
        await store.fires.settleFires([verdict(owing, { missed: [1, 3, 4, 5].map(fireAt) })], NOW);
        await store.fires.settleFires([verdict(other, { missed: [fireAt(4)] })], NOW);
        const run = sampleId('run');
        await say([answer(owing, fireAt(4).fireAt, fireAt(3).deadlineAt, run)], LATER);
        const rows = (await store.fires.listMissedFires(TENANT, { host: owing.host.id }, { limit: 9 })).rows;
        assert.deepEqual(
          rows.map((row) => [row.state, row.run, row.settledAt]),
          [
            ['missed', undefined, undefined],
            ['reported', run, LATER],
            ['late', run, LATER],
            ['missed', undefined, undefined],
          ],
        );
        assert.deepEqual(await openCounts(store), [2, 1]);
      }),
    );

    it(
      'only a clean later run makes missed fires good, also those noted after it',
      withStore(open, async (store) => {
        const owing = await owe(store);
        const run = (state: 'failed' | 'succeeded') =>
          backUp(store, owing.host, {
            sources: [owing.source.id],
            state,
            created: { plan: owing.plan.id, trigger: 'manual', at: fireAt(2).fireAt },
          });
        await store.fires.settleFires([verdict(owing, { missed: [fireAt(1), fireAt(8)] })], NOW);
        await run('failed');
        assert.deepEqual(await openCounts(store), [2]);
        await run('succeeded');
        const states = (await store.fires.listMissedFires(TENANT, {}, { limit: 9 })).rows;
        assert.deepEqual(
          states.map((row) => [row.fireAt, row.state, row.passedAt]),
          [
            [fireAt(8).fireAt, 'missed', undefined],
            [fireAt(1).fireAt, 'missed', NOW + 100],
          ],
        );
        await store.fires.settleFires([verdict(owing, { missed: [fireAt(0)], catchUp: false })], NOW + 5);
        assert.equal((await store.fires.listMissedFires(TENANT, {}, { limit: 9 })).rows.at(-1)?.passedAt, NOW + 5);
        assert.deepEqual(await openCounts(store), [1]);
      }),
    );

    it(
      'old notes are dropped, the oldest first, and all of a plan with it',
      withStore(open, async (store) => {
        const owing = await owe(store);
        await store.fires.settleFires([verdict(owing, { missed: [fireAt(1), fireAt(2)] })], NOW);
        await store.fires.settleFires([verdict(owing, { missed: [fireAt(3)] })], NOW + 5);
        assert.equal(await store.fires.pruneMissedFires(NOW + 5, 1), 1);
        assert.equal(await store.fires.pruneMissedFires(NOW + 5, 9), 1);
        assert.deepEqual(await openCounts(store), [1]);
        await store.plans.deletePlan(TENANT, owing.plan.id);
        assert.deepEqual(await openCounts(store), []);
      }),
    );
  });
}
