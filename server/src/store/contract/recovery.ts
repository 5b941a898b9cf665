import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RecoveryCopy } from '../recovery.ts';
import type { Repository } from '../repositories.ts';
import { prepareGround } from './ground.ts';
import { NOW, type OpenStore, OTHER_TENANT, refusal, sampleRepository, TENANT, withStore } from './samples.ts';

const KEY = { tenant: TENANT, recipient: 'age1first', setAt: NOW, setBy: 'ada' };
const OTHER = { ...KEY, recipient: 'age1other', setAt: NOW + 1 };

const sampleCopy = (repository: Repository, change: Partial<RecoveryCopy> = {}): RecoveryCopy => ({
  tenant: TENANT,
  repository: repository.id,
  recipient: KEY.recipient,
  madeAt: NOW,
  mark: 'mark',
  repositoryVersion: repository.version,
  engineId: repository.engineId,
  sealed: 'sealed',
  ...change,
});

export function checkRecovery(open: OpenStore): void {
  describe('recovery key', () => {
    it(
      'is one a tenant, and gives way only to who names it',
      withStore(open, async ({ recovery }) => {
        assert.equal(await recovery.findRecoveryKey(TENANT), undefined);
        await assert.rejects(recovery.putRecoveryKey(KEY, 'age1gone'), refusal('conflict'));
        await recovery.putRecoveryKey(KEY, undefined);
        assert.deepEqual(await recovery.findRecoveryKey(TENANT), KEY);
        assert.equal(await recovery.findRecoveryKey(OTHER_TENANT), undefined);
        await assert.rejects(recovery.putRecoveryKey(OTHER, undefined), refusal('conflict', { current: KEY.recipient }));
        await recovery.proveRecoveryKey(TENANT, KEY.recipient, { at: NOW, by: 'ada' });
        await recovery.putRecoveryKey(OTHER, KEY.recipient);
        assert.deepEqual(await recovery.findRecoveryKey(TENANT), OTHER, 'another key is not proven by the proof of the first');
        await assert.rejects(recovery.deleteRecoveryKey(TENANT, KEY.recipient), refusal('conflict'));
        await recovery.deleteRecoveryKey(TENANT, OTHER.recipient);
        assert.equal(await recovery.findRecoveryKey(TENANT), undefined);
      }),
    );

    it(
      'gives a code as many tries as it has, until its end, and none after it served',
      withStore(open, async ({ recovery }) => {
        const code = { hash: 'hash', until: NOW + 10, tries: 2 };
        await assert.rejects(recovery.openRecoveryCode(TENANT, KEY.recipient, code), refusal('conflict'));
        await recovery.putRecoveryKey(KEY, undefined);
        assert.equal(await recovery.takeRecoveryTry(TENANT, NOW), undefined);
        await recovery.openRecoveryCode(TENANT, KEY.recipient, code);
        assert.equal(await recovery.takeRecoveryTry(TENANT, NOW + 10), undefined);
        const first = { recipient: KEY.recipient, hash: 'hash', left: 1 };
        assert.deepEqual(await recovery.takeRecoveryTry(TENANT, NOW + 9), first);
        assert.equal((await recovery.takeRecoveryTry(TENANT, NOW + 9))?.left, 0);
        assert.equal(await recovery.takeRecoveryTry(TENANT, NOW + 9), undefined);
        await recovery.openRecoveryCode(TENANT, KEY.recipient, { ...code, hash: 'newer' });
        await recovery.proveRecoveryKey(TENANT, KEY.recipient, { at: NOW, by: 'bob' });
        assert.equal(await recovery.takeRecoveryTry(TENANT, NOW), undefined);
        assert.deepEqual((await recovery.findRecoveryKey(TENANT))?.proof, { at: NOW, by: 'bob' });
        await assert.rejects(recovery.proveRecoveryKey(TENANT, OTHER.recipient, { at: NOW, by: 'bob' }), refusal('conflict'));
      }),
    );
  });

  describe('sealed copies', () => {
    it(
      'are missing until there is one for this key, of the version and the id of restic that the repository has',
      withStore(open, async (store) => {
        const { recovery, repositories } = store;
        const { host, repository } = await prepareGround(store);
        const later = sampleRepository();
        await repositories.insertRepository(later);
        await recovery.putRecoveryKey(KEY, undefined);
        const listUnsealed = (after = '', limit = 10) => recovery.listUnsealed(TENANT, KEY.recipient, after, limit);
        const ids = [repository.id, later.id].toSorted();
        assert.deepEqual(await listUnsealed(), ids);
        assert.deepEqual(await listUnsealed('', 1), ids.slice(0, 1));
        assert.deepEqual(await listUnsealed(ids[0]), ids.slice(1));
        for (const one of [repository, later]) await recovery.putRecoveryCopy(sampleCopy(one));
        assert.deepEqual(await listUnsealed(), []);
        assert.deepEqual(await recovery.countSealed(TENANT, KEY.recipient), { repositories: 2, sealed: 2 });
        assert.deepEqual(await recovery.listUnsealed(TENANT, OTHER.recipient, '', 10), ids);
        await repositories.updateRepository({ ...repository, version: 2 }, 1);
        await repositories.pinEngineId(TENANT, later.id, 'engine', host.id);
        assert.deepEqual(await listUnsealed(), ids);
        await recovery.putRecoveryCopy(sampleCopy(later, { engineId: 'engine', sealed: 'anew' }));
        assert.deepEqual(await listUnsealed(), [repository.id]);
        const [copy] = await recovery.findRecoveryCopies(TENANT, [later.id]);
        assert.deepEqual(copy, sampleCopy(later, { engineId: 'engine', sealed: 'anew' }));
      }),
    );

    it(
      'stand beside their repository with the proof of the key, and go with either',
      withStore(open, async ({ recovery, repositories }) => {
        const repository = sampleRepository();
        await repositories.insertRepository(repository);
        await recovery.putRecoveryKey(KEY, undefined);
        await recovery.putRecoveryCopy(sampleCopy(repository));
        const findSealed = async () => (await repositories.findRepository(TENANT, repository.id))?.sealedCopy;
        assert.deepEqual(await findSealed(), { madeAt: NOW });
        await recovery.proveRecoveryKey(TENANT, KEY.recipient, { at: NOW + 5, by: 'ada' });
        assert.deepEqual(await findSealed(), { madeAt: NOW, keyProof: { at: NOW + 5, by: 'ada' } });
        await recovery.putRecoveryKey(OTHER, KEY.recipient);
        assert.equal(await findSealed(), undefined, 'the copy is for a key that is not the present one');
        await recovery.putRecoveryCopy(sampleCopy(repository, { recipient: OTHER.recipient }));
        assert.deepEqual(await findSealed(), { madeAt: NOW });
        await recovery.deleteRecoveryKey(TENANT, OTHER.recipient);
        assert.deepEqual(await recovery.findRecoveryCopies(TENANT, [repository.id]), []);
        await recovery.putRecoveryCopy(sampleCopy(repository));
        await repositories.deleteRepository(TENANT, repository.id);
        assert.deepEqual(await recovery.findRecoveryCopies(TENANT, [repository.id]), []);
        await assert.rejects(recovery.putRecoveryCopy(sampleCopy(repository)), refusal('not_found'));
      }),
    );
  });
}
