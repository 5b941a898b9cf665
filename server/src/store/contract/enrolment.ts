import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleAnnouncement,
  sampleEnrolmentToken,
  sampleHost,
  sampleHostToken,
  TENANT,
  withStore,
} from './samples.ts';

export function checkEnrolment(open: OpenStore): void {
  describe('enrolment', () => {
    it(
      'keeps the newer token when the older one is used, and deletes the older one when the newer is',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost();
        await hosts.insertHost(host);
        const [older, newer] = [sampleHostToken(host), sampleHostToken(host)];
        await hosts.insertHostToken(older);
        await hosts.insertHostToken(newer);
        assert.deepEqual(await hosts.findNewestHostToken(TENANT, host.id), newer);
        assert.equal(await hosts.findNewestHostToken(OTHER_TENANT, host.id), undefined);
        await hosts.settleHostToken(older.hash, NOW + 1);
        assert.deepEqual(await hosts.findHostByToken(newer.hash), { host, token: newer });
        await hosts.settleHostToken(newer.hash, NOW + 2);
        await hosts.settleHostToken(newer.hash, NOW + 3);
        assert.equal(await hosts.findHostByToken(older.hash), undefined);
        assert.equal((await hosts.findHostByToken(newer.hash))?.token.firstUsedAt, NOW + 2);
        await assert.rejects(hosts.settleHostToken(older.hash, NOW), refusal('not_found'));
        assert.equal(await hosts.deleteHostTokens(host.id), 1);
        assert.equal(await hosts.findHostByToken(newer.hash), undefined);
        assert.equal(await hosts.findNewestHostToken(TENANT, host.id), undefined);
      }),
    );

    it(
      'renews a pending announcement of the same keys under its first id',
      withStore(open, async ({ hosts }) => {
        const first = await hosts.upsertAnnouncement(sampleAnnouncement(), 10);
        const { signingKey, sealingKey } = first;
        const again = await hosts.upsertAnnouncement(
          sampleAnnouncement({ signingKey, sealingKey, hostname: 'db2', nonce: 'fresh', expiresAt: NOW + 2000 }),
          10,
        );
        assert.deepEqual(again, { ...first, hostname: 'db2', nonce: 'fresh', expiresAt: NOW + 2000 });
        assert.deepEqual(await hosts.listPending(TENANT, NOW), [again]);
        assert.deepEqual(await hosts.listPending(OTHER_TENANT, NOW), []);
        assert.deepEqual(await hosts.listPending(TENANT, NOW + 2000), []);
        await hosts.setAnnouncementNonce(first.id, 'third');
        assert.equal((await hosts.findAnnouncement(first.id))?.nonce, 'third');
      }),
    );

    it(
      'refuses one more announcement than may wait; renewals and expired ones do not count',
      withStore(open, async ({ hosts }) => {
        const first = await hosts.upsertAnnouncement(sampleAnnouncement({ expiresAt: NOW + 100 }), 2);
        await hosts.upsertAnnouncement(sampleAnnouncement(), 2);
        await assert.rejects(hosts.upsertAnnouncement(sampleAnnouncement(), 2), refusal('limit'));
        const { signingKey, sealingKey } = first;
        await hosts.upsertAnnouncement(sampleAnnouncement({ signingKey, sealingKey, expiresAt: NOW + 100 }), 2);
        await hosts.upsertAnnouncement(sampleAnnouncement({ createdAt: NOW + 100, expiresAt: NOW + 200 }), 2);
      }),
    );

    it(
      'lets a rejection stand until it expires; the keys may announce again afterwards',
      withStore(open, async ({ hosts }) => {
        const first = await hosts.upsertAnnouncement(sampleAnnouncement(), 5);
        assert.equal(await hosts.rejectAnnouncement(first.id, 'not ours'), true);
        assert.equal(await hosts.rejectAnnouncement(first.id, 'twice'), false);
        const { signingKey, sealingKey } = first;
        const refused = await hosts.upsertAnnouncement(sampleAnnouncement({ signingKey, sealingKey, createdAt: NOW + 1 }), 5);
        assert.deepEqual([refused.id, refused.state, refused.rejection], [first.id, 'rejected', 'not ours']);
        const later = await hosts.upsertAnnouncement(
          sampleAnnouncement({ signingKey, sealingKey, createdAt: NOW + 1000, expiresAt: NOW + 2000 }),
          5,
        );
        assert.equal(later.state, 'pending');
        assert.equal(await hosts.findAnnouncement(first.id), undefined);
      }),
    );

    it(
      'lists rejections while they stand, and lets one wait again as before when it is taken back',
      withStore(open, async ({ hosts }) => {
        const first = await hosts.upsertAnnouncement(sampleAnnouncement(), 5);
        assert.equal(await hosts.takeBackRejection(first.id, NOW), false, 'it only waits');
        await hosts.rejectAnnouncement(first.id, 'not ours');
        assert.deepEqual(await hosts.listRejected(TENANT, NOW), [{ ...first, state: 'rejected', rejection: 'not ours' }]);
        assert.deepEqual(await hosts.listRejected(OTHER_TENANT, NOW), []);
        assert.deepEqual(await hosts.listRejected(TENANT, first.expiresAt), []);
        assert.equal(await hosts.takeBackRejection(first.id, first.expiresAt), false, 'it has expired');
        assert.equal(await hosts.takeBackRejection(first.id, NOW), true);
        assert.equal(await hosts.takeBackRejection(first.id, NOW), false, 'it was taken back');
        assert.deepEqual(await hosts.listRejected(TENANT, NOW), []);
        assert.deepEqual(await hosts.listPending(TENANT, NOW), [first]);
      }),
    );

    it(
      'approves once: host, token and announcement together or nothing',
      withStore(open, async ({ hosts }) => {
        const announcement = await hosts.upsertAnnouncement(sampleAnnouncement(), 5);
        const host = sampleHost({ name: 'approved' });
        const token = sampleHostToken(host);
        await hosts.insertHost(sampleHost({ name: 'taken' }));
        const unlucky = sampleHost({ name: 'taken' });
        await assert.rejects(
          hosts.approveAnnouncement(announcement.id, unlucky, sampleHostToken(unlucky), 'sealed'),
          refusal('conflict', { field: 'name' }),
        );
        await hosts.approveAnnouncement(announcement.id, host, token, 'sealed');
        const stored = await hosts.findAnnouncement(announcement.id);
        assert.deepEqual([stored?.state, stored?.host, stored?.sealedToken], ['approved', host.id, 'sealed']);
        assert.deepEqual(await hosts.findHostByToken(token.hash), { host, token });
        const second = sampleHost();
        await assert.rejects(
          hosts.approveAnnouncement(announcement.id, second, sampleHostToken(second), 'sealed'),
          refusal('conflict', { field: 'state' }),
        );
        assert.equal(await hosts.findHost(TENANT, second.id), undefined);
        await hosts.settleHostToken(token.hash, NOW);
        assert.equal((await hosts.findAnnouncement(announcement.id))?.sealedToken, undefined);
      }),
    );

    it(
      'does not approve what has expired, and keeps an approval long enough to be claimed',
      withStore(open, async ({ hosts }) => {
        const late = await hosts.upsertAnnouncement(sampleAnnouncement(), 5);
        const host = sampleHost({ createdAt: NOW + 1000 });
        await assert.rejects(hosts.approveAnnouncement(late.id, host, sampleHostToken(host), 's'), refusal('conflict'));
        const timely = await hosts.upsertAnnouncement(sampleAnnouncement(), 5);
        const approved = sampleHost({ createdAt: NOW + 999 });
        await hosts.approveAnnouncement(timely.id, approved, sampleHostToken(approved), 's');
        assert.equal(await hosts.deleteExpiredAnnouncements(NOW + 1000), 1);
        assert.equal(await hosts.findAnnouncement(late.id), undefined);
        assert.equal((await hosts.findAnnouncement(timely.id))?.state, 'approved');
      }),
    );

    it(
      'takes a use of an enrolment token with each host that it lets in, and none for a host that stays out',
      withStore(open, async ({ hosts }) => {
        const token = sampleEnrolmentToken({ usesLeft: 2 });
        const expiring = sampleEnrolmentToken({ expiresAt: NOW + 5, createdAt: NOW + 1 });
        await hosts.insertEnrolmentToken(token);
        await hosts.insertEnrolmentToken(expiring);
        assert.deepEqual(await hosts.listEnrolmentTokens(TENANT, NOW), [token, expiring]);
        assert.equal(await hosts.findEnrolmentToken(expiring.hash, NOW + 5), undefined);
        const letIn = async (host: ReturnType<typeof sampleHost>, hash: string) => {
          const { id } = await hosts.upsertAnnouncement(sampleAnnouncement(), Number.POSITIVE_INFINITY);
          await hosts.approveAnnouncement(id, host, sampleHostToken(host), 'sealed', hash);
        };
        await letIn(sampleHost({ name: 'taken' }), token.hash);
        assert.deepEqual(await hosts.findEnrolmentToken(token.hash, NOW), { ...token, usesLeft: 1 });
        await assert.rejects(letIn(sampleHost({ name: 'taken' }), token.hash), refusal('conflict', { field: 'name' }));
        assert.equal((await hosts.findEnrolmentToken(token.hash, NOW))?.usesLeft, 1);
        await letIn(sampleHost({ name: 'second' }), token.hash);
        assert.equal(await hosts.findEnrolmentToken(token.hash, NOW), undefined);
        const third = sampleHost({ name: 'third' });
        await assert.rejects(letIn(third, token.hash), refusal('unauthenticated'));
        assert.equal(await hosts.findHost(TENANT, third.id), undefined);
        const late = sampleHost({ name: 'late', createdAt: NOW + 5 });
        await assert.rejects(letIn(late, expiring.hash), refusal('unauthenticated'));
        assert.deepEqual(await hosts.listEnrolmentTokens(TENANT, NOW + 5), []);
        assert.equal(await hosts.deleteEnrolmentToken(OTHER_TENANT, token.id), false);
        assert.equal(await hosts.deleteEnrolmentToken(TENANT, token.id), true);
        assert.equal(await hosts.deleteEnrolmentToken(TENANT, token.id), false);
      }),
    );
  });
}
