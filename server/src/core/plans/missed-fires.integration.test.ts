import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { PlanOptionsChange } from '@holdfast/shared/domain/plan.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { HostSession } from '../../hub/directory.ts';
import type { MissedFire } from '../../store/fires.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { START } from '../fixtures/core-rig.ts';
import { revokeHost, toHostView } from '../hosts/hosts.ts';
import { applyHostEvents } from '../ingest.ts';
import { createFireWatcher, findUnknownFires, listMissedFires } from './missed-fires.ts';
import { updatePlan } from './plans.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface WatchRig extends CatalogRig {
  /** The host comes online; until `goSilent` it has told everything, unless `keepBack` says otherwise. */
  goOnline(): void;
  goSilent(): void;
  keepBack(events: number): void;
  /** Time passes with a round every 15 seconds, and a heartbeat before each. */
  pass(ms: number): Promise<void>;
  tellRun(fireHours: number, createdHours?: number): Promise<RunId>;
  missed(): Promise<readonly MissedFire[]>;
}

/** The plan fires every hour with a grace of ten minutes; the host works by it. */
async function openWatchRig(t: TestContext, options: PlanOptionsChange = { graceMinutes: 10 }): Promise<WatchRig> {
  const rig = await openCatalogRig(t);
  const { context, clock, admin, host, plan } = rig;
  // A fire of the very instant at which a plan is changed would be owed.
  clock.advance(1);
  await updatePlan(context, admin, plan.id, { schedule: { cron: '0 * * * *', zone: 'UTC' }, options });
  const settle = async () => {
    const known = await context.store.hosts.findHost(admin.tenant, host.id);
    await context.store.hosts.acknowledgeSpec(host.id, known?.specVersion ?? 0);
  };
  await settle();
  const watcher = createFireWatcher(context);
  let session: HostSession | undefined;
  let outboxEvents = 0;
  let told = 0;
  const beat = () => ({
    at: clock.now(),
    loopLagMs: 0,
    outboxEvents,
    outboxBytes: 0,
    activeRuns: 0,
    queuedRuns: 0,
    cpuRatio: 0,
    memoryUsedBytes: 0,
    memoryTotalBytes: 0,
    stateDiskFreeBytes: 0,
  });
  return {
    ...rig,
    goOnline() {
      const made = rig.connect(host.id, () => undefined);
      session = {
        ...made,
        get heartbeat() {
          return beat();
        },
      };
      rig.directory.register(session);
    },
    goSilent() {
      if (session) rig.directory.unregister(session);
      session = undefined;
    },
    keepBack(events) {
      outboxEvents = events;
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= 15_000) {
        clock.advance(Math.min(15_000, left));
        if (session) await context.store.hosts.touchHosts([host.id], clock.now());
        await watcher.runRound();
      }
    },
    async tellRun(fireHours, createdHours = fireHours) {
      told += 1;
      const run = `run_told_${told}` as RunId;
      const event: DurableEvent = {
        type: 'run.created',
        run,
        at: START + createdHours * HOUR,
        kind: 'backup',
        trigger: createdHours === fireHours ? 'schedule' : 'catch_up',
        plan: plan.id,
        repository: plan.repository,
        sources: [rig.source.id],
        fireAt: START + fireHours * HOUR,
      };
      await applyHostEvents(context, { id: host.id, tenant: admin.tenant }, 'epoch-of-the-watch', [{ seq: told, event }]);
      return run;
    },
    missed: async () => (await listMissedFires(context, admin, { plan: plan.id }, { limit: 50 })).rows,
  };
}

describe('The watch over fires', () => {
  it('says nothing while every fire has its run', async (t) => {
    const rig = await openWatchRig(t);
    rig.goOnline();
    for (const hours of [1, 2, 3]) {
      await rig.pass(START + hours * HOUR - rig.clock.now());
      await rig.tellRun(hours);
    }
    await rig.pass(30 * MINUTE);
    assert.deepEqual(await rig.missed(), []);
  });

  it('notes a fire that did not happen, once its grace is over and not before', async (t) => {
    const rig = await openWatchRig(t);
    rig.goOnline();
    await rig.pass(HOUR + 9 * MINUTE);
    assert.deepEqual(await rig.missed(), []);
    await rig.pass(3 * MINUTE);
    const [fire, ...others] = await rig.missed();
    assert.deepEqual(others, []);
    assert.deepEqual([fire?.fireAt, fire?.deadlineAt, fire?.state], [START + HOUR, START + HOUR + 10 * MINUTE, 'missed']);
    const happenings = await rig.context.store.trail.listHappenings(rig.admin.tenant, rig.host.id, 5);
    assert.ok(
      happenings.some(
        ({ type, text }) => type === 'fires.missed' && text.includes('plan nightly missed its fire of 2026-11-20T13:00Z'),
      ),
    );
    assert.ok(rig.logged.some((line) => line.startsWith('warn: a plan missed its fire')));
    await rig.pass(20 * MINUTE);
    assert.equal((await rig.missed()).length, 1);
  });

  it('decides nothing while the host is silent, and everything when it came back and told all', async (t) => {
    const rig = await openWatchRig(t);
    rig.goOnline();
    await rig.pass(30 * MINUTE);
    rig.goSilent();
    await rig.pass(3 * HOUR);
    assert.deepEqual(await rig.missed(), []);
    rig.keepBack(5);
    rig.goOnline();
    await rig.pass(10 * MINUTE);
    assert.deepEqual(await rig.missed(), []);
    await rig.tellRun(1);
    await rig.tellRun(3);
    rig.keepBack(0);
    await rig.pass(10 * MINUTE);
    assert.deepEqual(
      (await rig.missed()).map((fire) => fire.fireAt),
      [START + 2 * HOUR],
    );
  });

  it('waits for the host to work by the settings the fires come from', async (t) => {
    const rig = await openWatchRig(t);
    await rig.context.store.hosts.bumpSpec(rig.admin.tenant, [rig.host.id]);
    rig.goOnline();
    await rig.pass(2 * HOUR);
    assert.deepEqual(await rig.missed(), []);
  });

  it('reckons by the clock of the host where it goes behind', async (t) => {
    const rig = await openWatchRig(t);
    await rig.context.store.hosts.recordContact(rig.host.id, { at: rig.clock.now(), skewMs: -30 * MINUTE });
    rig.goOnline();
    await rig.pass(HOUR + 35 * MINUTE);
    assert.deepEqual(await rig.missed(), []);
    await rig.pass(10 * MINUTE);
    assert.equal((await rig.missed()).length, 1);
  });

  it('takes a catch-up run within the grace for the fires before it', async (t) => {
    const rig = await openWatchRig(t, { graceMinutes: 180 });
    await rig.pass(150 * MINUTE);
    rig.goOnline();
    await rig.tellRun(2, 2.5);
    await rig.pass(4 * HOUR);
    assert.deepEqual(
      (await rig.missed()).map((fire) => fire.fireAt),
      [START + 3 * HOUR],
    );
  });

  it('takes back what a host reports after all, and what a later clean run has made good is no longer owed', async (t) => {
    const rig = await openWatchRig(t);
    rig.goOnline();
    await rig.pass(2 * HOUR + 15 * MINUTE);
    assert.equal((await rig.context.store.fires.listOpenMisses(rig.admin.tenant, {}, 5))[0]?.count, 2);
    const run = await rig.tellRun(1);
    const [second, first] = await rig.missed();
    assert.deepEqual([first?.state, first?.run, second?.state], ['reported', run, 'missed']);
    await rig.reportBackup(rig.source, rig.repository, 'succeeded');
    assert.deepEqual(await rig.context.store.fires.listOpenMisses(rig.admin.tenant, {}, 5), []);
    assert.equal((await rig.missed())[0]?.state, 'missed');
  });

  it('owes nothing for the time a plan was switched off or its host revoked', async (t) => {
    const rig = await openWatchRig(t);
    rig.goOnline();
    await updatePlan(rig.context, rig.admin, rig.plan.id, { enabled: false });
    await rig.pass(3 * HOUR);
    await updatePlan(rig.context, rig.admin, rig.plan.id, { enabled: true });
    const known = await rig.context.store.hosts.findHost(rig.admin.tenant, rig.host.id);
    await rig.context.store.hosts.acknowledgeSpec(rig.host.id, known?.specVersion ?? 0);
    await rig.pass(30 * MINUTE);
    await revokeHost(rig.context, rig.admin, rig.host.id);
    await rig.pass(3 * HOUR);
    assert.deepEqual(await rig.missed(), []);
  });

  it('goes on with other plans when the schedule of one cannot be read', async (t) => {
    const rig = await openWatchRig(t);
    const odd = { ...rig.plan, id: rig.context.createId('plan'), name: 'odd', schedule: { cron: '99 * * * *', zone: 'UTC' } };
    await rig.context.store.plans.insertPlan(odd);
    rig.goOnline();
    await rig.pass(HOUR + 15 * MINUTE);
    assert.equal((await rig.missed()).length, 1);
    assert.equal(rig.logged.filter((line) => line.includes('could not be looked at')).length, 1);
  });

  it('counts the fires nobody knows about while a host is silent', async (t) => {
    const rig = await openWatchRig(t);
    rig.goOnline();
    await rig.pass(30 * MINUTE);
    const read = async () => {
      const host = await rig.context.store.hosts.findHost(rig.admin.tenant, rig.host.id);
      const plan = await rig.context.store.plans.findPlan(rig.admin.tenant, rig.plan.id);
      assert.ok(host && plan);
      return findUnknownFires(rig.context, plan, toHostView(rig.context, host));
    };
    assert.equal(await read(), undefined);
    rig.goSilent();
    await rig.pass(3 * HOUR);
    assert.deepEqual(await read(), { count: 3, firstDueAt: START + HOUR });
    assert.deepEqual(await rig.missed(), []);
  });

  it('is closed to nobody who may look, and to whoever asks for a plan that is not there', async (t) => {
    const rig = await openWatchRig(t);
    const gone = rig.context.createId('plan');
    await assert.rejects(listMissedFires(rig.context, rig.viewer, { plan: gone }, { limit: 5 }), { code: 'not_found' });
    assert.deepEqual((await listMissedFires(rig.context, rig.viewer, {}, { limit: 5 })).rows, []);
  });
});

describe('A round of the watch', () => {
  it('leaves the event loop free: with a thousand watches due at once, nine turns in ten are under 20 ms', async (t) => {
    const rig = await openWatchRig(t);
    for (let n = 0; n < 1000; n += 1) {
      const plan = {
        ...rig.plan,
        id: rig.context.createId('plan'),
        name: `plan ${n}`,
        schedule: { cron: `${n % 60} * * * *`, zone: 'Europe/Berlin' },
        options: { ...rig.plan.options, graceMinutes: 1 },
      };
      await rig.context.store.plans.insertPlan(plan);
    }
    rig.clock.advance(HOUR);
    // In the thread's own time: a busy machine makes every turn long, and says nothing about this one.
    const readMs = () => {
      const { user, system } = process.threadCpuUsage();
      return (user + system) / 1000;
    };
    const turns: number[] = [];
    let isOver = false;
    const measure = (last: number): void => {
      const now = readMs();
      turns.push(now - last);
      if (!isOver) setImmediate(measure, now);
    };
    setImmediate(measure, readMs());
    // The clock of the rig stands still, so the watch is given the real one to measure its slices by.
    const looked = await createFireWatcher({
      ...rig.context,
      clock: { now: () => rig.clock.now(), monotonicMs: () => performance.now() },
    }).runRound();
    isOver = true;
    assert.equal(looked, 1001);
    turns.sort((a, b) => a - b);
    const most = turns[Math.floor(turns.length * 0.9)] ?? 0;
    t.diagnostic(`longest turn ${turns.at(-1)?.toFixed(1)} ms, turns ${turns.length}`);
    assert.ok(turns.length > 10 && most < 20, `90 % of ${turns.length} turns within ${most.toFixed(1)} ms`);
  });
});
