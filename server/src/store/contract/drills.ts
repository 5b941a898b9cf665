import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS } from '@holdfast/shared/domain/plan.ts';
import type { DrillFilter } from '../drills.ts';
import type { Host } from '../hosts.ts';
import type { Store } from '../store.ts';
import { addHost, backUp, createdEvent, finishedEvent, madeEvent, partEvent, report, startedEvent } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleId,
  samplePlan,
  sampleRepository,
  TENANT,
  withStore,
} from './samples.ts';

const VERDICT = { isProven: true, restoreMs: 41_000, snapshotAgeMs: 60_000, rows: 12, things: 3 };

async function prepareBackup(store: Store, plan = sampleId('plan')) {
  const { host, source } = await addHost(store);
  await backUp(store, host, { sources: [source], created: { plan } });
  const [snapshot] = (await store.snapshots.listSnapshots(TENANT, { source }, { limit: 1 })).rows;
  assert.ok(snapshot);
  return { host, source, snapshot: snapshot.id };
}

/** A drill of this snapshot, as its host tells it. */
async function drill(
  store: Store,
  host: Host,
  source: SourceId,
  snapshot: SnapshotId,
  at: number,
  isProven = true,
): Promise<RunId> {
  const run = sampleId('run');
  const end = partEvent(run, source, isProven ? 'succeeded' : 'failed', at);
  await report(store, host, [
    createdEvent(run, { kind: 'drill', sources: [source], snapshot, at }),
    startedEvent(run, at),
    { ...end, part: { ...end.part, drill: { ...VERDICT, isProven } } },
  ]);
  return run;
}

export function checkDrills(open: OpenStore): void {
  describe('drills', () => {
    it(
      'prove a snapshot, and a later one that fails takes that back',
      withStore(open, async (store) => {
        const { host, source, snapshot } = await prepareBackup(store);
        assert.deepEqual(await store.drills.listProofs(TENANT, [source]), [{ source, proven: undefined, newest: undefined }]);
        const first = await drill(store, host, source, snapshot, NOW + 10);
        assert.equal((await store.snapshots.findSnapshot(TENANT, snapshot))?.provenAt, NOW + 10);
        const [proof] = await store.drills.listProofs(TENANT, [source]);
        const { isProven, ...figures } = VERDICT;
        assert.deepEqual(proof?.proven, { run: first, source, host: host.id, snapshot, endedAt: NOW + 10, isProven, ...figures });
        assert.equal(proof?.newest?.run, first);
        const second = await drill(store, host, source, snapshot, NOW + 20, false);
        assert.equal((await store.snapshots.findSnapshot(TENANT, snapshot))?.provenAt, undefined);
        const [after] = await store.drills.listProofs(TENANT, [source]);
        assert.deepEqual([after?.proven?.run, after?.newest?.run, after?.newest?.isProven], [first, second, false]);
        assert.deepEqual(await store.drills.listProofs(OTHER_TENANT, [source]), [
          { source, proven: undefined, newest: undefined },
        ]);
      }),
    );

    it(
      'of snapshots of another host or source change nothing',
      withStore(open, async (store) => {
        const one = await prepareBackup(store);
        const other = await addHost(store);
        await drill(store, other.host, other.source, one.snapshot, NOW + 10);
        assert.equal((await store.snapshots.findSnapshot(TENANT, one.snapshot))?.provenAt, undefined);
        assert.deepEqual((await store.drills.listDrills(TENANT, {}, { limit: 10 })).rows, []);
      }),
    );

    it(
      'that no server ordered take in no source of another host, however often they are told of',
      withStore(open, async (store) => {
        const [owner, liar] = [await addHost(store), await addHost(store)];
        const run = sampleId('run');
        const created = createdEvent(run, { kind: 'drill', sources: [liar.source, owner.source], at: NOW });
        await report(store, liar.host, [created, created]);
        await report(store, liar.host, [created]);
        assert.deepEqual(
          (await store.runs.listParts(TENANT, run)).map(({ source }) => source),
          [liar.source],
        );
      }),
    );

    it(
      'of snapshots of another host count where the server ordered them of that very host, and only from it',
      withStore(open, async (store) => {
        const plan = sampleId('plan');
        const one = await prepareBackup(store, plan);
        const [ordered, stranger] = [await addHost(store), await addHost(store)];
        const run = sampleId('run');
        const repository = (await store.snapshots.findSnapshot(TENANT, one.snapshot))?.repository ?? sampleId('repository');
        const about = {
          id: run,
          tenant: TENANT,
          host: ordered.host.id,
          kind: 'drill',
          repository,
          snapshot: one.snapshot,
        } as const;
        const terms = {
          trigger: 'manual',
          state: 'queued',
          createdAt: NOW,
          receivedAt: NOW,
          bytes: 0,
          evidence: [],
          logLines: 0,
        } as const;
        const order = { id: sampleId('request'), tenant: TENANT, host: ordered.host.id, type: 'drill.start', run } as const;
        const body = { body: '{}', notAfter: NOW + 1000, createdAt: NOW, state: 'waiting' } as const;
        await store.orders.insertOrderedRun({ ...about, ...terms }, [one.source], { ...order, ...body });
        const end = partEvent(run, one.source, 'succeeded', NOW + 10);
        const told = [
          createdEvent(run, { kind: 'drill', sources: [one.source], snapshot: one.snapshot, at: NOW }),
          startedEvent(run, NOW),
          { ...end, part: { ...end.part, drill: VERDICT } },
        ];
        await report(store, stranger.host, told);
        assert.equal((await store.snapshots.findSnapshot(TENANT, one.snapshot))?.provenAt, undefined);
        await report(store, ordered.host, told);
        assert.equal((await store.snapshots.findSnapshot(TENANT, one.snapshot))?.provenAt, NOW + 10);
        const [proof] = await store.drills.listProofs(TENANT, [one.source]);
        assert.deepEqual([proof?.proven?.run, proof?.proven?.host], [run, ordered.host.id]);
        const listElsewhere = () => store.drills.listProvenElsewhere(TENANT, [one.source], 10);
        const engineId = (await store.snapshots.findSnapshot(TENANT, one.snapshot))?.engineId;
        assert.deepEqual(await listElsewhere(), [{ plan, engineId }]);
        await drill(store, one.host, one.source, one.snapshot, NOW + 30, false);
        assert.deepEqual(await listElsewhere(), [], 'disproven at home');
      }),
    );

    it(
      'are due after so many clean backups, counted from the last one that began',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const settings = { source, assertions: [], everyRuns: 2, updatedAt: NOW };
        await store.drills.saveDrillSettings(TENANT, settings);
        const isDue = async () => (await store.drills.listDueDrills(NOW + 1_000_000, 10)).length === 1;
        await backUp(store, host, { sources: [source] });
        assert.equal(await isDue(), false);
        await backUp(store, host, { sources: [source] });
        assert.equal(await isDue(), true);
        await store.drills.noteDrill(TENANT, source, undefined);
        await backUp(store, host, { sources: [source] });
        assert.equal(await isDue(), false);
        await backUp(store, host, { sources: [source] });
        assert.equal(await isDue(), true);
      }),
    );

    it(
      'find what was noted as a snapshot was made, which goes when the snapshot is removed',
      withStore(open, async (store) => {
        const { host, source } = await addHost(store);
        const [run, repository] = [sampleId('run'), sampleId('repository')];
        const table = { name: 'we"ird\n注', shape: 'a'.repeat(16), rows: 3, isExact: true };
        const contents = { tableCount: 1, digest: 'b'.repeat(16), tables: [table] };
        const canaries = [{ path: '/srv/canary', sizeBytes: 3, sha256: 'c'.repeat(64) }];
        const made = madeEvent(run, source, { contents, canaries });
        await report(store, host, [createdEvent(run, { sources: [source], repository }), startedEvent(run), made]);
        const find = (tenant = TENANT) => store.snapshots.findSnapshotRecord(tenant, made.snapshot.id);
        assert.deepEqual(await find(), { contents, canaries });
        assert.equal(await find(OTHER_TENANT), undefined);
        await report(store, host, [partEvent(run, source, 'succeeded'), finishedEvent(run, 'succeeded')]);
        const forget = sampleId('run');
        await report(store, host, [
          createdEvent(forget, { kind: 'forget', sources: [source], repository }),
          startedEvent(forget),
          {
            type: 'snapshots.removed',
            run: forget,
            at: NOW + 99,
            source,
            snapshots: [{ engineId: made.snapshot.engineId, why: 'old' }],
          },
        ]);
        assert.equal(await find(), undefined);
      }),
    );

    it(
      'are listed newest first, of all sources or of one, in pages',
      withStore(open, async (store) => {
        const { host, source, snapshot } = await prepareBackup(store);
        const other = await prepareBackup(store);
        const runs: RunId[] = [];
        for (let index = 0; index < 3; index += 1) runs.push(await drill(store, host, source, snapshot, NOW + index));
        const last = await drill(store, other.host, other.source, other.snapshot, NOW + 9);
        const list = async (filter: { source?: SourceId }, after?: string) =>
          store.drills.listDrills(TENANT, filter, { limit: 2, after });
        const page = await list({});
        assert.deepEqual(
          page.rows.map(({ run }) => run),
          [last, runs[2]],
        );
        assert.deepEqual(
          (await list({}, page.next)).rows.map(({ run }) => run),
          [runs[1], runs[0]],
        );
        assert.deepEqual(
          (await list({ source: other.source })).rows.map(({ run }) => run),
          [last],
        );
        const failed = await drill(store, host, source, snapshot, NOW + 20, false);
        const made = await store.snapshots.findSnapshot(TENANT, snapshot);
        assert.ok(made?.plan);
        const cases: [DrillFilter, readonly RunId[]][] = [
          [{ isProven: false }, [failed]],
          [{ isProven: true, host: other.host.id }, [last]],
          [{ host: host.id, until: NOW + 2 }, [runs[1], runs[0]].flatMap((run) => run ?? [])],
          [{ since: NOW + 2, until: NOW + 20 }, [last, ...runs.slice(2)]],
          [{ plan: made.plan, since: NOW + 20 }, [failed]],
          [{ plan: sampleId('plan') }, []],
          [{ repository: made.repository, source, isProven: false }, [failed]],
          [{ repository: sampleId('repository') }, []],
        ];
        for (const [filter, expected] of cases)
          assert.deepEqual(
            (await store.drills.listDrills(TENANT, filter, { limit: 10 })).rows.map(({ run }) => run),
            expected,
            JSON.stringify(filter),
          );
      }),
    );

    it(
      'are due as the oldest enabled plan says, for sources without a rhythm of their own',
      withStore(open, async (store) => {
        const { source } = await addHost(store);
        const drills = { schedule: { cron: '0 4 * * 6', zone: 'UTC' }, everyRuns: 2 };
        const repository = sampleRepository();
        await store.repositories.insertRepository(repository);
        const plan = samplePlan(repository, [], { sources: [source], options: { ...DEFAULT_PLAN_OPTIONS, drills } });
        await store.plans.insertPlan(plan);
        const unsettled = () => store.drills.listUnsettledDrills(10);
        const find = () => store.drills.findDrillSettings(TENANT, source);
        const [one] = await unsettled();
        assert.deepEqual([one?.source, one?.followed], [source, { plan: plan.id, drills }]);
        const wanted = { tenant: TENANT, source, said: one?.said, nextAt: NOW + 100 };
        await store.drills.settleDrills([{ ...wanted, said: '{}' }]);
        assert.equal(await find(), undefined, 'the plan says something else');
        await store.drills.settleDrills([wanted]);
        assert.deepEqual(await unsettled(), []);
        assert.deepEqual([(await find())?.followed, (await find())?.nextAt], [{ plan: plan.id, drills }, NOW + 100]);
        assert.deepEqual(await store.drills.listDueDrills(NOW + 100, 10), [{ tenant: TENANT, source }]);
        await store.drills.saveDrillSettings(TENANT, { source, assertions: [], everyDays: 7, nextAt: NOW + 7, updatedAt: NOW });
        assert.deepEqual(await unsettled(), [], 'its own rhythm holds');
        await store.drills.settleDrills([wanted]);
        assert.deepEqual([(await find())?.followed, (await find())?.nextAt], [undefined, NOW + 7]);
        await store.drills.saveDrillSettings(TENANT, { source, assertions: [], updatedAt: NOW });
        await store.drills.settleDrills(await unsettled());
        assert.equal((await find())?.followed?.plan, plan.id);
        await store.plans.deletePlan(TENANT, plan.id);
        const gone = await unsettled();
        assert.deepEqual(
          gone.map(({ source: id, said }) => [id, said]),
          [[source, undefined]],
        );
        await store.drills.settleDrills(gone);
        assert.deepEqual([(await find())?.followed, await unsettled()], [undefined, []]);
      }),
    );

    it(
      'are due by their settings, which go with the source',
      withStore(open, async (store) => {
        const { source } = await addHost(store);
        const assertions = [{ sql: 'select 1', operator: '=' as const, value: '1' }];
        const host = sampleId('host');
        const settings = {
          source,
          assertions,
          everyDays: 7,
          withinDays: 30,
          everyRuns: 3,
          host,
          server: sampleId('source'),
          nextAt: NOW + 100,
          updatedAt: NOW,
        };
        assert.equal(await store.drills.findDrillSettings(TENANT, source), undefined);
        await store.drills.saveDrillSettings(TENANT, settings);
        assert.deepEqual(await store.drills.findDrillSettings(TENANT, source), settings);
        assert.deepEqual(await store.drills.listDrillSettings(TENANT, [source]), [settings]);
        assert.equal(await store.drills.findDrillSettings(OTHER_TENANT, source), undefined);
        assert.deepEqual(await store.drills.listDueDrills(NOW + 99, 10), []);
        assert.deepEqual(await store.drills.listDueDrills(NOW + 100, 10), [{ tenant: TENANT, source }]);
        await store.drills.postponeDrill(TENANT, source, NOW + 500, 'db-2 is offline');
        assert.deepEqual(await store.drills.listDueDrills(NOW + 100, 10), []);
        await store.drills.postponeDrill(TENANT, source, NOW + 900, 'there is no room');
        const missed = { since: NOW + 100, why: 'there is no room' };
        assert.deepEqual((await store.drills.findDrillSettings(TENANT, source))?.missed, missed, 'since it was due');
        await store.drills.noteDrill(TENANT, source, NOW + 2000);
        assert.equal((await store.drills.findDrillSettings(TENANT, source))?.missed, undefined, 'until one begins');
        await store.drills.postponeDrill(TENANT, source, NOW + 3000, 'db-2 is offline');
        const byHand = {
          source,
          assertions: [],
          everyDays: undefined,
          withinDays: undefined,
          everyRuns: undefined,
          host: undefined,
          server: undefined,
          nextAt: undefined,
          updatedAt: NOW + 1,
        };
        await store.drills.saveDrillSettings(TENANT, byHand);
        await store.drills.postponeDrill(TENANT, source, NOW + 1, 'nothing is due');
        assert.deepEqual(await store.drills.findDrillSettings(TENANT, source), byHand);
        await assert.rejects(
          store.drills.saveDrillSettings(TENANT, { ...byHand, source: sampleId('source') }),
          refusal('not_found'),
        );
        await store.sources.deleteSource(TENANT, source);
        assert.equal(await store.drills.findDrillSettings(TENANT, source), undefined);
      }),
    );
  });
}
