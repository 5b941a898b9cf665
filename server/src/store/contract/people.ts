import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleApiKey,
  sampleSession,
  sampleUser,
  TENANT,
  withStore,
} from './samples.ts';

export function checkPeople(open: OpenStore): void {
  describe('people', () => {
    it(
      'gives back a user as it was stored, by id and by name in any case',
      withStore(open, async ({ people }) => {
        const user = sampleUser({ name: 'Ärger Ødegård', zone: 'Europe/Oslo', role: 'viewer' });
        await people.insertUser(user);
        assert.deepEqual(await people.findUser(TENANT, user.id), user);
        assert.deepEqual(await people.findUserByName(TENANT, 'ÄRGER ØDEGÅRD'), user);
        assert.equal(await people.findUser(OTHER_TENANT, user.id), undefined);
        assert.equal(await people.findUserByName(OTHER_TENANT, user.name), undefined);
        assert.deepEqual(await people.listUsers(TENANT), [user]);
        assert.deepEqual(await people.listUsers(OTHER_TENANT), []);
      }),
    );

    it(
      'takes a field that was left out as one that is not there',
      withStore(open, async ({ people }) => {
        const { zone: _zone, ...user } = sampleUser();
        const { expiresAt: _expiresAt, lastUsedAt: _lastUsedAt, revokedAt: _revokedAt, ...key } = sampleApiKey();
        await people.insertUser(user);
        await people.insertApiKey(key);
        assert.equal((await people.findUser(TENANT, user.id))?.zone, undefined);
        assert.equal((await people.findApiKey(key.tokenHash, NOW))?.expiresAt, undefined);
      }),
    );

    it(
      'refuses a name that differs from a taken one only in case, but not in another tenant',
      withStore(open, async ({ people }) => {
        await people.insertUser(sampleUser({ name: 'Ada' }));
        await assert.rejects(people.insertUser(sampleUser({ name: 'aDA' })), refusal('conflict', { field: 'name' }));
        await people.insertUser(sampleUser({ name: 'ada', tenant: OTHER_TENANT }));
        assert.equal(await people.countUsers(), 2);
      }),
    );

    it(
      'lets only one first user in, however many ask at once',
      withStore(open, async ({ people }) => {
        const attempts = await Promise.allSettled([1, 2, 3].map(() => people.insertFirstUser(sampleUser())));
        assert.equal(attempts.filter((attempt) => attempt.status === 'fulfilled').length, 1);
        const lost = attempts.filter((attempt) => attempt.status === 'rejected').map((attempt) => attempt.reason);
        assert.ok(lost.every(refusal('conflict')));
        assert.equal(await people.countUsers(), 1);
      }),
    );

    it(
      'changes a password, and says so when there is nobody to change it for',
      withStore(open, async ({ people }) => {
        const user = sampleUser();
        await people.insertUser(user);
        await people.updatePassword(TENANT, user.id, 'other');
        assert.equal((await people.findUser(TENANT, user.id))?.passwordHash, 'other');
        await assert.rejects(people.updatePassword(OTHER_TENANT, user.id, 'x'), refusal('not_found'));
      }),
    );

    it(
      'has one link for each person, which works once and until it expires, and takes the sessions with it',
      withStore(open, async ({ people }) => {
        const user = sampleUser({ passwordHash: undefined });
        const link = { tokenHash: 'first', createdAt: NOW, expiresAt: NOW + 10 };
        await people.insertUser(user, link);
        assert.deepEqual(await people.findPasswordLink('first', NOW + 9), user);
        assert.equal(await people.findPasswordLink('first', NOW + 10), undefined);
        await people.putPasswordLink(TENANT, user.id, { ...link, tokenHash: 'second' });
        assert.equal(await people.findPasswordLink('first', NOW), undefined);
        assert.deepEqual(await people.findPerson(TENANT, user.id, NOW), {
          user,
          lastLoginAt: undefined,
          linkExpiresAt: NOW + 10,
        });
        assert.deepEqual(await people.listPeople(TENANT, NOW + 10), [{ user, lastLoginAt: undefined, linkExpiresAt: undefined }]);
        assert.deepEqual(await people.listPeople(OTHER_TENANT, NOW), []);
        const session = sampleSession(user, { createdAt: NOW + 5 });
        await people.insertSession(session);
        assert.equal((await people.findPerson(TENANT, user.id, NOW))?.lastLoginAt, NOW + 5);
        assert.equal(await people.redeemPasswordLink('second', NOW + 10, 'hash'), undefined);
        assert.deepEqual(await people.redeemPasswordLink('second', NOW, 'hash'), { ...user, passwordHash: 'hash' });
        assert.equal(await people.redeemPasswordLink('second', NOW, 'other'), undefined);
        assert.equal((await people.findUser(TENANT, user.id))?.passwordHash, 'hash');
        assert.equal(await people.findSession(session.tokenHash, NOW), undefined);
        await assert.rejects(people.putPasswordLink(OTHER_TENANT, user.id, link), refusal('not_found'));
      }),
    );

    it(
      'changes role and standing in one step, and keeps the last administrator of a tenant who can sign in',
      withStore(open, async ({ people }) => {
        const ada = sampleUser();
        const bob = sampleUser();
        for (const user of [ada, bob, sampleUser({ tenant: OTHER_TENANT }), sampleUser({ passwordHash: undefined })])
          await people.insertUser(user);
        await people.insertSession(sampleSession(bob));
        await people.putPasswordLink(TENANT, bob.id, { tokenHash: 'link', createdAt: NOW, expiresAt: NOW + 10 });
        const { after, endedSessions } = await people.changeUser(TENANT, bob.id, { disabled: true });
        assert.deepEqual([after, endedSessions], [{ ...bob, disabled: true }, 1]);
        assert.equal((await people.findPerson(TENANT, bob.id, NOW))?.linkExpiresAt, undefined);
        await assert.rejects(people.changeUser(TENANT, ada.id, { disabled: true }), refusal('conflict', { field: 'disabled' }));
        await assert.rejects(people.changeUser(TENANT, ada.id, { role: 'viewer' }), refusal('conflict', { field: 'role' }));
        await assert.rejects(
          people.putPasswordLink(TENANT, bob.id, { tokenHash: 'x', createdAt: NOW, expiresAt: NOW }),
          refusal('conflict'),
        );
        await people.changeUser(TENANT, bob.id, { disabled: false }, after);
        const late = people.changeUser(TENANT, bob.id, { role: 'viewer' }, after);
        await assert.rejects(late, refusal('conflict', { field: 'version' }));
        assert.deepEqual((await people.findPerson(TENANT, bob.id, NOW))?.user, bob);
        assert.deepEqual((await people.changeUser(TENANT, ada.id, { role: 'viewer' })).before, ada);
        await assert.rejects(people.changeUser(OTHER_TENANT, ada.id, { role: 'admin' }), refusal('not_found'));
      }),
    );

    it(
      'finds a session until the millisecond it expires, and never one of a disabled user',
      withStore(open, async ({ people }) => {
        const user = sampleUser();
        const disabled = sampleUser({ disabled: true });
        const session = sampleSession(user);
        const barred = sampleSession(disabled);
        await people.insertUser(user);
        await people.insertUser(disabled);
        await people.insertSession(session);
        await people.insertSession(barred);
        assert.deepEqual(await people.findSession(session.tokenHash, session.expiresAt - 1), { session, user });
        assert.equal(await people.findSession(session.tokenHash, session.expiresAt), undefined);
        assert.equal(await people.findSession(barred.tokenHash, NOW), undefined);
        assert.equal(await people.findSession('unknown', NOW), undefined);
      }),
    );

    it(
      'finds a session whose person proved who they are by its new hash alone, with the time of the proof',
      withStore(open, async ({ people }) => {
        const user = sampleUser();
        const [session, other] = [sampleSession(user), sampleSession(user)];
        await people.insertUser(user);
        for (const one of [session, other]) await people.insertSession(one);
        await people.proveSession(session.id, 'hash-of-the-next', NOW + 7);
        assert.equal(await people.findSession(session.tokenHash, NOW), undefined);
        const proven = { ...session, tokenHash: 'hash-of-the-next', provenAt: NOW + 7 };
        assert.deepEqual((await people.findSession('hash-of-the-next', NOW))?.session, proven);
        assert.deepEqual((await people.findSession(other.tokenHash, NOW))?.session, other);
      }),
    );

    it(
      'touches sessions forwards only, and ends them one by one, by person and by age',
      withStore(open, async ({ people }) => {
        const user = sampleUser();
        await people.insertUser(user);
        const [a, b, c, d] = [
          sampleSession(user),
          sampleSession(user),
          sampleSession(user),
          sampleSession(user, { expiresAt: NOW + 5 }),
        ];
        for (const session of [a, b, c, d]) await people.insertSession(session);
        await people.touchSession(a.id, NOW + 9);
        await people.touchSession(a.id, NOW + 3);
        assert.equal((await people.findSession(a.tokenHash, NOW))?.session.lastSeenAt, NOW + 9);
        assert.equal(await people.deleteExpiredSessions(NOW + 5), 1);
        await people.deleteSession(b.id);
        assert.equal(await people.findSession(b.tokenHash, NOW), undefined);
        assert.equal(await people.deleteSessionsOf(TENANT, user.id), 2);
        assert.equal(await people.findSession(c.tokenHash, NOW), undefined);
      }),
    );

    it(
      'finds a key until it expires or is revoked, and revokes once',
      withStore(open, async ({ people }) => {
        const lasting = sampleApiKey();
        const expiring = sampleApiKey({ expiresAt: NOW + 10, createdAt: NOW + 1 });
        await people.insertApiKey(lasting);
        await people.insertApiKey(expiring);
        assert.deepEqual(await people.findApiKey(lasting.tokenHash, NOW + 1e12), lasting);
        assert.deepEqual(await people.findApiKey(expiring.tokenHash, NOW + 9), expiring);
        assert.equal(await people.findApiKey(expiring.tokenHash, NOW + 10), undefined);
        await people.touchApiKey(lasting.id, NOW + 7);
        assert.equal(await people.revokeApiKey(OTHER_TENANT, lasting.id, NOW + 8), false);
        assert.equal(await people.revokeApiKey(TENANT, lasting.id, NOW + 8), true);
        assert.equal(await people.revokeApiKey(TENANT, lasting.id, NOW + 9), false);
        assert.equal(await people.findApiKey(lasting.tokenHash, NOW), undefined);
        assert.deepEqual(await people.listApiKeys(TENANT), [{ ...lasting, lastUsedAt: NOW + 7, revokedAt: NOW + 8 }, expiring]);
      }),
    );
  });
}
