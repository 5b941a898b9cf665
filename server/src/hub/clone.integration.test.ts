import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import { chooseAgent, getHost, listClaimants, revokeHost } from '../core/hosts/hosts.ts';
import { type HubRig, type Line, type PlayedAgent, type RigOptions, startHubRig } from './fixtures/hub-rig.ts';

interface Copies {
  rig: HubRig;
  original: PlayedAgent;
  copy: PlayedAgent;
}

/** Two agents of one identity, both sent away. */
async function startCopies(t: TestContext, options?: RigOptions): Promise<Copies> {
  const rig = await startHubRig(t, options);
  const original = await rig.enrol('db-1');
  await rig.dial(original).greet();
  const copy: PlayedAgent = { ...original, boot: 'boot-of-the-copy' };
  // The copy is ahead, as when it dials first; the original then comes with a used number.
  await rig.dial(copy).greet();
  const refused = rig.dial(original);
  await refused.sendHello();
  await refused.take('goodbye');
  return { rig, original, copy };
}

async function takeToken(rig: HubRig, agent: PlayedAgent, line: Line): Promise<{ token: string; id: string }> {
  const order = await line.take('token.rotate');
  const binding = { host: agent.id, purpose: 'token' as const, ref: agent.id, version: order.body.version };
  const opened = openSealed(rig.context.crypto, agent.sealing, rig.context.identity.publicKey, binding, order.body.sealed);
  assert.ok(opened.values['token']);
  return { token: opened.values['token'], id: order.id };
}

const listBoots = async ({ rig, original }: Copies) =>
  (await listClaimants(rig.context, rig.admin, original.id)).map(({ boot }) => boot).sort();

describe('A quarantined host', () => {
  it('names both agents at once, each with where it came from when it dials again, and lets neither in', async (t) => {
    const copies = await startCopies(t);
    const { rig, original, copy } = copies;
    assert.deepEqual(await listBoots(copies), [copy.boot, original.boot].sort());
    for (const agent of [original, copy]) {
      const line = rig.dial(agent);
      await line.sendHello();
      const goodbye = await line.take('goodbye');
      assert.deepEqual([goodbye.body.error.code, goodbye.body.reconnect], ['conflict', false]);
      assert.deepEqual(line.listWaiting(), [], 'no spec, no order');
    }
    assert.deepEqual(await listBoots(copies), [copy.boot, original.boot].sort());
    for (const { address, hostname } of await listClaimants(rig.context, rig.admin, original.id))
      assert.deepEqual([address, hostname], ['127.0.0.1', 'played.example.com']);
    assert.equal((await getHost(rig.context, rig.admin, original.id)).standing, 'quarantined');
  });

  for (const [trustProxy, expected, title] of [
    [1, ['192.0.2.7', '198.51.100.9'], 'names the address that a trusted proxy saw'],
    [['127.0.0.0/8'], ['192.0.2.7', '198.51.100.9'], 'names the address that a proxy of a trusted network saw'],
    [0, ['127.0.0.1', '127.0.0.1'], 'believes no address that an agent writes itself'],
  ] as const) {
    it(title, async (t) => {
      const copies = await startCopies(t, { trustProxy });
      const { rig, original, copy } = copies;
      // The first address is what an agent made up; only the last one was written by the proxy.
      for (const [agent, forwarded] of [
        [original, '203.0.113.1, 192.0.2.7'],
        [copy, '203.0.113.1, 198.51.100.9'],
      ] as const) {
        const line = rig.dial(agent, agent.token, { 'x-forwarded-for': forwarded });
        await line.sendHello();
        await line.take('goodbye');
      }
      const claimants = await listClaimants(rig.context, rig.admin, original.id);
      const seen = [original, copy].map(({ boot }) => claimants.find((claimant) => claimant.boot === boot)?.address);
      assert.deepEqual(seen, expected);
    });
  }

  it('takes an agent by a wrong proof for none of its agents', async (t) => {
    const copies = await startCopies(t);
    const { rig, original } = copies;
    const thief = { ...original, boot: 'boot-of-a-thief', signing: rig.context.crypto.makeSigningKeys() };
    const line = rig.dial(thief);
    await line.sendHello();
    assert.equal((await line.take('goodbye')).body.error.code, 'unauthenticated');
    assert.ok(!(await listBoots(copies)).includes(thief.boot));
  });

  for (const chosenName of ['original', 'copy'] as const) {
    it(`goes on as its ${chosenName} after one click, and the other one is locked out for good`, async (t) => {
      const copies = await startCopies(t);
      const { rig } = copies;
      const chosen = copies[chosenName];
      const other = copies[chosenName === 'original' ? 'copy' : 'original'];
      await chooseAgent(rig.context, rig.admin, chosen.id, chosen.boot);
      const before = rig.dial(other);
      await before.sendHello();
      assert.equal((await before.take('goodbye')).body.reconnect, false, 'the other one is still sent away');

      const line = rig.dial(chosen);
      await line.sendHello();
      const { token, id } = await takeToken(rig, chosen, line);
      line.send('reply', { result: { accepted: true } }, id);
      const goodbye = await line.take('goodbye');
      assert.deepEqual([goodbye.body.error.code, goodbye.body.reconnect], ['unavailable', true]);
      await rig.dial(chosen, token).greet();
      assert.equal((await getHost(rig.context, rig.admin, chosen.id)).state, 'active');
      assert.equal((await rig.dialRefused({ authorization: `Bearer ${other.token}` })).status, 401);
      assert.deepEqual(await listBoots(copies), []);
      const happenings = await rig.context.store.trail.listHappenings(rig.admin.tenant, chosen.id, 10);
      assert.ok(happenings.some(({ type }) => type === 'host.readmitted'));
    });
  }

  it('stays so when the chosen agent is cut before it answers, with both tokens good for the next try', async (t) => {
    const { rig, original } = await startCopies(t);
    await chooseAgent(rig.context, rig.admin, original.id, original.boot);
    const first = rig.dial(original);
    await first.sendHello();
    const { token } = await takeToken(rig, original, first);
    first.socket.terminate();
    await first.closed;
    assert.equal((await getHost(rig.context, rig.admin, original.id)).state, 'quarantined');
    const second = rig.dial(original, token);
    await second.sendHello();
    const again = await takeToken(rig, original, second);
    second.send('reply', { result: { accepted: true } }, again.id);
    await second.take('goodbye');
    await rig.dial(original, again.token).greet();
    for (const old of [original.token, token])
      assert.equal((await rig.dialRefused({ authorization: `Bearer ${old}` })).status, 401);
  });

  it('is not taken by a copy that dialled before the choice and proves itself after it', async (t) => {
    const { rig, original, copy } = await startCopies(t);
    await chooseAgent(rig.context, rig.admin, original.id, original.boot);
    const late = rig.dial(copy);
    await rig.until('the copy was challenged', () => late.listWaiting().includes('challenge'));
    const line = rig.dial(original);
    await line.sendHello();
    const { token, id } = await takeToken(rig, original, line);
    line.send('reply', { result: { accepted: true } }, id);
    await line.take('goodbye');
    copy.counter += 100;
    await late.sendHello();
    assert.equal((await late.take('goodbye')).body.error.code, 'unauthenticated');
    await rig.dial(original, token).greet();
    assert.equal((await getHost(rig.context, rig.admin, original.id)).state, 'active');
  });

  it('cannot talk while it is being let in', async (t) => {
    const { rig, original } = await startCopies(t);
    await chooseAgent(rig.context, rig.admin, original.id, original.boot);
    const line = rig.dial(original);
    await line.sendHello();
    await line.take('token.rotate');
    line.sendEvents(1, [{ type: 'host.notice', at: 1, level: 'info', text: 'too early' }]);
    assert.equal((await line.take('goodbye')).body.error.code, 'unauthenticated');
    assert.equal((await rig.context.store.hosts.getEventPosition(original.id, original.epoch)).seq, 0);
  });

  it('can be given to nobody who was not seen, by nobody but an administrator, and not after it was revoked', async (t) => {
    const { rig, original } = await startCopies(t);
    const { context, admin } = rig;
    const choose = (role: 'admin' | 'operator', boot: string) => chooseAgent(context, { ...admin, role }, original.id, boot);
    await assert.rejects(choose('admin', 'boot-of-nobody'), { code: 'not_found' });
    await assert.rejects(choose('operator', original.boot), { code: 'forbidden' });
    await revokeHost(context, admin, original.id);
    await assert.rejects(choose('admin', original.boot), { code: 'precondition' });
    const active = await rig.enrol('db-2');
    await assert.rejects(chooseAgent(context, admin, active.id, active.boot), { code: 'precondition' });
  });
});
