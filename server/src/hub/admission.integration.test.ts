import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { signConnectClaim } from '@holdfast/shared/crypto/proof.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { revokeHost } from '../core/hosts/hosts.ts';
import { type HubRig, type PlayedAgent, startHubRig } from './fixtures/hub-rig.ts';

const stateOf = async (rig: HubRig, agent: PlayedAgent) =>
  (await rig.context.store.hosts.findHost(rig.admin.tenant, agent.id))?.state;

describe('The door for agents', () => {
  it('answers 401 before the upgrade without a token, with a wrong one, or with something that is none', async (t) => {
    const rig = await startHubRig(t);
    await rig.enrol('db-1');
    const wrong: Record<string, string>[] = [
      {},
      { authorization: 'Bearer ' },
      { authorization: `Bearer hfa_${'x'.repeat(43)}` },
      { authorization: 'Basic YWRtaW46YWRtaW4=' },
      { authorization: `Bearer ${'x'.repeat(2000)}` },
      { authorization: "Bearer ' OR 1=1 --" },
    ];
    for (const headers of wrong) assert.equal((await rig.dialRefused(headers)).status, 401, JSON.stringify(headers).slice(0, 60));
  });

  it('answers 403 to a browser, even with a good token', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const refused = await rig.dialRefused({ authorization: `Bearer ${agent.token}`, origin: 'http://127.0.0.1' });
    assert.equal(refused.status, 403);
  });

  it('is at one path only, and no request line breaks it', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const headers = { authorization: `Bearer ${agent.token}` };
    for (const path of ['/', '/ws', '/ws/agent/', '/ws/agent2', '/ws//agent', '/%77s/agent'])
      assert.equal((await rig.dialRefused(headers, path)).status, 404, path);
    for (const target of ['//', '//[', 'http://[', '*'])
      assert.match(await requestRaw(rig.port, target), /^HTTP\/1\.1 4\d\d /, target);
    assert.deepEqual(
      rig.logged.filter((line) => line.startsWith('error')),
      [],
    );
  });
});

/** One upgrade with a request target that no client would send. */
function requestRaw(port: number, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
      );
    });
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      answer += part;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

describe('A proof', () => {
  it('by another key ends the connection and changes nothing', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const thief: PlayedAgent = { ...agent, signing: rig.context.crypto.makeSigningKeys() };
    const line = rig.dial(thief);
    await line.sendHello({ counter: 500 });
    const goodbye = await line.take('goodbye');
    assert.equal(goodbye.body.error.code, 'unauthenticated');
    assert.equal((await line.closed).code, 1008);
    assert.equal(await stateOf(rig, agent), 'active', 'a stolen token alone quarantines nobody');
    await rig.dial(agent).greet();
  });

  it('is worth nothing for another nonce, counter, boot or host', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const other = await rig.enrol('db-2');
    const first = rig.dial(agent);
    await first.sendHello();
    await first.take('welcome');
    const { context } = rig;
    const sign = (claim: { nonce: string; counter: number; bootId: string; hostId: string; serverKey: string }) =>
      signConnectClaim(context.crypto, agent.signing.secretKey, claim);
    const oldNonce = context.crypto.toBase64Url(new Uint8Array(32));
    const good = { serverKey: context.identity.publicKey, hostId: agent.id, nonce: oldNonce, counter: 50, bootId: agent.boot };
    for (const claim of [
      good,
      { ...good, hostId: other.id },
      { ...good, serverKey: context.crypto.makeSigningKeys().publicKey },
    ]) {
      const line = rig.dial(agent);
      await line.sendHello({ counter: 50, proof: sign(claim) });
      assert.equal((await line.take('goodbye')).body.error.code, 'unauthenticated');
    }
    const mixed = rig.dial(agent);
    await mixed.sendHello({ host: other.id });
    assert.match((await mixed.take('goodbye')).body.error.message, /belongs to another host/);
    assert.equal(await stateOf(rig, agent), 'active');
  });

  it('whose counter did not rise shows a clone: the host is quarantined, and both connections end for good', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const clone: PlayedAgent = { ...agent, boot: 'boot-of-the-clone' };
    const line = rig.dial(agent);
    await line.greet();
    const second = rig.dial(clone);
    await second.sendHello();
    for (const one of [second, line]) {
      const goodbye = await one.take('goodbye');
      assert.deepEqual([goodbye.body.error.code, goodbye.body.reconnect], ['conflict', false]);
      await one.closed;
    }
    assert.equal(await stateOf(rig, agent), 'quarantined');
    const happenings = await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 10);
    assert.ok(happenings.some((one) => one.type === 'host.quarantined' && one.level === 'error'));
  });

  it('that was judged while the host was quarantined does not let it back in', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    await rig.dial(agent).greet();
    const waiting = rig.dial(agent);
    await rig.until('it was challenged', () => waiting.listWaiting().includes('challenge'));
    await rig.context.store.hosts.setHostState(rig.admin.tenant, agent.id, 'quarantined');
    await waiting.sendHello();
    const goodbye = await waiting.take('goodbye');
    assert.deepEqual([goodbye.body.error.code, goodbye.body.reconnect], ['conflict', false]);
  });
});

describe('A revoked host', () => {
  it('is cut off within two seconds and told not to come back', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    await line.greet();
    const startedAt = performance.now();
    await revokeHost(rig.context, rig.admin, agent.id);
    const goodbye = await line.take('goodbye');
    assert.deepEqual([goodbye.body.error.code, goodbye.body.reconnect], ['forbidden', false]);
    assert.ok((await line.closed).atMs - startedAt < 2000);
    assert.equal((await rig.dialRefused({ authorization: `Bearer ${agent.token}` })).status, 401);
  });

  it('is cut off within two seconds even when it ignores the goodbye, and nothing it says counts any more', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    await line.greet();
    line.sendEvents(1, [{ type: 'host.notice', at: 1, level: 'info', text: 'before' }]);
    await line.take('ack');
    const startedAt = performance.now();
    // The host neither reads nor closes: it keeps talking.
    line.socket.pause();
    await revokeHost(rig.context, rig.admin, agent.id);
    line.sendEvents(2, [{ type: 'host.notice', at: 1, level: 'info', text: 'after' }]);
    await rig.until('the host is offline', () => !rig.directory.isOnline(agent.id));
    assert.ok(performance.now() - startedAt < 2000, 'within two seconds');
    const position = await rig.context.store.hosts.getEventPosition(agent.id, agent.epoch);
    assert.equal(position.seq, 1);
    line.socket.resume();
  });

  it('that does not close is cut when its time for that is over, and not before', async (t) => {
    const rig = await startHubRig(t);
    const agent = await rig.enrol('db-1');
    const line = rig.dial(agent);
    await line.greet();
    t.mock.timers.enable({ apis: ['setTimeout'] });
    line.socket.pause();
    await revokeHost(rig.context, rig.admin, agent.id);
    t.mock.timers.tick(WIRE.goodbyeGraceMs - 1);
    await rig.dialRefused({});
    assert.equal(rig.directory.isOnline(agent.id), true);
    t.mock.timers.tick(1);
    await rig.until('the host is offline', () => !rig.directory.isOnline(agent.id));
    line.socket.resume();
  });
});
