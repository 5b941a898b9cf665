import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FigurePage } from '../figures.ts';
import type { Store } from '../store.ts';
import { addHost, backUp, createdEvent, finishedEvent, partEvent, report, startedEvent } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  sampleHost,
  sampleId,
  samplePlan,
  sampleRepository,
  TENANT,
  withStore,
} from './samples.ts';

const ALL: FigurePage = { limit: 100 };

async function readFirstSource(store: Store) {
  const [row] = await store.figures.listSourceFigures(TENANT, ALL);
  assert.ok(row);
  return row;
}

export function checkFigures(open: OpenStore): void {
  describe('figures', () => {
    it(
      'of a source are those of its standing, its plans and its drills',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const empty = await readFirstSource(store);
        assert.deepEqual([empty.host, empty.goodAt, empty.tags, empty.plans], [host.name, undefined, host.tags, []]);
        const repository = sampleRepository();
        await store.repositories.insertRepository(repository);
        const schedule = { cron: '0 2 * * *', zone: 'UTC' };
        const [stored] = await store.sources.findSources(TENANT, [source]);
        assert.ok(stored);
        const plan = samplePlan(repository, [stored], { schedule, enabled: true });
        await store.plans.insertPlan(plan);
        await store.plans.insertPlan(
          samplePlan(repository, [stored], { schedule: { ...schedule, cron: '0 3 * * *' }, enabled: false }),
        );
        const byHand = samplePlan(repository, [stored], { schedule: undefined, enabled: true });
        await store.plans.insertPlan(byHand);
        await backUp(store, host, { sources: [source], repository: repository.id, created: { plan: plan.id } });
        const [snapshot] = (await store.snapshots.listSnapshots(TENANT, { source }, { limit: 1 })).rows;
        assert.ok(snapshot);
        const drill = sampleId('run');
        const end = partEvent(drill, source, 'succeeded', NOW + 30);
        const verdict = { isProven: true, restoreMs: 7000, snapshotAgeMs: 1, things: 3 };
        await report(store, host, [
          createdEvent(drill, { kind: 'drill', sources: [source], snapshot: snapshot.id }),
          startedEvent(drill),
          { ...end, part: { ...end.part, drill: verdict } },
        ]);
        const row = await readFirstSource(store);
        const [standing] = await store.standings.listStandings(TENANT, [source]);
        const [proof] = await store.drills.listProofs(TENANT, [source]);
        const [part] = await store.runs.listParts(TENANT, snapshot.run);
        assert.ok(standing?.lastGoodAt !== undefined && proof?.proven !== undefined);
        assert.deepEqual(
          [row.goodAt, row.goodBytes, row.goodDurationMs, row.provenAt, row.restoreMs],
          [standing.lastGoodAt, standing.lastGoodBytes, part?.durationMs, proof.proven.endedAt, 7000],
        );
        assert.equal(row.verifiedAt, undefined);
        assert.deepEqual(
          new Map(row.plans.map(({ id, name, schedule: promised }) => [id, [name, promised]])),
          new Map([plan, byHand].map((one) => [one.id, [one.name, one.schedule]])),
          'those that are switched on',
        );
        for (const [at, ok] of [
          [NOW + 40, true],
          [NOW + 50, true],
        ] as const) {
          const run = sampleId('run');
          const { id, engineId } = snapshot;
          await report(store, host, [
            createdEvent(run, { kind: 'verify', repository: repository.id }),
            { type: 'snapshot.verified', run, at, snapshot: id, engineId, ok, bytes: 7, seen: 'seven' },
          ]);
        }
        assert.equal((await readFirstSource(store)).verifiedAt, NOW + 50);
        assert.deepEqual(await store.figures.listSourceFigures(OTHER_TENANT, ALL), []);
        const plans = await store.figures.listPlanFigures(TENANT, ALL);
        assert.deepEqual(new Set(plans.map((one) => one.schedule)), new Set([schedule, undefined]));
        await store.hosts.setHostState(TENANT, host.id, 'revoked');
        assert.deepEqual(await store.figures.listSourceFigures(TENANT, ALL), []);
        assert.deepEqual(await store.figures.listHostFigures(TENANT, ALL), []);
        assert.equal((await store.figures.getFleetFigures(TENANT)).revokedHosts, 1);
      }),
    );

    it(
      'of a repository count what is there, and know its newest size',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const repository = sampleRepository();
        await store.repositories.insertRepository(repository);
        const read = async () => (await store.figures.listRepositoryFigures(TENANT, ALL)).find(({ id }) => id === repository.id);
        assert.deepEqual([(await read())?.snapshots, (await read())?.sizeBytes], [0, undefined]);
        for (const at of [NOW, NOW + 1])
          await backUp(store, host, { sources: [source], repository: repository.id, created: { at, plan: sampleId('plan') } });
        for (const [measuredAt, sizeBytes] of [
          [NOW + 5, 500],
          [NOW + 2, 200],
        ] as const)
          await store.maintenance.recordMeasurement(TENANT, repository.id, {
            measuredAt,
            sizeBytes,
            uncompressedBytes: undefined,
            snapshots: 2,
            host: host.id,
          });
        const row = await read();
        assert.deepEqual([row?.snapshots, row?.measuredAt, row?.sizeBytes], [2, NOW + 5, 500]);
        const listed = (await store.snapshots.listSnapshots(TENANT, { repository: repository.id }, { limit: 9 })).rows;
        assert.equal(listed.length, row?.snapshots);

        const forget = sampleId('run');
        const removed = [{ engineId: listed[0]?.engineId ?? '', why: 'too old' }];
        await report(store, host, [
          createdEvent(forget, {
            kind: 'forget',
            repository: repository.id,
            plan: listed[0]?.plan ?? sampleId('plan'),
            sources: [],
          }),
          startedEvent(forget),
          { type: 'snapshots.removed', run: forget, at: NOW + 9, source, snapshots: removed },
          finishedEvent(forget, 'succeeded'),
        ]);
        assert.equal((await read())?.snapshots, 1);
        assert.equal(await store.snapshots.countSnapshots(TENANT, repository.id), 1);
      }),
    );

    it(
      'come in pages by id, and of the fleet count what waits and what runs',
      withStore(open, async (store) => {
        const hosts = [sampleHost(), sampleHost(), sampleHost()];
        for (const host of hosts) await store.hosts.insertHost(host);
        const [first] = await store.figures.listHostFigures(TENANT, { limit: 1 });
        const rest = await store.figures.listHostFigures(TENANT, { limit: 5, after: first?.id });
        assert.deepEqual(
          [first, ...rest].map((row) => row?.name),
          hosts.map(({ name }) => name),
        );
        const { host, source } = await addHost(store);
        const [waiting, running] = [sampleId('run'), sampleId('run')];
        await report(store, host, [
          createdEvent(waiting, { sources: [source], at: NOW + 3 }),
          createdEvent(running, { sources: [source], at: NOW + 1 }),
          startedEvent(running),
        ]);
        const { activeRuns, queuedRuns, queuedSince, databaseBytes } = await store.figures.getFleetFigures(TENANT);
        assert.deepEqual([activeRuns, queuedRuns, queuedSince], [1, 1, NOW + 3]);
        assert.ok(databaseBytes > 0);
      }),
    );
  });
}
