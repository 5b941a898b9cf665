import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import type { HostId, PlanId, ScheduleId } from '@holdfast/shared/domain/ids.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { COUNTS } from '@holdfast/shared/limits.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { buildSpec } from '../hosts/spec.ts';
import { measureSpec } from '../hosts/spec-size.ts';
import { createPlan, getPlan, updatePlan } from './plans.ts';
import {
  createSharedSchedule,
  deleteSharedSchedule,
  getSharedSchedule,
  listSharedSchedules,
  updateSharedSchedule,
} from './shared-schedules.ts';

const NIGHT = { cron: '0 1 * * *', zone: 'UTC' };
const DAWN = { cron: '30 5 * * *', zone: 'Europe/Berlin' };
const HOUR = 3_600_000;

async function readSpec({ context, admin }: CatalogRig, host: HostId) {
  const issued = await buildSpec(context, admin.tenant, host);
  return specSchema.parse(verifyDocument(context.crypto, context.identity.publicKey, 'spec', issued));
}

async function findPlan(rig: CatalogRig, host: HostId, plan: PlanId) {
  return (await readSpec(rig, host)).plans.find(({ id }) => id === plan) ?? assert.fail('the plan is not in the spec');
}

/** The plan of the rig, and one of another host that goes to a repository of the network. */
async function prepareTwo(rig: CatalogRig) {
  const { context, admin } = rig;
  const host = await rig.enrol('db-2');
  const source = await rig.addDatabase(host, 'shop');
  const repository = await rig.addRepository('far', 'rest');
  const second = await createPlan(context, admin, {
    name: 'second',
    repository: repository.id,
    sources: [source.id],
    schedule: { cron: '0 3 * * *', zone: 'UTC' },
  });
  return { host, second };
}

describe('A shared schedule', () => {
  it('is made, changed and deleted by those who may manage plans', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, viewer } = rig;
    const made = await createSharedSchedule(context, operator, { name: ' night ', description: 'for tests', schedule: NIGHT });
    assert.deepEqual([made.name, made.version, made.schedule], ['night', 1, NIGHT]);
    const changed = await updateSharedSchedule(context, operator, made.id, { schedule: DAWN }, 1);
    assert.deepEqual([changed.name, changed.description, changed.version], ['night', 'for tests', 2]);
    await assert.rejects(updateSharedSchedule(context, operator, made.id, { name: 'x' }, 1), { code: 'conflict' });
    assert.deepEqual((await listSharedSchedules(context, viewer, {}, { limit: 10 })).rows, [changed]);
    for (const act of [
      createSharedSchedule(context, viewer, { name: 'x', schedule: NIGHT }),
      updateSharedSchedule(context, viewer, made.id, { name: 'x' }),
      deleteSharedSchedule(context, viewer, made.id),
    ])
      await assert.rejects(act, { code: 'forbidden' });
    await deleteSharedSchedule(context, operator, made.id);
    await assert.rejects(getSharedSchedule(context, viewer, made.id), { code: 'not_found' });
    const audit = await context.store.trail.listAudit(rig.admin.tenant, { target: made.id }, { limit: 10 });
    assert.deepEqual(audit.rows.map(({ action }) => action).sort(), [
      'shared_schedule.created',
      'shared_schedule.deleted',
      'shared_schedule.updated',
    ]);
  });

  it('refuses times that never come, a bad name and a description of two lines, each by its field', async (t) => {
    const { context, admin } = await openCatalogRig(t);
    const refusal = (field: string) => (error: unknown) =>
      (error as { code?: string }).code === 'invalid' &&
      Object.keys((error as { details: object }).details).includes(`field.${field}`);
    const never = { cron: '0 0 30 2 *', zone: 'UTC' };
    await assert.rejects(createSharedSchedule(context, admin, { name: 'never', schedule: never }), refusal('schedule'));
    await assert.rejects(createSharedSchedule(context, admin, { name: '', schedule: NIGHT }), refusal('name'));
    await assert.rejects(
      createSharedSchedule(context, admin, { name: 'x', description: 'a\nb', schedule: NIGHT }),
      refusal('description'),
    );
    const { id } = await createSharedSchedule(context, admin, { name: 'night', schedule: NIGHT });
    await assert.rejects(updateSharedSchedule(context, admin, id, { schedule: never }), refusal('schedule'));
  });

  it('is limited in number', async (t) => {
    const { context, admin } = await openCatalogRig(t);
    const shared = await createSharedSchedule(context, admin, { name: 'first', schedule: NIGHT });
    const { sharedSchedules } = context.store;
    for (let made = 1; made < COUNTS.sharedSchedules; made += 1)
      await sharedSchedules.insertSharedSchedule({ ...shared, id: context.createId('schedule'), name: `schedule ${made}` });
    await assert.rejects(createSharedSchedule(context, admin, { name: 'one more', schedule: NIGHT }), { code: 'limit' });
  });
});

describe('Plans of one shared schedule', () => {
  it('are both moved by one change of it: their specs, their fires and the audit follow, and no other plan does', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, plan } = rig;
    const { host, second } = await prepareTwo(rig);
    const alone = await createPlan(context, admin, {
      name: 'alone',
      repository: rig.repository.id,
      sources: [rig.files.id],
      schedule: NIGHT,
    });
    const shared = await createSharedSchedule(context, admin, { name: 'night', schedule: NIGHT });
    for (const id of [plan.id, second.id]) await updatePlan(context, admin, id, { sharedSchedule: shared.id });
    const both = [
      [rig.host.id, plan.id],
      [host.id, second.id],
    ] as const;
    for (const [on, id] of both) assert.deepEqual((await findPlan(rig, on, id)).schedule, NIGHT);
    const versions = await Promise.all(both.map(async ([on]) => (await readSpec(rig, on)).version));

    await updateSharedSchedule(context, admin, shared.id, { name: 'dawn' });
    assert.equal((await readSpec(rig, host.id)).version, versions[1], 'a name is no business of hosts');

    rig.clock.advance(HOUR);
    rig.published.length = 0;
    await updateSharedSchedule(context, admin, shared.id, { schedule: DAWN });
    const now = rig.clock.now();
    for (const [at, [on, id]] of both.entries()) {
      const spec = await readSpec(rig, on);
      assert.equal(spec.version, (versions[at] ?? 0) + 1, 'told once');
      const told = spec.plans.find((one) => one.id === id);
      assert.deepEqual([told?.schedule, told?.effectiveFrom], [DAWN, now]);
      assert.ok(!JSON.stringify(told).includes(shared.id), 'the host is told what it means, not whose it is');
    }
    const watches = await context.store.fires.listDueWatches(now, 10);
    const expected = new Map(watches.map((watch) => [watch.plan, watch]));
    for (const id of [plan.id, second.id]) {
      assert.deepEqual(expected.get(id)?.schedule, DAWN);
      assert.equal(expected.get(id)?.settledThrough, now - 1, 'nothing is owed for the time before');
    }
    assert.deepEqual(await getPlan(context, admin, alone.id), alone);
    const { rows } = await context.store.trail.listAudit(admin.tenant, { target: shared.id }, { limit: 1 });
    const [moved] = rows;
    assert.deepEqual([moved?.action, moved?.change?.['movedPlans']], ['shared_schedule.updated', 2]);
    assert.deepEqual(moved?.change?.['plans'], ['nightly', 'second']);
    assert.ok(rig.published.some((event) => event.kind === 'refresh' && event.topic === 'plans'));
  });

  it('take its times over, and keep what they meant when they leave it', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, plan } = rig;
    const shared = await createSharedSchedule(context, admin, { name: 'night', schedule: NIGHT });
    rig.clock.advance(HOUR);
    const joined = await updatePlan(context, admin, plan.id, { sharedSchedule: shared.id });
    assert.deepEqual([joined.schedule, joined.sharedSchedule, joined.effectiveFrom], [NIGHT, shared.id, rig.clock.now()]);
    const renamed = await updatePlan(context, admin, plan.id, { name: 'renamed' });
    assert.equal(renamed.sharedSchedule, shared.id, 'what is not named stays');
    const left = await updatePlan(context, admin, plan.id, { sharedSchedule: null });
    assert.deepEqual([left.schedule, left.sharedSchedule, left.effectiveFrom], [NIGHT, undefined, joined.effectiveFrom]);
    await updatePlan(context, admin, plan.id, { sharedSchedule: shared.id });
    const own = await updatePlan(context, admin, plan.id, { schedule: DAWN });
    assert.deepEqual([own.schedule, own.sharedSchedule], [DAWN, undefined]);
    await updatePlan(context, admin, plan.id, { sharedSchedule: shared.id });
    const byHand = await updatePlan(context, admin, plan.id, { schedule: null });
    assert.deepEqual([byHand.schedule, byHand.sharedSchedule], [undefined, undefined]);
    const input = { name: 'new', repository: rig.repository.id, sources: [rig.files.id] };
    const made = await createPlan(context, admin, { ...input, sharedSchedule: shared.id });
    assert.deepEqual(made.schedule, NIGHT);
    await assert.rejects(createPlan(context, admin, { ...input, schedule: DAWN, sharedSchedule: shared.id }), {
      code: 'invalid',
      message: /not both/,
    });
    await assert.rejects(updatePlan(context, admin, plan.id, { sharedSchedule: 'sched_unknown' as ScheduleId }), {
      code: 'invalid',
    });
  });

  it('keep it from being deleted, and are named', async (t) => {
    const { context, admin, plan } = await openCatalogRig(t);
    const { id } = await createSharedSchedule(context, admin, { name: 'night', schedule: NIGHT });
    await updatePlan(context, admin, plan.id, { sharedSchedule: id });
    await assert.rejects(deleteSharedSchedule(context, admin, id), { code: 'conflict', message: /is used by nightly;/ });
    await updatePlan(context, admin, plan.id, { sharedSchedule: null });
    await deleteSharedSchedule(context, admin, id);
  });

  it('are measured with longer times before these are stored', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, plan } = rig;
    const shared = await createSharedSchedule(context, admin, { name: 'night', schedule: NIGHT });
    await updatePlan(context, admin, plan.id, { sharedSchedule: shared.id });
    const host = (await context.store.hosts.findHost(admin.tenant, rig.host.id)) ?? assert.fail('no host');
    const longer = {
      ...shared,
      schedule: { cron: `${Array.from({ length: 60 }, (_, at) => at).join(',')} 1 * * *`, zone: 'UTC' },
    };
    const more = longer.schedule.cron.length - NIGHT.cron.length;
    assert.ok((await measureSpec(context, host, { sharedSchedule: longer })) >= (await measureSpec(context, host)) + more);
  });
});
