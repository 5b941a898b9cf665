import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openCatalogRig } from '../fixtures/catalog-rig.ts';
import { expireOrders, ORDER_LIFE_MS } from './run-orders.ts';
import { startPlan } from './runs.ts';

describe('The log of the server', { timeout: 60_000 }, () => {
  it('names each run that is ordered, with the request that asked, and each that ends, with the reason', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, plan, host, clock } = rig;
    const { runs } = await startPlan(context, { ...admin, requestId: 'req_asked' }, plan.id);
    const id = runs[0]?.id;
    assert.ok(id !== undefined);
    assert.equal((await context.store.runs.findRun(admin.tenant, id))?.request, 'req_asked');
    const asked = await context.store.runs.listRuns(admin.tenant, { search: 'req_asked' }, { limit: 5 });
    assert.deepEqual(
      asked.rows.map((run) => run.id),
      [id],
    );
    clock.advance(ORDER_LIFE_MS + 1);
    assert.equal(await expireOrders(context), 1);
    await rig.reportBackup(rig.source, rig.repository, 'succeeded');
    const fields = { run: id, kind: 'backup', plan: plan.id, host: host.id };
    assert.deepEqual(
      rig.logged.filter((line) => line.includes(id)).map((line) => line.trimEnd()),
      [
        `info: run ordered ${JSON.stringify({ request: 'req_asked', ...fields })}`,
        `info: run finished ${JSON.stringify({ run: id, host: host.id, state: 'failed', reason: 'expired' })}`,
      ],
    );
    const told = rig.logged.filter((line) => line.includes('run_reported_1'));
    assert.equal(told.length, 2, 'one line when it is created and one when it has ended');
    assert.match(told[0] ?? '', /^info: run created .*"state":"queued"/);
    assert.match(told[1] ?? '', new RegExp(`^info: run finished .*"host":"${host.id}","state":"succeeded"`));
  });
});
