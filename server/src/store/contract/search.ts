import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RepositoryId, RunId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { SEARCH } from '@holdfast/shared/limits.ts';
import type { Host } from '../hosts.ts';
import type { FoundPage } from '../page.ts';
import type { Run, RunFilter } from '../runs.ts';
import type { Snapshot, SnapshotFilter } from '../snapshots.ts';
import type { Store } from '../store.ts';
import { addHost, backUp, createdEvent, finishedEvent, orderedRun, report, startedEvent } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleHost,
  sampleId,
  sampleOrder,
  samplePlan,
  sampleRepository,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

/** Two hosts with two sources each, two plans and two repositories; each run is of one or of two sources. */
async function fill(store: Store) {
  const hosts = [sampleHost({ name: 'db-north' }), sampleHost({ name: 'Web-South' })] as const;
  const repositories = [sampleRepository({ name: 'vault' }), sampleRepository({ name: 'North Cellar' })] as const;
  for (const host of hosts) await store.hosts.insertHost(host);
  for (const repository of repositories) await store.repositories.insertRepository(repository);
  const sources = hosts.map(
    (host) => [sampleSource(host, { name: 'orders' }), sampleSource(host, { name: 'shop files' })] as const,
  );
  for (const source of sources.flat()) await store.sources.insertSource(source);
  const [first, second] = repositories;
  const plans = [
    samplePlan(first, sources[0] ?? [], { name: 'nightly' }),
    samplePlan(second, sources[1] ?? [], { name: 'nightly north' }),
  ] as const;
  for (const plan of plans) await store.plans.insertPlan(plan);
  const nameOf = new Map<string, string>(
    [...hosts, ...repositories, ...sources.flat(), ...plans].map(({ id, name }) => [id, name.toLowerCase()]),
  );
  for (let i = 0; i < 24; i += 1) {
    const h = i % 2;
    const host = hosts[h] as Host;
    const own = sources[h] ?? [];
    const ids = (i % 3 === 0 ? own : own.slice(i % 3 === 1 ? 0 : 1, i % 3 === 1 ? 1 : 2)).map(({ id }) => id);
    const at = NOW + Math.floor(i / 4);
    await backUp(store, host, {
      sources: ids,
      repository: repositories[i % 4 < 2 ? 0 : 1]?.id as RepositoryId,
      state: i % 5 === 0 ? 'failed' : 'succeeded',
      created: { at, ...(i % 6 === 5 ? {} : { plan: plans[h]?.id }) },
      made: { createdAt: at },
    });
  }
  return { hosts, sources, plans, repositories, nameOf };
}

const listRuns = (store: Store, filter: RunFilter) => store.runs.listRuns(TENANT, filter, { limit: 200 });
const listSnapshots = (store: Store, filter: SnapshotFilter) => store.snapshots.listSnapshots(TENANT, filter, { limit: 200 });
const idsOf = ({ rows }: FoundPage<Run> | FoundPage<Snapshot>) => rows.map(({ id }) => id).sort();

/** A run that ended with an error, by its host. */
async function fail(store: Store, host: Host, message: string, at = NOW): Promise<RunId> {
  const run = sampleId('run');
  await report(store, host, [
    createdEvent(run, { at }),
    startedEvent(run),
    finishedEvent(run, 'failed', { failure: { code: 'tool_failed', message } }),
  ]);
  return run;
}

function checkNames(open: OpenStore): void {
  it(
    'finds runs by part of any name they have, within every other filter, as comparing one by one would',
    withStore(open, async (store) => {
      const { nameOf, hosts, sources, plans, repositories } = await fill(store);
      const all = (await listRuns(store, {})).rows;
      const parts = await store.runs.listPartsOf(
        TENANT,
        all.map(({ id }) => id),
      );
      const namesOf = (run: Run) => [
        ...[run.host, run.repository, run.plan ?? ''].map((id) => nameOf.get(id) ?? ''),
        ...parts.filter((part) => part.run === run.id).map((part) => nameOf.get(part.source) ?? ''),
      ];
      const filters: readonly RunFilter[] = [
        {},
        { host: hosts[0].id },
        { plan: plans[1].id },
        { source: sources[0]?.[0].id },
        { repository: repositories[1].id },
        { state: 'failed' },
        { active: false, kind: 'backup' },
        { active: true },
        { kind: 'restore' },
        { withoutPlan: true },
        { since: NOW + 1, until: NOW + 3 },
      ];
      for (const search of ['north', 'NORTH', 'orders', 'shop f', 'nightly', 'vault', 'o', 'nothing has this']) {
        for (const filter of filters) {
          const within = new Set((await listRuns(store, filter)).rows.map(({ id }) => id));
          const fitting = all.filter(
            (run) => within.has(run.id) && namesOf(run).some((name) => name.includes(search.toLowerCase())),
          );
          const found = await listRuns(store, { ...filter, search });
          assert.deepEqual(idsOf(found), fitting.map(({ id }) => id).sort(), `${search} in ${JSON.stringify(filter)}`);
          const times = found.rows.map(({ createdAt }) => createdAt);
          assert.deepEqual(
            times,
            times.toSorted((a, b) => b - a),
          );
          assert.equal(found.passedOver, undefined);
        }
      }
      assert.deepEqual((await store.runs.listRuns(OTHER_TENANT, { search: 'north' }, { limit: 5 })).rows, []);
    }),
  );

  it(
    'finds snapshots by part of any name they have, within every other filter',
    withStore(open, async (store) => {
      const { nameOf, hosts, sources, plans, repositories } = await fill(store);
      const all = (await listSnapshots(store, {})).rows;
      const filters: readonly SnapshotFilter[] = [
        {},
        { host: hosts[0].id },
        { plan: plans[1].id },
        { source: sources[0]?.[0].id },
        { repository: repositories[1].id },
        { state: 'quarantined' },
        { since: NOW + 1, until: NOW + 3 },
      ];
      for (const search of ['north', 'Orders', 'shop f', 'nightly', 'vault', 'nothing has this']) {
        for (const filter of filters) {
          const within = new Set((await listSnapshots(store, filter)).rows.map(({ id }) => id));
          const fitting = all.filter(
            (one) =>
              within.has(one.id) &&
              [one.host, one.repository, one.source, one.plan ?? ''].some((id) => nameOf.get(id)?.includes(search.toLowerCase())),
          );
          const found = await listSnapshots(store, { ...filter, search });
          assert.deepEqual(idsOf(found), fitting.map(({ id }) => id).sort(), `${search} in ${JSON.stringify(filter)}`);
        }
      }
      assert.deepEqual((await store.snapshots.listSnapshots(OTHER_TENANT, { search: 'north' }, { limit: 5 })).rows, []);
    }),
  );

  it(
    'pages through what it found in either direction, each row once, and takes no other order',
    withStore(open, async (store) => {
      await fill(store);
      for (const list of [store.runs.listRuns, store.snapshots.listSnapshots]) {
        const whole = await list(TENANT, { search: 'north' }, { limit: 200 });
        assert.ok(whole.rows.length > 10);
        for (const direction of ['desc', 'asc'] as const) {
          for (const limit of [1, 4, 7]) {
            const seen: string[] = [];
            let after: string | undefined;
            do {
              const page = await list(TENANT, { search: 'north' }, { limit, after, sort: { by: 'created', direction } });
              seen.push(...page.rows.map(({ id }) => id));
              after = page.next;
            } while (after !== undefined);
            const wanted = whole.rows.map(({ id }) => id);
            assert.deepEqual(seen, direction === 'desc' ? wanted : wanted.toReversed(), `${direction} by ${limit}`);
          }
        }
      }
      const unfit = { limit: 5, sort: { by: 'bytes', direction: 'desc' } } as const;
      await assert.rejects(store.runs.listRuns(TENANT, { search: 'north' }, unfit), refusal('invalid', { field: 'sort' }));
    }),
  );

  it(
    'says so where more names fit than it follows',
    withStore(open, async (store) => {
      const hosts = Array.from({ length: SEARCH.names + 1 }, (_, i) =>
        sampleHost({ name: `rack ${String(i).padStart(3, '0')}` }),
      );
      for (const host of hosts) {
        await store.hosts.insertHost(host);
        await report(store, host, [createdEvent(sampleId('run'))]);
      }
      const wide = await listRuns(store, { search: 'rack' });
      assert.deepEqual(wide.passedOver, ['hosts']);
      assert.equal(wide.rows.length, SEARCH.names);
      assert.ok(!wide.rows.some(({ host }) => host === hosts.at(-1)?.id), 'the last by name is passed over');
      const narrow = await listRuns(store, { search: 'rack 00' });
      assert.equal(narrow.passedOver, undefined);
      assert.equal(narrow.rows.length, 10);
    }),
  );
}

function checkErrors(open: OpenStore): void {
  it(
    'finds runs by part of what they failed with, newest first, and no more once the end is taken back',
    withStore(open, async (store) => {
      const host = sampleHost();
      await store.hosts.insertHost(host);
      const old = await fail(store, host, 'pg_dump: error: Connection REFUSED by 10.0.0.7', NOW + 1);
      const fresh = await fail(store, host, 'ssh: connection refused "as root"', NOW + 5);
      const other = await fail(store, host, 'Fatal: repository is 100% full', NOW + 3);
      const find = async (search: string, filter: RunFilter = {}) =>
        (await listRuns(store, { ...filter, search })).rows.map(({ id }) => id);
      assert.deepEqual(await find('connection refused'), [fresh, old]);
      assert.deepEqual(await find('0.0.7'), [old]);
      assert.deepEqual(await find('"as root"'), [fresh]);
      assert.deepEqual(await find('100% full'), [other]);
      assert.deepEqual(await find('refused', { until: NOW + 5 }), [old]);
      assert.deepEqual(await find('refused', { since: NOW + 2 }), [fresh]);
      assert.deepEqual(await find('refused', { state: 'partial' }), []);
      assert.deepEqual(await find('refused AND ssh'), []);
      const { source, host: owner } = await addHost(store);
      const { run } = await backUp(store, owner, { sources: [source], state: 'failed' });
      assert.deepEqual(await find('broke'), [run], 'what a source of it failed with');
      // Two letters are in every error.
      assert.deepEqual(await find('re'), []);

      const ordered = orderedRun(host);
      await store.orders.insertOrderedRun(ordered, [], sampleOrder(ordered));
      await store.orders.finishUnstarted(
        TENANT,
        ordered.id,
        'failed',
        { code: 'unavailable', message: 'never came back' },
        NOW + 9,
      );
      assert.deepEqual(await find('never came'), [ordered.id]);
      await report(store, host, [createdEvent(ordered.id, { at: ordered.createdAt, repository: ordered.repository })]);
      assert.deepEqual(await find('never came'), []);
    }),
  );

  it(
    'pages through errors of one instant',
    withStore(open, async (store) => {
      const host = sampleHost();
      await store.hosts.insertHost(host);
      const wanted = new Set<string>();
      for (let i = 0; i < 9; i += 1) wanted.add(await fail(store, host, 'disk is full', NOW + Math.floor(i / 4)));
      for (const direction of ['desc', 'asc'] as const) {
        const seen: string[] = [];
        let after: string | undefined;
        do {
          const page = await store.runs.listRuns(
            TENANT,
            { search: 'disk' },
            { limit: 2, after, sort: { by: 'created', direction } },
          );
          seen.push(...page.rows.map(({ id }) => id));
          after = page.next;
        } while (after !== undefined);
        assert.equal(seen.length, 9);
        assert.deepEqual(new Set(seen), wanted);
      }
    }),
  );

  it(
    'takes a run whose host told an impossible instant',
    withStore(open, async (store) => {
      const host = sampleHost();
      await store.hosts.insertHost(host);
      const run = await fail(store, host, 'no such clock', 8_640_000_000_000_000);
      assert.equal((await store.runs.findRun(TENANT, run))?.failure?.message, 'no such clock');
    }),
  );
}

function checkIds(open: OpenStore): void {
  it(
    'finds a run by how its id, its request’s or its snapshot’s begins, and a snapshot by its own, its engine’s and its run’s',
    withStore(open, async (store) => {
      const { hosts } = await fill(store);
      const snapshot = (await listSnapshots(store, {})).rows[3] as Snapshot;
      const ordered = orderedRun(hosts[0], { request: 'req_01kxyz7ab9' });
      await store.orders.insertOrderedRun(ordered, [], sampleOrder(ordered));
      assert.equal((await store.runs.findRun(TENANT, ordered.id))?.request, 'req_01kxyz7ab9');

      const runsBy = async (search: string) => (await listRuns(store, { search })).rows.map(({ id }) => id);
      assert.deepEqual(await runsBy(ordered.id), [ordered.id]);
      assert.deepEqual(await runsBy('req_01kxyz'), [ordered.id]);
      assert.deepEqual(await runsBy(snapshot.run), [snapshot.run]);
      assert.deepEqual(await runsBy(snapshot.run.slice(4)), [snapshot.run]);
      assert.deepEqual(await runsBy(snapshot.id), [snapshot.run]);
      assert.deepEqual(await runsBy(snapshot.engineId), [snapshot.run]);
      const snapshotsBy = async (search: string) => (await listSnapshots(store, { search })).rows.map(({ id }) => id);
      assert.deepEqual(await snapshotsBy(snapshot.id), [snapshot.id]);
      assert.deepEqual(await snapshotsBy(snapshot.engineId.slice(0, 63)), await ofEngine(store, snapshot.engineId.slice(0, 63)));
      assert.ok((await snapshotsBy(snapshot.run)).includes(snapshot.id));
      assert.deepEqual(await snapshotsBy('snap_of_nothing'), []);
    }),
  );
}

async function ofEngine(store: Store, begin: string): Promise<SnapshotId[]> {
  return (await listSnapshots(store, {})).rows.filter(({ engineId }) => engineId.startsWith(begin)).map(({ id }) => id);
}

export function checkSearch(open: OpenStore): void {
  describe('searches of the ledger', () => {
    checkNames(open);
    checkErrors(open);
    checkIds(open);
  });
}
