import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import { ENROLMENT } from '@holdfast/shared/limits.ts';
import { listAudit } from '../audit.ts';
import { openCoreRig } from '../fixtures/core-rig.ts';
import { makeMachine } from '../fixtures/machine.ts';
import { approveHost, createEnrolmentToken, listEnrolmentTokens } from './enrolment.ts';
import { revokeHost, updateHost } from './hosts.ts';
import { listPendingHosts, listRejectedHosts, rejectHost, takeBackRejection } from './pending-hosts.ts';

describe('An announcement', () => {
  it('waits, is approved by a person, and gives its token to the one who holds the keys', async (t) => {
    const rig = await openCoreRig(t);
    const machine = makeMachine(rig);
    const announced = await machine.announce();
    const waiting = await machine.claim(announced, announced.nonce);
    assert.ok(waiting.state === 'pending' && waiting.nonce !== announced.nonce);
    await assert.rejects(machine.claim(announced, announced.nonce), { code: 'unauthenticated' }, 'a nonce serves once');
    const [pending] = await listPendingHosts(rig.context, rig.viewer);
    assert.deepEqual([pending?.hostname, pending?.address, pending?.nameTakenBy], ['db-1', '192.0.2.7', undefined]);
    await approveHost(rig.context, rig.admin, announced.announcement, { name: 'db', tags: ['prod'] });
    const reply = await machine.claim(announced, waiting.nonce);
    assert.ok(reply.state === 'approved');
    const binding = { host: reply.host, purpose: 'token' as const, ref: announced.announcement, version: 1 };
    assert.match(
      openSealed(rig.context.crypto, machine.sealing, announced.serverKey, binding, reply.token).values['token'] ?? '',
      /^hfa_/,
    );
    assert.deepEqual(await machine.claim(announced, waiting.nonce), reply, 'a lost answer is given again');
    assert.deepEqual(await listPendingHosts(rig.context, rig.viewer), []);
  });

  it('that was approved while the agent was away is taken up again by the same keys', async (t) => {
    const rig = await openCoreRig(t);
    const machine = makeMachine(rig);
    const before = await machine.announce();
    await approveHost(rig.context, rig.admin, before.announcement, { name: 'db', tags: [] });
    // The agent starts anew and knows nothing of its first announcement.
    const again = await machine.announce();
    assert.equal(again.announcement, before.announcement);
    assert.equal((await machine.claim(again, again.nonce)).state, 'approved');
  });

  it('of a host that is known already is refused, active or revoked, and waits for nobody', async (t) => {
    const rig = await openCoreRig(t);
    const machine = makeMachine(rig);
    const announced = await machine.announce();
    const host = await approveHost(rig.context, rig.admin, announced.announcement, { name: 'db', tags: [] });
    await machine.claim(announced, announced.nonce);
    const found = await rig.context.store.hosts.findHost(rig.admin.tenant, host.id);
    assert.equal(found?.state, 'active');
    await revokeHost(rig.context, rig.admin, host.id);
    await assert.rejects(machine.announce(), { code: 'conflict' });
    assert.deepEqual(await listPendingHosts(rig.context, rig.viewer), []);
  });

  it('that was rejected stays so, with the reason', async (t) => {
    const rig = await openCoreRig(t);
    const machine = makeMachine(rig);
    const announced = await machine.announce();
    await rejectHost(rig.context, rig.admin, announced.announcement, 'not ours');
    assert.deepEqual(await machine.claim(announced, announced.nonce), { state: 'rejected', message: 'not ours' });
    await assert.rejects(approveHost(rig.context, rig.admin, announced.announcement, { name: 'x', tags: [] }), {
      code: 'conflict',
    });
  });

  it('that was rejected waits again when that is taken back, and is approved as it was', async (t) => {
    const rig = await openCoreRig(t);
    const machine = makeMachine(rig);
    const before = await machine.announce();
    await rejectHost(rig.context, rig.admin, before.announcement, 'a slip');
    const [standing] = await listRejectedHosts(rig.context, rig.viewer);
    assert.deepEqual([standing?.hostname, standing?.rejection, standing?.expiresAt], ['db-1', 'a slip', before.expiresAt]);
    await takeBackRejection(rig.context, rig.admin, before.announcement);
    assert.deepEqual(await listRejectedHosts(rig.context, rig.viewer), []);
    // Its agent ended with the no, and was started again.
    const again = await machine.announce();
    assert.equal(again.announcement, before.announcement);
    await approveHost(rig.context, rig.admin, again.announcement, { name: 'db', tags: [] });
    assert.equal((await machine.claim(again, again.nonce)).state, 'approved');
    const { rows } = await listAudit(rig.context, rig.admin, { action: 'host.rejection_taken_back' }, { limit: 10 });
    assert.deepEqual(
      rows.map(({ target }) => target.name),
      ['db-1'],
    );
    await assert.rejects(takeBackRejection(rig.context, rig.admin, before.announcement), { code: 'conflict' });
  });

  it('whose rejection has expired has nothing to be taken back', async (t) => {
    const rig = await openCoreRig(t);
    const { announcement } = await makeMachine(rig).announce();
    await rejectHost(rig.context, rig.admin, announcement, 'not ours');
    rig.clock.advance(ENROLMENT.announcementLifeMs);
    assert.deepEqual(await listRejectedHosts(rig.context, rig.viewer), []);
    await assert.rejects(takeBackRejection(rig.context, rig.admin, announcement), { code: 'conflict' });
  });

  it('says who has its name: a host named so, a host that only calls itself so, or another one that waits', async (t) => {
    const rig = await openCoreRig(t);
    const named = await rig.enrol('db-1');
    const other = await rig.enrol('web-1');
    await updateHost(rig.context, rig.admin, other.id, { name: 'shop' });
    for (const hostname of ['DB-1', 'web-1', 'twin', 'twin', 'alone']) await makeMachine(rig, hostname).announce();
    const takers = (await listPendingHosts(rig.context, rig.viewer)).map(({ hostname, nameTakenBy }) => [hostname, nameTakenBy]);
    assert.deepEqual(takers.sort(), [
      ['DB-1', { kind: 'host', host: { id: named.id, name: 'db-1' }, by: 'name' }],
      ['alone', undefined],
      ['twin', { kind: 'announcement' }],
      ['twin', { kind: 'announcement' }],
      ['web-1', { kind: 'host', host: { id: other.id, name: 'shop' }, by: 'hostname' }],
    ]);
  });

  it('lives an hour', async (t) => {
    const rig = await openCoreRig(t);
    const machine = makeMachine(rig);
    const announced = await machine.announce();
    rig.clock.advance(ENROLMENT.announcementLifeMs);
    await assert.rejects(machine.claim(announced, announced.nonce), { code: 'not_found' });
    await assert.rejects(approveHost(rig.context, rig.admin, announced.announcement, { name: 'x', tags: [] }), {
      code: 'conflict',
    });
    assert.deepEqual(await listPendingHosts(rig.context, rig.viewer), []);
  });

  it('is one of so many that may wait, and is flagged when its name is taken', async (t) => {
    const rig = await openCoreRig(t);
    await rig.enrol('db-1');
    for (let n = 0; n < ENROLMENT.pendingAnnouncements; n += 1) await makeMachine(rig, n === 0 ? 'db-1' : `web-${n}`).announce();
    await assert.rejects(makeMachine(rig, 'one-more').announce(), { code: 'limit' });
    const flagged = (await listPendingHosts(rig.context, rig.viewer)).filter((one) => one.nameTakenBy !== undefined);
    assert.deepEqual(
      flagged.map((one) => one.hostname),
      ['db-1'],
    );
  });

  it('cannot be claimed with the keys of another machine', async (t) => {
    const rig = await openCoreRig(t);
    const announced = await makeMachine(rig).announce();
    await assert.rejects(makeMachine(rig).claim(announced, announced.nonce), { code: 'unauthenticated' });
  });
});

describe('A name', () => {
  it('that is taken or too long gets a free one that still is a name', async (t) => {
    const rig = await openCoreRig(t);
    const names: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const announced = await makeMachine(rig).announce();
      names.push((await approveHost(rig.context, rig.admin, announced.announcement, { name: 'n'.repeat(120), tags: [] })).name);
    }
    assert.equal(new Set(names).size, 3);
    assert.ok(
      names.every((name) => name.length <= 120),
      names.map((name) => name.length).join(),
    );
  });
});

describe('An enrolment token', () => {
  it('approves at once, so many times, until it expires, and is stored only as a hash', async (t) => {
    const rig = await openCoreRig(t);
    const { token, row } = await createEnrolmentToken(rig.context, rig.admin, {
      note: 'fleet',
      tags: ['web'],
      paths: [],
      uses: 2,
      lifeMs: 1000,
    });
    assert.ok(!JSON.stringify(row).includes(token));
    for (const name of ['web-1', 'web-2']) {
      const machine = makeMachine(rig, name);
      const announced = await machine.announce(token);
      const reply = await machine.claim(announced, announced.nonce);
      assert.ok(reply.state === 'approved');
      assert.deepEqual((await rig.context.store.hosts.findHost(rig.admin.tenant, reply.host))?.tags, ['web']);
    }
    await assert.rejects(makeMachine(rig, 'web-3').announce(token), { code: 'unauthenticated' });
    const late = await createEnrolmentToken(rig.context, rig.admin, { note: 'late', tags: [], paths: [], uses: 2, lifeMs: 1000 });
    rig.clock.advance(1000);
    await assert.rejects(makeMachine(rig, 'web-4').announce(late.token), { code: 'unauthenticated' });
    await assert.rejects(makeMachine(rig, 'web-5').announce('hfe_wrong'), { code: 'unauthenticated' });
    assert.deepEqual(await listPendingHosts(rig.context, rig.viewer), [], 'a wrong token does not wait for a person');
  });

  it('lets its host in however many strangers wait, and hosts of one name that come at once', async (t) => {
    const rig = await openCoreRig(t);
    for (let n = 0; n < ENROLMENT.pendingAnnouncements; n += 1) await makeMachine(rig, `stranger-${n}`).announce();
    const { token } = await createEnrolmentToken(rig.context, rig.admin, {
      note: 'image',
      tags: [],
      paths: [],
      uses: 4,
      lifeMs: 1000,
    });
    const machines = [1, 2, 3, 4].map(() => makeMachine(rig, 'web'));
    const names = await Promise.all(
      machines.map(async (machine) => {
        const announced = await machine.announce(token);
        const reply = await machine.claim(announced, announced.nonce);
        return reply.state === 'approved' ? reply.hostName : reply.state;
      }),
    );
    assert.deepEqual(names.sort(), ['web', 'web-2', 'web-3', 'web-4']);
    await assert.rejects(makeMachine(rig, 'one-more').announce(token), { code: 'unauthenticated' });
    assert.equal((await listPendingHosts(rig.context, rig.viewer)).length, ENROLMENT.pendingAnnouncements);
  });

  it('is not used by keys that a person rejected, which stay out until that expires', async (t) => {
    const rig = await openCoreRig(t);
    const lifeMs = 2 * ENROLMENT.announcementLifeMs;
    const { token } = await createEnrolmentToken(rig.context, rig.admin, { note: 'one', tags: [], paths: [], uses: 1, lifeMs });
    const machine = makeMachine(rig);
    const before = await machine.announce();
    await rejectHost(rig.context, rig.admin, before.announcement, 'not ours');
    const again = await machine.announce(token);
    assert.deepEqual(await machine.claim(again, before.nonce), { state: 'rejected', message: 'not ours' });
    assert.deepEqual(
      (await listEnrolmentTokens(rig.context, rig.admin)).map(({ usesLeft }) => usesLeft),
      [1],
    );
    rig.clock.advance(ENROLMENT.announcementLifeMs);
    const later = await machine.announce(token);
    assert.equal((await machine.claim(later, later.nonce)).state, 'approved');
  });

  it('whose answer was lost serves the same machine again and costs no second use', async (t) => {
    const rig = await openCoreRig(t);
    const { token } = await createEnrolmentToken(rig.context, rig.admin, {
      note: 'one',
      tags: [],
      paths: [],
      uses: 1,
      lifeMs: 1000,
    });
    const machine = makeMachine(rig);
    await machine.announce(token);
    const again = await machine.announce(token);
    assert.equal((await machine.claim(again, again.nonce)).state, 'approved');
  });
});
