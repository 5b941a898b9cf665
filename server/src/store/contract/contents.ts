import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store } from '../store.ts';
import { addHost, backUp } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, refusal, sampleId, sampleRepository, TENANT, withStore } from './samples.ts';

const STRANGE = 'e'.repeat(64);

async function prepare(store: Store) {
  const { host, source } = await addHost(store);
  const repository = sampleRepository();
  await store.repositories.insertRepository(repository);
  const made = [];
  for (const at of [NOW, NOW + 1000])
    made.push(
      await backUp(store, host, { sources: [source], repository: repository.id, created: { at }, made: { createdAt: at } }),
    );
  const adoption = {
    id: sampleId('snapshot'),
    engineId: STRANGE,
    run: sampleId('run'),
    host: host.id,
    source,
    repository: repository.id,
    createdAt: NOW + 5000,
    sizeBytes: 7,
    at: NOW + 6000,
    by: 'ada',
  };
  return { source, repository, adoption, engineIds: made.map(({ engineId }) => engineId) };
}

export function checkContents(open: OpenStore): void {
  describe('what lies in a repository', () => {
    it(
      'is known by its place there alone, and what is not among the named ones is missing, newest first',
      withStore(open, async (store) => {
        const { repository, engineIds } = await prepare(store);
        const [old, young] = engineIds;
        assert.ok(old && young);
        const { snapshots } = store;
        const known = await snapshots.listKnownThere(TENANT, repository.id, [young, STRANGE]);
        assert.deepEqual(
          known.map(({ engineId, state, isAdopted }) => [engineId, state, isAdopted]),
          [[young, 'good', false]],
        );
        assert.deepEqual(await snapshots.listKnownThere(OTHER_TENANT, repository.id, [young]), []);
        assert.deepEqual(await snapshots.listKnownThere(TENANT, sampleRepository().id, [young]), []);
        const list = async (named: readonly string[], limit = 10) =>
          (await snapshots.listNotThere(TENANT, repository.id, named, limit)).map(({ engineId }) => engineId);
        assert.deepEqual(await list([]), [young, old]);
        assert.deepEqual(await list([], 1), [young]);
        assert.deepEqual(await list([young]), [old]);
        assert.deepEqual(await list(engineIds), []);
      }),
    );

    it(
      'is taken over once, as what no run vouches for and no good backup of its source',
      withStore(open, async (store) => {
        const { source, repository, adoption, engineIds } = await prepare(store);
        const { standings, snapshots } = store;
        const [before] = await standings.listStandings(TENANT, [source]);
        const adopted = await snapshots.adoptSnapshot(TENANT, adoption);
        assert.deepEqual(
          [adopted.state, adopted.adoptedAt, adopted.adoptedBy, adopted.plan, adopted.fileName, adopted.evidence],
          ['quarantined', NOW + 6000, 'ada', undefined, undefined, []],
        );
        assert.deepEqual(await snapshots.findSnapshot(TENANT, adopted.id), adopted);
        assert.deepEqual(await standings.listStandings(TENANT, [source]), [before]);
        const [known] = await snapshots.listKnownThere(TENANT, repository.id, [STRANGE]);
        assert.equal(known?.isAdopted, true);
        const again = { ...adoption, id: sampleId('snapshot') };
        await assert.rejects(snapshots.adoptSnapshot(TENANT, again), refusal('conflict'));
        const [taken = ''] = engineIds;
        await assert.rejects(snapshots.adoptSnapshot(TENANT, { ...again, engineId: taken }), refusal('conflict'));
      }),
    );
  });
}
