import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { type HubRig, type PlayedAgent, startHubRig } from './fixtures/hub-rig.ts';

const notice = (text: string): DurableEvent => ({ type: 'host.notice', at: 1, level: 'info', text });

const listTypes = async (rig: HubRig, agent: PlayedAgent) =>
  (await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 50)).map(({ type }) => type);

const hostOf = async (rig: HubRig, agent: PlayedAgent) => {
  const host = await rig.context.store.hosts.findHost(rig.admin.tenant, agent.id);
  assert.ok(host);
  return host;
};

describe('A server that is older than what it promised', () => {
  it('notices by the host’s hello, in whichever epoch the promise was made, asks for a replay and says so', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const first = rig.dial(agent);
    assert.equal((await first.greet()).body.replay, undefined);
    first.sendEvents(1, [notice('a'), notice('b')]);
    await first.take('ack');
    const outbox = { epoch: 'epoch-begun-later', firstSeq: 0, lastSeq: 0 };
    const kept = rig.dial(agent);
    const welcome = await kept.greet({ outbox: { ...outbox, promised: { epoch: agent.epoch, seq: 2 } } });
    assert.equal(welcome.body.replay, undefined, 'all it promised is here');
    assert.ok(!(await listTypes(rig, agent)).includes('host.server_behind'));
    for (const promised of [
      { epoch: agent.epoch, seq: 3 },
      { epoch: 'epoch-unheard-of', seq: 1 },
    ]) {
      const owed = await rig.dial(agent).greet({ outbox: { ...outbox, promised } });
      assert.deepEqual([owed.body.replay, owed.body.acknowledged], [true, 0]);
    }
    assert.equal((await listTypes(rig, agent)).filter((type) => type === 'host.server_behind').length, 2);
  });

  it('never asks another host to replay on one host’s word', async (t) => {
    const rig = await startHubRig(t);
    const liar = await rig.enrol('db-1');
    const other = await rig.enrol('db-2');
    const outbox = { epoch: liar.epoch, firstSeq: 0, lastSeq: 0, promised: { epoch: liar.epoch, seq: 2 ** 40 } };
    const lied = await rig.dial(liar).greet({ outbox, serverEpoch: 2 ** 40 });
    assert.equal(lied.body.serverEpoch, 1);
    const welcome = await rig.dial(other).greet();
    assert.deepEqual([welcome.body.replay, welcome.body.serverEpoch], [undefined, 1]);
  });
});

describe('The spec of a host', () => {
  const takeSpec = async (rig: HubRig, agent: PlayedAgent, line: ReturnType<HubRig['dial']>) => {
    const put = await line.take('spec.put');
    agent.specVersion = put.body.version;
    line.send('reply', { result: { version: put.body.version } }, put.id);
    const isKnown = async () => (await hostOf(rig, agent)).acknowledgedSpecVersion === put.body.version;
    await rig.until('the spec is acknowledged', isKnown);
    return put.body;
  };

  it('is sent under a higher version when the host has the same version of another making', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    await line.greet();
    const spec = await takeSpec(rig, agent, line);
    assert.equal((await hostOf(rig, agent)).specSignature, spec.signature);

    const same = rig.dial(agent);
    await same.greet({ specSignature: spec.signature });
    same.sendEvents(1, [notice('a')]);
    await same.take('ack');
    assert.ok(!same.listWaiting().includes('spec.put'), 'the same spec is not sent again');

    const other = rig.dial(agent);
    await other.greet({ specSignature: 'x'.repeat(86) });
    assert.equal((await takeSpec(rig, agent, other)).version, spec.version + 1);
    assert.ok((await listTypes(rig, agent)).includes('host.spec_ahead'));
  });

  it('whose answer was lost on the line is known by its signature and not made anew', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    await line.greet();
    const { body } = await line.take('spec.put');
    line.socket.terminate();
    const next = rig.dial(agent);
    await next.greet({ specVersion: body.version, specSignature: body.signature });
    await rig.until('it is acknowledged', async () => (await hostOf(rig, agent)).acknowledgedSpecVersion === body.version);
    assert.equal((await hostOf(rig, agent)).specVersion, body.version);
  });
});

describe('The clock of a host', () => {
  const cases = [
    { aheadMs: 0, level: undefined },
    { aheadMs: 4000, level: undefined },
    { aheadMs: 20_000, level: 'warn' },
    { aheadMs: -7_200_000, level: 'error' },
  ] as const;
  for (const { aheadMs, level } of cases) {
    it(`that is ${aheadMs} ms ahead is kept so with the host${level ? ` and noted as ${level}` : ', and nothing is noted'}`, async (t) => {
      const rig = await startHubRig(t);
      const agent = await rig.enrol('db-1');
      const line = rig.dial(agent);
      // The played agent's frames carry the real time; the challenge is what the clock is read at.
      await line.greet({ challengedAt: Date.now() + 2 * aheadMs });
      const { skewMs } = await hostOf(rig, agent);
      assert.ok(skewMs !== undefined && Math.abs(skewMs - aheadMs) < 1000, `measured ${skewMs}`);
      const happenings = await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 10);
      assert.equal(happenings.find(({ type }) => type === 'host.clock_skew')?.level, level);
    });
  }
});
