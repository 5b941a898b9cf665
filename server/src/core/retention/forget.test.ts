import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import { openCatalogRig } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { startForget } from './forget.ts';

describe('Retention by hand', () => {
  it('is ordered from each host of the plan, with what the person agreed to', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, host, plan } = rig;
    await context.store.hosts.recordContact(host.id, {
      at: rig.clock.now(),
      facts: { ...factsOf('db-1'), capabilities: ['forget.start'] },
    });
    const { runs } = await startForget(context, admin, plan.id, { isApproved: true });
    const [run] = runs;
    assert.deepEqual(
      runs.map(({ kind, state, host: on, plan: of }) => [kind, state, on, of]),
      [['forget', 'queued', host.id, plan.id]],
    );
    assert.deepEqual(run && (await context.store.runs.listParts(admin.tenant, run.id)), []);
    const [order] = await context.store.orders.listWaitingOrders(host.id, rig.clock.now());
    assert.equal(order?.type, 'forget.start');
    const body = REQUESTS['forget.start'].body.parse(JSON.parse(order?.body ?? ''));
    assert.deepEqual([body.run, body.plan, body.isApproved, body.trigger], [run?.id, plan.id, true, 'manual']);
  });

  it('is of the copies in the second repository where that is named, by hosts that know of copies', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, host } = rig;
    const second = await rig.addRepository('second');
    const other = await rig.addRepository('other');
    const stored = await context.store.plans.findPlan(admin.tenant, rig.plan.id);
    assert.ok(stored);
    await context.store.plans.updatePlan({ ...stored, copyRepository: second.id }, stored.version);
    const wish = { isApproved: true, repository: second.id };
    const tell = (...capabilities: string[]) =>
      context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts: { ...factsOf('db-1'), capabilities } });
    await tell('forget.start');
    await assert.rejects(startForget(context, admin, stored.id, wish), /too old to remove copies/);
    await tell('forget.start', 'copy.start');
    await assert.rejects(startForget(context, admin, stored.id, { ...wish, repository: other.id }), { code: 'invalid' });
    const { runs } = await startForget(context, admin, stored.id, wish);
    assert.deepEqual(
      runs.map(({ kind, repository }) => [kind, repository]),
      [['forget', second.id]],
    );
    const [order] = await context.store.orders.listWaitingOrders(host.id, rig.clock.now());
    const body = REQUESTS['forget.start'].body.parse(JSON.parse(order?.body ?? ''));
    assert.deepEqual([body.plan, body.repository, body.isApproved], [stored.id, second.id, true]);
  });

  it('is refused where an agent cannot, and starts nothing anywhere', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, plan, host } = rig;
    await assert.rejects(startForget(context, admin, plan.id, { isApproved: false }), /too old to remove snapshots/);
    assert.deepEqual(await context.store.orders.listWaitingOrders(host.id, rig.clock.now()), []);
  });
});
