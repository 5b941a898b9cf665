import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { revokeHost } from '../core/hosts/hosts.ts';
import { createPlan } from '../core/plans/plans.ts';
import { createRepository } from '../core/repositories/repositories.ts';
import { createSilenceRound } from '../core/runs/presumed-ends.ts';
import { cancelRun, startPlan } from '../core/runs/runs.ts';
import { createSource } from '../core/sources/sources.ts';
import { type HubRig, type Line, type PlayedAgent, startHubRig } from './fixtures/hub-rig.ts';

async function openWithPlan(t: Parameters<typeof startHubRig>[0]) {
  const rig = await startHubRig(t);
  const agent = await rig.enrol('db-1');
  const { context, admin } = rig;
  const source = await createSource(context, admin, {
    host: agent.id,
    name: 'etc',
    kind: 'files',
    config: { paths: ['/etc'] },
    secrets: {},
  });
  const repository = await createRepository(context, admin, {
    name: 'local',
    kind: 'local',
    config: { path: '/var/backups' },
    secrets: { password: 'a long repository password' },
  });
  const plan = await createPlan(context, admin, { name: 'nightly', repository: repository.id, sources: [source.id] });
  return { rig, agent, plan, source, repository };
}

/** Answers the spec that is on its way, so that the host is up to date. */
async function takeSpec(rig: HubRig, agent: PlayedAgent, line: Line): Promise<number> {
  const put = await line.take('spec.put');
  agent.specVersion = put.body.version;
  line.send('reply', { result: { version: put.body.version } }, put.id);
  await rig.until(
    'the spec is acknowledged',
    async () => (await hostOf(rig, agent)).acknowledgedSpecVersion === put.body.version,
  );
  return put.body.version;
}

async function hostOf(rig: HubRig, agent: PlayedAgent) {
  const host = await rig.context.store.hosts.findHost(rig.admin.tenant, agent.id);
  assert.ok(host);
  return host;
}

describe('The spec', () => {
  it('of a server that was restored from a copy goes on above what its host has', async (t) => {
    const { rig, agent } = await openWithPlan(t);
    agent.specVersion = 41;
    const line = rig.dial(agent);
    await line.greet();
    assert.equal(await takeSpec(rig, agent, line), 42);
    const happenings = await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 10);
    assert.match(happenings.find((one) => one.type === 'host.spec_ahead')?.text ?? '', /version 41/);
  });

  it('is not outrun by a host that makes numbers up', async (t) => {
    const { rig, agent } = await openWithPlan(t);
    const before = (await hostOf(rig, agent)).specVersion;
    const line = rig.dial(agent);
    await line.sendHello({ specVersion: Number.MAX_SAFE_INTEGER });
    assert.equal((await line.take('goodbye')).body.error.code, 'invalid');
    assert.equal((await hostOf(rig, agent)).specVersion, before);
  });

  it('that does not fit into a frame is told in the history of its host, and holds back no order', async (t) => {
    const { rig, agent, plan, source } = await openWithPlan(t);
    const { sources } = rig.context.store;
    for (const name of ['a', 'b', 'c']) {
      const paths = Array.from({ length: 25 }, () => `/${'x'.repeat(4000)}`);
      const stored = await sources.findSource(rig.admin.tenant, source.id);
      assert.ok(stored);
      await sources.insertSource({ ...stored, id: rig.context.createId('source'), name, config: { paths } });
    }
    const line = rig.dial(agent);
    await line.greet();
    const { runs } = await startPlan(rig.context, rig.admin, plan.id);
    assert.equal((await line.take('run.start')).body.run, runs[0]?.id);
    const happenings = await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 10);
    const told = happenings.filter((one) => one.type === 'host.spec_failed');
    assert.equal(told.length, 1);
    assert.match(told[0]?.text ?? '', /above the limit/);
  });

  it('is sent again after each change, with a version that rises', async (t) => {
    const { rig, agent, source } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet();
    const first = await takeSpec(rig, agent, line);
    await createSource(rig.context, rig.admin, {
      host: agent.id,
      name: 'srv',
      kind: 'files',
      config: { paths: ['/srv'] },
      secrets: {},
    });
    const put = await line.take('spec.put');
    assert.ok(put.body.version > first);
    const spec = specSchema.parse(JSON.parse(put.body.document));
    assert.deepEqual(spec.sources.map((one) => one.name).sort(), ['etc', 'srv']);
    assert.ok(spec.sources.some((one) => one.id === source.id));
  });

  it('is not sent to a host that says it has it, and counts as acknowledged although its answer was lost', async (t) => {
    const { rig, agent } = await openWithPlan(t);
    const cut = rig.dial(agent);
    await cut.greet();
    const put = await cut.take('spec.put');
    // The host stored the spec, and the line breaks before the answer is through.
    agent.specVersion = put.body.version;
    cut.socket.terminate();
    await cut.closed;
    const line = rig.dial(agent);
    await line.greet();
    await rig.until(
      'the spec is acknowledged',
      async () => (await hostOf(rig, agent)).acknowledgedSpecVersion === put.body.version,
    );
    assert.ok(!line.listWaiting().includes('spec.put'), 'the same version would be another document, which the host must refuse');
  });

  it('that the host refuses does not hold back its orders', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet();
    const refuse = async () => {
      const put = await line.take('spec.put');
      line.send('error', { code: 'conflict', message: 'older than what is here', retry: 'never' }, put.id);
    };
    await refuse();
    const { runs } = await startPlan(rig.context, rig.admin, plan.id);
    // The order's plan may be newer than what the host has, so its spec is offered once more before it.
    await refuse();
    assert.equal((await line.take('run.start')).body.run, runs[0]?.id);
  });
});

describe('An order', () => {
  it('never overtakes the spec that holds its plan, also when an older spec is still on its way', async (t) => {
    const { rig, agent, source, repository } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet();
    const older = await line.take('spec.put');
    const plan = await createPlan(rig.context, rig.admin, { name: 'hourly', repository: repository.id, sources: [source.id] });
    await startPlan(rig.context, rig.admin, plan.id);
    line.send('reply', { result: { version: older.body.version } }, older.id);
    const newer = await line.take('spec.put');
    assert.ok(!line.listWaiting().includes('run.start'), 'the order came before the plan it names');
    assert.ok(newer.body.document.includes(plan.id));
    line.send('reply', { result: { version: newer.body.version } }, newer.id);
    assert.equal((await line.take('run.start')).body.plan, plan.id);
  });

  it('waits for its host, arrives with the connection, and is settled by the answer', async (t) => {
    const { rig, agent, plan, source } = await openWithPlan(t);
    const { runs } = await startPlan(rig.context, rig.admin, plan.id);
    const [run] = runs;
    assert.ok(run);
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    const order = await line.take('run.start');
    assert.deepEqual([order.body.run, order.body.plan, order.body.sources], [run.id, plan.id, [source.id]]);
    line.send('reply', { result: { run: run.id } }, order.id);
    await rig.until(
      'no order waits',
      async () => (await rig.context.store.orders.listWaitingOrders(agent.id, rig.clock.now())).length === 0,
    );
  });

  it('whose answer was lost is sent again under the same id, with the same words, and the second answer settles it', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const cut = rig.dial(agent);
    await cut.greet();
    await takeSpec(rig, agent, cut);
    const { runs } = await startPlan(rig.context, rig.admin, plan.id);
    const first = await cut.take('run.start');
    cut.socket.terminate();
    await cut.closed;
    const line = rig.dial(agent);
    await line.greet();
    const second = await line.take('run.start');
    assert.equal(second.id, first.id);
    assert.deepEqual(second.body, first.body);
    line.send('reply', { result: { run: second.body.run } }, second.id);
    await rig.until(
      'no order waits',
      async () => (await rig.context.store.orders.listWaitingOrders(agent.id, rig.clock.now())).length === 0,
    );
    assert.equal((await rig.context.store.runs.findRun(rig.admin.tenant, runs[0]?.id as never))?.state, 'queued');
  });

  it('is settled by the run’s first event too, when the answer is lost but the event is not', async (t) => {
    const { rig, agent, plan, source, repository } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    await startPlan(rig.context, rig.admin, plan.id);
    const { run } = (await line.take('run.start')).body;
    const created: DurableEvent = {
      type: 'run.created',
      run,
      at: 1,
      kind: 'backup',
      trigger: 'manual',
      plan: plan.id,
      repository: repository.id,
      sources: [source.id],
    };
    line.sendEvents(1, [created, { type: 'run.started', run, at: 2 }]);
    await line.take('ack');
    assert.equal((await rig.context.store.orders.listWaitingOrders(agent.id, rig.clock.now())).length, 0);
    line.socket.terminate();
    await line.closed;
    const again = rig.dial(agent);
    await again.greet();
    again.sendEvents(3, [{ type: 'host.notice', at: 1, level: 'info', text: 'x' }]);
    await again.take('ack');
    assert.ok(!again.listWaiting().includes('run.start'));
  });

  it('among more than may wait on one line comes in its turn, and none of them fails', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const ordered = new Set<string>();
    for (let count = 0; count < WIRE.pendingRequests + 6; count += 1) {
      const { runs } = await startPlan(rig.context, rig.admin, plan.id);
      for (const { id } of runs) ordered.add(id);
    }
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    const taken = [];
    while (taken.length < WIRE.ordersOnTheirWay) taken.push(await line.take('run.start'));
    line.sendEvents(1, [{ type: 'host.notice', at: 1, level: 'info', text: 'busy' }]);
    await line.take('ack');
    assert.ok(!line.listWaiting().includes('run.start'), 'no other one is sent before one is answered');
    for (const { id, body } of taken) line.send('reply', { result: { run: body.run } }, id);
    const started = new Set<string>(taken.map(({ body }) => body.run));
    while (started.size < ordered.size) {
      const { id, body } = await line.take('run.start');
      started.add(body.run);
      line.send('reply', { result: { run: body.run } }, id);
    }
    assert.deepEqual(started, ordered);
    await rig.until(
      'no order waits',
      async () => (await rig.context.store.orders.listWaitingOrders(agent.id, rig.clock.now())).length === 0,
    );
    const ended = [...ordered].map((id) => rig.context.store.runs.findRun(rig.admin.tenant, id as RunId));
    assert.ok((await Promise.all(ended)).every((run) => run?.state === 'queued'));
  });

  it('that the host refuses ends its run with the host’s own words', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    const { runs } = await startPlan(rig.context, rig.admin, plan.id);
    const order = await line.take('run.start');
    line.send('error', { code: 'limit', message: 'this host has 200 runs waiting already', retry: 'later' }, order.id);
    const find = () => rig.context.store.runs.findRun(rig.admin.tenant, runs[0]?.id as never);
    await rig.until('the run has ended', async () => (await find())?.state === 'failed');
    const run = await find();
    assert.deepEqual(run?.failure, { code: 'limit', message: 'this host has 200 runs waiting already' });
  });

  it('to cancel ends a run that its host does not know any more', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    const { runs } = await startPlan(rig.context, rig.admin, plan.id);
    const start = await line.take('run.start');
    line.send('reply', { result: { run: start.body.run } }, start.id);
    await cancelRun(rig.context, rig.admin, start.body.run);
    const cancel = await line.take('run.cancel');
    assert.equal(cancel.body.run, runs[0]?.id);
    line.send('reply', { result: { known: false } }, cancel.id);
    const read = () => rig.context.store.runs.findRun(rig.admin.tenant, start.body.run);
    await rig.until('the run has ended', async () => (await read())?.state === 'cancelled');
    assert.match((await read())?.failure?.message ?? '', /its host knew nothing of it any more/);
    assert.deepEqual(await rig.context.store.orders.listWaitingOrders(agent.id, rig.clock.now()), []);
  });
});

describe('A question to a host', () => {
  it('is answered by the reply with its id, whatever else comes in between, and only once', async (t) => {
    const { rig, agent } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    const body = { ref: 'req_1', draft: { kind: 'files', config: { paths: ['/etc'] } }, notAfter: rig.clock.now() + 1000 };
    const asked = rig.directory.request(agent.id, 'source.discover', body);
    const question = await line.take('source.discover');
    line.send('reply', { result: { found: [{ name: 'forged' }] } }, 'req_unknown');
    line.send('reply', { result: { found: [{ name: 'shop' }] } }, question.id);
    line.send('reply', { result: { found: [{ name: 'late' }] } }, question.id);
    assert.deepEqual(await asked, { found: [{ name: 'shop' }] });
    line.sendEvents(1, [{ type: 'host.notice', at: 1, level: 'info', text: 'still here' }]);
    await line.take('ack');
  });

  it('to a host that is away fails at once, and one that loses its line fails with it', async (t) => {
    const { rig, agent } = await openWithPlan(t);
    const body = { ref: 'req_1', draft: { kind: 'files', config: {} }, notAfter: 1 };
    await assert.rejects(rig.directory.request(agent.id, 'source.discover', body), { code: 'unavailable' });
    const line = rig.dial(agent);
    await line.greet();
    const asked = rig.directory.request(agent.id, 'source.discover', body);
    await line.take('source.discover');
    const failed = assert.rejects(asked, { code: 'unavailable', message: /lost its connection/ });
    line.socket.terminate();
    await failed;
  });
});

describe('A run that its host took and forgot', () => {
  it('ends as interrupted at the next hello, and only when nothing can tell of it any more', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const { context, admin } = rig;
    const first = rig.dial(agent);
    await first.greet();
    await takeSpec(rig, agent, first);
    const { runs } = await startPlan(context, admin, plan.id);
    const id = runs[0]?.id ?? assert.fail();
    const order = await first.take('run.start');
    first.send('reply', { result: { run: order.body.run } }, order.id);
    const read = async () => context.store.runs.findRun(admin.tenant, id);
    await rig.until(
      'the order is answered',
      async () => (await context.store.orders.listHeldRuns(admin.tenant, agent.id)).length === 1,
    );
    first.socket.close();
    await first.closed;
    const knowing = rig.dial(agent);
    await knowing.greet({ runs: [id] });
    assert.equal((await read())?.state, 'queued', 'the host knows it');
    knowing.socket.close();
    await knowing.closed;
    const telling = rig.dial(agent);
    await telling.greet({ outbox: { epoch: agent.epoch, firstSeq: 1, lastSeq: 1 } });
    assert.equal((await read())?.state, 'queued', 'an event is still to come');
    telling.sendEvents(1, [{ type: 'host.notice', at: 1, level: 'info', text: 'all there was' }]);
    await telling.take('ack');
    await rig.until('the run has ended', async () => (await read())?.state === 'failed');
    const ended = await read();
    assert.deepEqual([ended?.state, ended?.failure?.reason], ['failed', 'interrupted']);
    assert.match(ended?.failure?.message ?? '', /knows nothing of it any more/);
  });

  it('ends also when it had begun, and goes on when its host tells of it after all', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const { context, admin } = rig;
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    const { runs } = await startPlan(context, admin, plan.id);
    const id = runs[0]?.id ?? assert.fail();
    const order = await line.take('run.start');
    line.send('reply', { result: { run: order.body.run } }, order.id);
    const { repository, kind } = runs[0] ?? assert.fail();
    line.sendEvents(1, [
      { type: 'run.created', run: id, at: 1, kind, trigger: 'manual', repository, sources: [], plan: plan.id },
      { type: 'run.started', run: id, at: 2 },
    ]);
    await line.take('ack');
    line.socket.close();
    await line.closed;
    const read = async () => (await context.store.runs.findRun(admin.tenant, id))?.state;
    assert.equal(await read(), 'running');
    const outbox = { epoch: agent.epoch, firstSeq: 1, lastSeq: 2 };
    const knowing = rig.dial(agent);
    await knowing.greet({ runs: [id], outbox });
    assert.equal(await read(), 'running', 'the host knows it');
    knowing.socket.close();
    await knowing.closed;
    const forgetful = rig.dial(agent);
    await forgetful.greet({ outbox });
    assert.equal(await read(), 'failed');
    forgetful.sendEvents(3, [
      { type: 'run.finished', run: id, at: 5, state: 'failed', evidence: [], bytes: 0, durationMs: 3, logLines: 0 },
    ]);
    await forgetful.take('ack');
    assert.equal((await context.store.runs.findRun(admin.tenant, id))?.durationMs, 3);
  });

  it('ends after a day of silence, which counts from the start of the server on', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const { context, admin, clock } = rig;
    const round = createSilenceRound(context);
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    const take = async () => {
      const { runs } = await startPlan(context, admin, plan.id);
      const order = await line.take('run.start');
      line.send('reply', { result: { run: order.body.run } }, order.id);
      const { id } = runs[0] ?? assert.fail();
      const isHeld = async () => (await context.store.orders.listHeldRuns(admin.tenant, agent.id)).some((run) => run.id === id);
      await rig.until('the order is answered', isHeld);
      return id;
    };
    const [first, second] = [await take(), await take()];
    const read = async (id: RunId) => (await context.store.runs.findRun(admin.tenant, id))?.failure?.message ?? '';
    clock.shift(2 * DAY_MS);
    assert.equal(await round(), 0, 'its line stands');
    line.socket.close();
    await line.closed;
    await rig.until('the host is away', () => !context.directory.isOnline(agent.id));
    assert.equal(await createSilenceRound(context)(), 0, 'a server that has only just begun waits for it');
    assert.equal(await round(), 2);
    assert.match(await read(first), /silent for a day/);
    assert.equal(await read(first), await read(second));
  });
});

describe('A run of a host that is revoked', () => {
  it('ends as interrupted, be it under way there or not taken yet', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const { context, admin } = rig;
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(rig, agent, line);
    const begin = async () => (await startPlan(context, admin, plan.id)).runs[0] ?? assert.fail();
    const { id: run, repository, kind } = await begin();
    const order = await line.take('run.start');
    line.send('reply', { result: { run } }, order.id);
    line.sendEvents(1, [
      { type: 'run.created', run, at: 1, kind, trigger: 'manual', repository, sources: [], plan: plan.id },
      { type: 'run.started', run, at: 2 },
    ]);
    await line.take('ack');
    const { id: waiting } = await begin();
    await line.take('run.start');
    await revokeHost(context, admin, agent.id);
    const [cut, never] = await Promise.all([run, waiting].map((id) => context.store.runs.findRun(admin.tenant, id)));
    assert.deepEqual([cut?.state, cut?.failure?.reason], ['failed', 'interrupted']);
    assert.match(cut?.failure?.message ?? '', /was revoked while this went on/);
    assert.deepEqual([never?.state, never?.failure?.reason], ['failed', 'interrupted']);
    assert.match(never?.failure?.message ?? '', /was revoked before it took this order/);
  });
});
