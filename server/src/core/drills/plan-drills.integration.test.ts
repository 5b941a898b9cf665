import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { PlanDrills } from '@holdfast/shared/domain/plan-drills.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { createPlan, deletePlan, updatePlan } from '../plans/plans.ts';
import type { CoreContext } from '../ports.ts';
import { getDrillSettings, saveDrillSettings } from './drill-settings.ts';
import { startDueDrills } from './drills.ts';

const HOUR = 3_600_000;
const DAILY: PlanDrills = { schedule: { cron: '0 4 * * *', zone: 'Europe/Berlin' } };

interface Rig extends CatalogRig {
  /** With hosts that are connected, or not. */
  seeing: CoreContext;
  setOnline(isOnline: boolean): void;
  follow(drills: PlanDrills | null): Promise<unknown>;
  settings(source?: SourceId): ReturnType<typeof getDrillSettings>;
  /** To the next fire of the plan's drills. */
  waitUntil(at: number): void;
}

async function openRig(t: TestContext): Promise<Rig> {
  const rig = await openCatalogRig(t);
  const { context, admin, clock, source, plan } = rig;
  await context.store.hosts.recordContact(rig.host.id, {
    at: clock.now(),
    facts: { ...factsOf('db-1'), capabilities: ['drill.start'] },
  });
  let isOnline = true;
  return {
    ...rig,
    seeing: { ...context, directory: { ...context.directory, isOnline: () => isOnline } },
    setOnline(now) {
      isOnline = now;
    },
    follow: (drills) => updatePlan(context, admin, plan.id, { options: { drills } }),
    settings: (id = source.id) => getDrillSettings(context, admin, id),
    waitUntil: (at) => clock.advance(at - clock.now()),
  };
}

const fireAfter = ({ context }: Rig, at: number): number =>
  context.listFires({ cron: '0 4 * * *', zone: 'Europe/Berlin' }, at, 1)[0] ?? assert.fail('it fires every day');

describe('Drills as a plan says', () => {
  it('are due for its sources at the fire, not before, and once for all fires that were missed', async (t) => {
    const rig = await openRig(t);
    const { clock, source, files, repository, seeing } = rig;
    await rig.reportBackup(source, repository, 'succeeded');
    await rig.reportBackup(files, repository, 'succeeded');
    await rig.follow(DAILY);
    const first = fireAfter(rig, clock.now());
    assert.deepEqual((await rig.settings()).followed, { plan: rig.plan.id, drills: DAILY });
    assert.equal((await rig.settings()).nextAt, first);
    rig.waitUntil(first - 1);
    assert.equal(await startDueDrills(seeing), 0, 'the hours of the plan are respected');
    rig.waitUntil(first);
    assert.equal(await startDueDrills(seeing), 2, 'of each source');
    assert.equal(await startDueDrills(seeing), 0);
    rig.setOnline(false);
    rig.waitUntil(fireAfter(rig, first));
    assert.equal(await startDueDrills(seeing), 0);
    assert.equal((await rig.settings()).missed?.why, 'db-1 is offline');
    clock.advance(72 * HOUR);
    await startDueDrills(seeing);
    rig.setOnline(true);
    clock.advance(HOUR);
    assert.equal(await startDueDrills(seeing), 2, 'four fires are caught up with one drill of each');
    const after = await rig.settings();
    assert.deepEqual([after.missed, after.nextAt], [undefined, fireAfter(rig, clock.now())]);
  });

  it('are due after so many clean backups, and begin to be counted when one begins', async (t) => {
    const rig = await openRig(t);
    const { source, repository, seeing } = rig;
    await rig.reportBackup(source, repository, 'succeeded');
    await rig.follow({ everyRuns: 2 });
    await rig.reportBackup(source, repository, 'succeeded');
    await rig.reportBackup(source, repository, 'failed');
    assert.equal(await startDueDrills(seeing), 0);
    await rig.reportBackup(source, repository, 'succeeded');
    assert.equal(await startDueDrills(seeing), 1);
    await rig.reportBackup(source, repository, 'succeeded');
    assert.equal(await startDueDrills(seeing), 0);
    await rig.reportBackup(source, repository, 'succeeded');
    assert.equal(await startDueDrills(seeing), 1);
  });

  it('do not count for a source with a rhythm of its own, until that is taken away', async (t) => {
    const rig = await openRig(t);
    const { context, admin, source, files } = rig;
    const question = { sql: 'select 1', operator: '=' as const, value: '1' };
    await saveDrillSettings(context, admin, source.id, { assertions: [question], everyDays: 7 });
    const own = await rig.settings();
    await rig.follow(DAILY);
    assert.deepEqual(await rig.settings(), own);
    assert.equal((await rig.settings(files.id)).followed?.plan, rig.plan.id);
    const freed = await saveDrillSettings(context, admin, source.id, { assertions: [question], withinDays: 30 });
    assert.deepEqual([freed.followed?.plan, freed.nextAt], [rig.plan.id, fireAfter(rig, rig.clock.now())]);
    assert.deepEqual([freed.assertions, freed.withinDays], [[question], 30], 'all else that is said of them stays');
  });

  it('are those of the oldest enabled plan that says anything, and none when no plan does', async (t) => {
    const rig = await openRig(t);
    const { context, admin, source, repository, plan, clock } = rig;
    clock.advance(HOUR);
    const options = { drills: { everyRuns: 3 } };
    const younger = await createPlan(context, admin, {
      ...{ name: 'weekly', repository: repository.id, sources: [source.id], options },
    });
    const followed = async () => (await rig.settings()).followed?.plan;
    assert.equal(await followed(), younger.id);
    await rig.follow(DAILY);
    assert.equal(await followed(), plan.id);
    await updatePlan(context, admin, plan.id, { enabled: false });
    assert.equal(await followed(), younger.id);
    await updatePlan(context, admin, plan.id, { enabled: true });
    await rig.follow(null);
    assert.equal(await followed(), younger.id);
    await deletePlan(context, admin, younger.id);
    const { nextAt, followed: none } = await rig.settings();
    assert.deepEqual([nextAt, none], [undefined, undefined]);
  });

  it('take place on the host of the plan, and are refused with an expression or host that is none', async (t) => {
    const rig = await openRig(t);
    const { context, admin, clock, source, seeing } = rig;
    const far = await rig.addRepository('far', 'rest');
    await updatePlan(context, admin, rig.plan.id, { repository: far.id });
    await rig.reportBackup(source, far, 'succeeded');
    const lab = await rig.enrol('lab-1');
    await context.store.hosts.recordContact(lab.id, {
      at: clock.now(),
      facts: { ...factsOf('lab-1'), capabilities: ['drill.start'] },
    });
    await rig.follow({ ...DAILY, host: lab.id });
    rig.waitUntil(fireAfter(rig, clock.now()));
    assert.equal(await startDueDrills(seeing), 1);
    const orders = await context.store.orders.listWaitingOrders(lab.id, clock.now());
    assert.deepEqual(
      orders.map(({ type }) => type),
      ['drill.start'],
    );
    const refusal = (field: string) => (error: { details: object }) => `field.${field}` in error.details;
    await assert.rejects(rig.follow({ schedule: { cron: '0 4 31 2 *', zone: 'UTC' } }), refusal('drillCron'));
    await assert.rejects(rig.follow({ schedule: { cron: '0 4 * * *', zone: 'Nowhere' } }), refusal('drillCron'));
    await assert.rejects(rig.follow({ everyRuns: 1, host: 'host_nobody' as typeof lab.id }), refusal('drillHost'));
  });
});
