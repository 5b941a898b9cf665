import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeptRepositoryLook } from '../repository-looks.ts';
import { addHost } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleId, sampleRepository, TENANT, withStore } from './samples.ts';

/** What hosts told of the places of their repositories. */
export function checkRepositoryLooks(open: OpenStore): void {
  describe('looks at the places of repositories', () => {
    it(
      'are the newest of each host, and go with the repository and with a host that is revoked',
      withStore(open, async (store) => {
        const [one, two] = [await addHost(store), await addHost(store)];
        const repository = sampleRepository();
        await store.repositories.insertRepository(repository);
        const look: KeptRepositoryLook = {
          ...{ repository: repository.id, host: one.host.id, at: NOW, toldAt: NOW + 1 },
          freeBytes: 7,
          certificateEndsAt: undefined,
        };
        const other = { ...look, host: two.host.id, freeBytes: undefined, certificateEndsAt: NOW + 9 };
        const list = async () => {
          const looks = await store.repositoryLooks.listRepositoryLooks(TENANT, [repository.id]);
          return looks.toSorted((a, b) => (a.freeBytes ?? 0) - (b.freeBytes ?? 0));
        };
        await store.repositoryLooks.putRepositoryLooks(TENANT, [look, other, { ...look, repository: sampleId('repository') }]);
        assert.deepEqual(await list(), [other, look]);
        const newer = { ...look, at: NOW + 5, freeBytes: 3 };
        await store.repositoryLooks.putRepositoryLooks(TENANT, [newer]);
        await store.repositoryLooks.putRepositoryLooks(OTHER_TENANT, [{ ...newer, freeBytes: 1 }]);
        assert.deepEqual(await list(), [other, newer]);
        assert.deepEqual(await store.repositoryLooks.listRepositoryLooks(OTHER_TENANT, [repository.id]), []);
        await store.hosts.setHostState(TENANT, two.host.id, 'revoked');
        assert.deepEqual(await list(), [newer]);
        const findLocks = () => store.repositoryLooks.findLockLook(TENANT, repository.id);
        assert.equal(await findLocks(), undefined);
        const stuck = { repository: repository.id, at: NOW, stuck: 2, since: NOW - 9, text: 'it said "no"\n' };
        await store.repositoryLooks.putLockLook(TENANT, stuck);
        assert.deepEqual(await findLocks(), stuck);
        const none = { repository: repository.id, at: NOW + 1, stuck: 0, since: undefined, text: undefined };
        await store.repositoryLooks.putLockLook(TENANT, none);
        assert.deepEqual(await findLocks(), none);
        await store.repositories.deleteRepository(TENANT, repository.id);
        assert.deepEqual([await list(), await findLocks()], [[], undefined]);
      }),
    );
  });
}
