import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { factsOf } from '../core/fixtures/core-rig.ts';
import { rotateHostToken } from '../core/hosts/hosts.ts';
import { listPendingHosts } from '../core/hosts/pending-hosts.ts';
import { startHubRig } from './fixtures/hub-rig.ts';

describe('A connection of a host', () => {
  it('begins with challenge, hello and welcome, and gives the host its signed spec', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    const welcome = await line.greet();
    assert.deepEqual(
      { version: welcome.body.version, hostName: welcome.body.hostName, acknowledged: welcome.body.acknowledged },
      { version: 1, hostName: 'db-1', acknowledged: 0 },
    );
    assert.equal(rig.directory.isOnline(agent.id), true);
    const put = await line.take('spec.put');
    const document = verifyDocument(rig.context.crypto, rig.context.identity.publicKey, 'spec', put.body);
    assert.equal(specSchema.parse(document).host, agent.id);
    line.send('reply', { result: { version: put.body.version } }, put.id);
    await rig.until('the spec is acknowledged', async () => {
      const host = await rig.context.store.hosts.findHost(rig.admin.tenant, agent.id);
      return host?.acknowledgedSpecVersion === put.body.version;
    });
  });

  it('is online from the welcome on and offline after its end, and both stand in its history', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    assert.equal(rig.directory.isOnline(agent.id), false);
    await line.greet();
    line.socket.close();
    await line.closed;
    await rig.until('the host is offline', () => !rig.directory.isOnline(agent.id));
    const types = async () =>
      (await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 10)).map((one) => one.type);
    await rig.until('the end is noted', async () => (await types()).includes('host.disconnected'));
    assert.ok((await types()).includes('host.connected'));
  });

  it('of a host that calls itself otherwise since the last one belongs to the same row, under the name people gave it', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const { hosts } = rig.context.store;
    for (const hostname of ['old.example.com', 'new.example.com']) {
      const line = rig.dial(agent);
      const welcome = await line.greet({ facts: factsOf(hostname) });
      assert.equal(welcome.body.hostName, 'db-1');
      await rig.until('the row has the new name', async () => {
        const host = await hosts.findHost(rig.admin.tenant, agent.id);
        return host?.name === 'db-1' && host.facts?.hostname === hostname;
      });
      line.socket.close();
      await line.closed;
      await rig.until('the host is offline', () => !rig.directory.isOnline(agent.id));
    }
    const { rows } = await hosts.listHosts(rig.admin.tenant, {}, { limit: 10 });
    assert.deepEqual(
      rows.map(({ id }) => id),
      [agent.id],
    );
    assert.deepEqual(await listPendingHosts(rig.context, rig.admin), []);
  });

  it('ends with 1008 when the first frame is no hello', async (t) => {
    const rig = await startHubRig(t);
    const line = rig.dial(await rig.enrol('db-1'));
    await line.take('challenge');
    line.sendEvents(1, [{ type: 'host.notice', at: 1, level: 'info', text: 'too early' }]);
    const goodbye = await line.take('goodbye');
    assert.equal(goodbye.body.error.code, 'unauthenticated');
    assert.equal((await line.closed).code, 1008);
  });

  it('ends at a second hello', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    await line.greet();
    line.send('hello', { ...(await lastHello(rig, agent)), counter: 99 });
    const goodbye = await line.take('goodbye');
    assert.match(goodbye.body.error.message, /second hello/);
    assert.equal(goodbye.body.reconnect, false);
    assert.equal((await line.closed).code, 1008);
  });

  it('of a version nobody shares is told so by name', async (t) => {
    const rig = await startHubRig(t);
    const line = rig.dial(await rig.enrol('db-1'));
    await line.sendHello({ protocol: { oldest: 7, newest: 9 } });
    const goodbye = await line.take('goodbye');
    assert.equal(goodbye.body.error.code, 'unsupported');
    assert.equal(goodbye.body.reconnect, false);
  });

  it('of an agent that speaks newer versions too is welcomed in ours', async (t) => {
    const rig = await startHubRig(t);
    const welcome = await rig.dial(await rig.enrol('db-1')).greet({ protocol: { oldest: 1, newest: 9 } });
    assert.equal(welcome.body.version, 1);
  });

  it('says goodbye when the server closes, and the agent may come back', async (t) => {
    const rig = await startHubRig(t);
    const line = rig.dial(await rig.enrol('db-1'));
    await line.greet();
    rig.hub.close();
    const goodbye = await line.take('goodbye');
    assert.deepEqual([goodbye.body.error.code, goodbye.body.reconnect], ['unavailable', true]);
    await line.closed;
  });

  it('gives way to a newer connection of the same host', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const older = rig.dial(agent);
    await older.greet();
    const newer = rig.dial(agent);
    await newer.greet();
    const goodbye = await older.take('goodbye');
    assert.deepEqual([goodbye.body.error.code, goodbye.body.reconnect], ['conflict', true]);
    await older.closed;
    assert.equal(rig.directory.isOnline(agent.id), true, 'the newer one stays');
    const happenings = await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 10);
    assert.equal(happenings.filter((one) => one.type === 'host.disconnected').length, 0, 'the host was never away');
  });

  it('that does not answer pings is cut and its host shown offline', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    await line.greet();
    const ping = new Promise((resolve) => line.socket.once('ping', resolve));
    t.mock.timers.tick(20_000);
    await ping;
    // The line is half open from here on: nothing of the host arrives any more.
    line.socket.pause();
    rig.clock.shift(45_000);
    // Within a second of the limit, not at the next ping.
    t.mock.timers.tick(1000);
    await rig.until('the host is offline', () => !rig.directory.isOnline(agent.id));
    line.socket.resume();
    assert.equal((await line.closed).code, 1006, 'cut, not closed politely');
  });
});

async function lastHello(rig: Awaited<ReturnType<typeof startHubRig>>, agent: { id: string; boot: string; epoch: string }) {
  const host = await rig.context.store.hosts.findHost(rig.admin.tenant, agent.id as never);
  assert.ok(host?.facts);
  return {
    host: host.id,
    protocol: { oldest: 1, newest: 1 },
    proof: 'x'.repeat(86),
    boot: agent.boot,
    facts: host.facts,
    tools: [],
    outbox: { epoch: agent.epoch, firstSeq: 0, lastSeq: 0 },
    specVersion: 0,
    runs: [],
  };
}

describe('A host token', () => {
  it('is rotated on demand; both tokens work until the new one was used once', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    await line.greet();
    const rotated = rotateHostToken(rig.context, rig.admin, agent.id);
    const order = await line.take('token.rotate');
    const binding = { host: agent.id, purpose: 'token' as const, ref: agent.id, version: order.body.version };
    const opened = openSealed(rig.context.crypto, agent.sealing, rig.context.identity.publicKey, binding, order.body.sealed);
    const fresh = opened.values['token'];
    assert.ok(fresh);
    line.send('reply', { result: { accepted: true } }, order.id);
    await rotated;

    const withOld = rig.dial(agent);
    await withOld.greet();
    const withNew = rig.dial(agent, fresh);
    await withNew.greet();
    const refused = await rig.dialRefused({ authorization: `Bearer ${agent.token}` });
    assert.equal(refused.status, 401, 'the old token is gone after the first use of the new one');
  });

  it('that has reached its age is rotated at the next connection, while frames go on', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    rig.clock.shift(31 * 24 * 3_600_000);
    const line = rig.dial(agent);
    await line.greet();
    const order = await line.take('token.rotate');
    line.sendEvents(1, [{ type: 'host.notice', at: 1, level: 'info', text: 'meanwhile' }]);
    assert.equal((await line.take('ack')).body.through, 1);
    line.send('reply', { result: { accepted: true } }, order.id);
  });
});
