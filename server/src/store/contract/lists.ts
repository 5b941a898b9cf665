import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunState, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { Run, RunFilter } from '../runs.ts';
import type { Store } from '../store.ts';
import { backUp, createdEvent, madeEvent, report, startedEvent } from './reports.ts';
import {
  NOW,
  type OpenStore,
  OTHER_TENANT,
  refusal,
  sampleAudit,
  sampleHost,
  sampleId,
  sampleSource,
  TENANT,
  withStore,
} from './samples.ts';

/** Runs of every kind and end over two hosts, three sources, two plans and two repositories. */
async function fill(store: Store): Promise<{ runs: Run[]; sourcesOf: Map<string, readonly string[]> }> {
  const hosts = [sampleHost(), sampleHost()];
  const plans = [sampleId('plan'), sampleId('plan')];
  const repositories = [sampleId('repository'), sampleId('repository')];
  const sourcesOf = new Map<string, readonly string[]>();
  const ends: TerminalState[] = ['succeeded', 'failed', 'partial', 'cancelled'];
  for (const [h, host] of hosts.entries()) {
    await store.hosts.insertHost(host);
    const sources = [sampleSource(host), sampleSource(host)];
    for (const source of sources) await store.sources.insertSource(source);
    for (let i = 0; i < 12; i += 1) {
      const chosen = i % 3 === 0 ? sources : sources.slice(i % 2, (i % 2) + 1);
      const ids = chosen.map((source) => source.id);
      const plan = plans[(i + h) % 2];
      const at = NOW + Math.floor(i / 2);
      const created = { at, kind: i % 5 === 4 ? 'restore' : 'backup', ...(i % 4 === 3 ? {} : { plan }) } as const;
      const repository = repositories[i % 2] ?? sampleId('repository');
      if (i < 9) {
        const { run } = await backUp(store, host, { sources: ids, repository, state: ends[i % 4] ?? 'failed', created });
        sourcesOf.set(run, ids);
      } else {
        const run = sampleId('run');
        await report(store, host, [
          createdEvent(run, { ...created, repository, sources: ids }),
          ...(i === 10 ? [startedEvent(run)] : []),
        ]);
        sourcesOf.set(run, ids);
      }
    }
  }
  const runs = (await store.runs.listRuns(TENANT, {}, { limit: 200 })).rows;
  return { runs: [...runs], sourcesOf };
}

function fits(run: Run, sources: readonly string[], filter: RunFilter): boolean {
  const active = ['queued', 'running', 'finalizing'].includes(run.state);
  return (
    (filter.state === undefined || run.state === filter.state) &&
    (filter.active === undefined || active === filter.active) &&
    (filter.kind === undefined || run.kind === filter.kind) &&
    (filter.host === undefined || run.host === filter.host) &&
    (filter.plan === undefined || run.plan === filter.plan) &&
    (filter.source === undefined || sources.includes(filter.source)) &&
    (filter.repository === undefined || run.repository === filter.repository) &&
    (filter.since === undefined || run.createdAt >= filter.since) &&
    (filter.until === undefined || run.createdAt < filter.until)
  );
}

/** Every subset of the filters, with values taken from a run. */
function combineFilters(run: Run, source: string): RunFilter[] {
  const active = ['queued', 'running', 'finalizing'].includes(run.state);
  const values = {
    state: run.state,
    active,
    kind: run.kind,
    host: run.host,
    plan: run.plan,
    source,
    repository: run.repository,
    since: run.createdAt,
    until: run.createdAt + 3,
  };
  const names = Object.keys(values);
  return Array.from({ length: 2 ** names.length }, (_, bits) => {
    const chosen = Object.entries(values).filter(([, value], index) => value !== undefined && (bits >> index) % 2 === 1);
    return Object.fromEntries(chosen) as RunFilter;
  });
}

export function checkLists(open: OpenStore): void {
  describe('lists of the ledger', () => {
    it(
      'filters runs by every combination of filters as comparing one by one would',
      withStore(open, async (store) => {
        const { runs, sourcesOf } = await fill(store);
        assert.equal(runs.length, 24);
        for (const probe of [runs[0], runs[9], runs[20]]) {
          assert.ok(probe);
          for (const filter of combineFilters(probe, sourcesOf.get(probe.id)?.at(-1) ?? '')) {
            const found = (await store.runs.listRuns(TENANT, filter, { limit: 200 })).rows.map((run) => run.id);
            const wanted = runs.filter((run) => fits(run, sourcesOf.get(run.id) ?? [], filter)).map((run) => run.id);
            assert.deepEqual(found, wanted, JSON.stringify(filter));
          }
        }
        assert.deepEqual((await store.runs.listRuns(OTHER_TENANT, {}, { limit: 5 })).rows, []);
      }),
    );

    it(
      'pages through runs of one instant without losing or doubling one, while new ones come in',
      withStore(open, async (store) => {
        const { runs } = await fill(store);
        assert.deepEqual(
          runs.map((run) => run.id),
          runs.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)).map((run) => run.id),
        );
        for (const limit of [1, 5, 23, 24]) {
          const seen: Run[] = [];
          let after: string | undefined;
          do {
            const page = await store.runs.listRuns(TENANT, { until: NOW + 100 }, { limit, after });
            seen.push(...page.rows);
            after = page.next;
            const host = sampleHost();
            await store.hosts.insertHost(host);
            await report(store, host, [createdEvent(sampleId('run'), { at: NOW + 100 })]);
          } while (after !== undefined);
          assert.deepEqual(seen, runs);
        }
        await assert.rejects(
          store.runs.listRuns(TENANT, {}, { limit: 5, after: 'WyJuYW1lIiwieCJd' }),
          refusal('invalid', { field: 'after' }),
        );
      }),
    );

    it(
      'counts runs by state since an instant, and ended ones since ever',
      withStore(open, async (store) => {
        const { runs } = await fill(store);
        const since = NOW + 3;
        const counts = await store.runs.countRunsByState(TENANT, since);
        for (const state of Object.keys(counts) as RunState[]) {
          assert.equal(counts[state], runs.filter((run) => run.state === state && run.createdAt >= since).length, state);
        }
        const totals = await store.runs.listRunTotals(TENANT);
        const ended = runs.filter((run) => run.finishedAt !== undefined);
        assert.equal(
          totals.reduce((sum, row) => sum + row.count, 0),
          ended.length,
        );
        for (const { kind, state, count } of totals) {
          assert.equal(count, ended.filter((run) => run.kind === kind && run.state === state).length);
        }
      }),
    );

    it(
      'lists snapshots by each filter, newest first, data unless globals are asked for',
      withStore(open, async (store) => {
        const host = sampleHost();
        const source = sampleSource(host);
        await store.hosts.insertHost(host);
        await store.sources.insertSource(source);
        const plan = sampleId('plan');
        const repository = sampleId('repository');
        const older = await backUp(store, host, { sources: [source.id], repository, created: { plan } });
        const newer = await backUp(store, host, {
          sources: [source.id],
          state: 'partial',
          made: { createdAt: NOW + 500, fileName: 'shop.dump' },
        });
        await report(store, host, [createdEvent(sampleId('run'))]);
        const third = sampleId('run');
        await report(store, host, [
          createdEvent(third, { sources: [source.id] }),
          startedEvent(third),
          madeEvent(third, source.id, { role: 'globals' }),
        ]);
        const list = async (filter: Parameters<typeof store.snapshots.listSnapshots>[1]) =>
          (await store.snapshots.listSnapshots(TENANT, filter, { limit: 10 })).rows.map((snapshot) => snapshot.run);
        assert.deepEqual(await list({}), [newer.run, older.run]);
        assert.deepEqual(await list({ host: host.id, source: source.id }), [newer.run, older.run]);
        assert.deepEqual(await list({ plan }), [older.run]);
        assert.deepEqual(await list({ repository }), [older.run]);
        assert.deepEqual(await list({ repository, state: 'good' }), [older.run]);
        assert.deepEqual(await list({ state: 'partial' }), [newer.run]);
        assert.deepEqual(await list({ state: 'good' }), [older.run]);
        assert.deepEqual(await list({ role: 'globals' }), [third]);
        const first = await store.snapshots.listSnapshots(TENANT, {}, { limit: 1 });
        assert.deepEqual(
          (await store.snapshots.listSnapshots(TENANT, {}, { limit: 1, after: first.next })).rows.map((row) => row.run),
          [older.run],
        );
        assert.equal(await store.snapshots.countSnapshots(TENANT), 2);
        assert.equal(await store.snapshots.countSnapshots(TENANT, repository), 1);
        const [standing] = await store.standings.listStandings(TENANT, [source.id]);
        assert.deepEqual(
          [standing?.lastGoodAt, standing?.lastGoodBytes, standing?.lastState, standing?.lastRun, standing?.lastAt],
          [NOW + 20, 4096, 'partial', newer.run, NOW + 30],
        );
      }),
    );

    it(
      'lists the audit newest first by action, target and actor, page by page',
      withStore(open, async ({ trail }) => {
        const rows = [0, 1, 2, 3].map((n) =>
          sampleAudit({ at: NOW + Math.floor(n / 2), action: n === 3 ? 'plan.deleted' : 'host.approved' }),
        );
        for (const row of rows) await trail.appendAudit(row);
        await assert.rejects(trail.appendAudit(rows[0] ?? sampleAudit()), refusal('conflict'));
        const newest = rows.toReversed();
        const chained = await trail.listAudit(TENANT, {}, { limit: 10 });
        assert.deepEqual(
          chained.rows.map(({ no }) => no),
          [4, 3, 2, 1],
        );
        const list = async (...[tenant, filter, page]: Parameters<typeof trail.listAudit>) => {
          const found = await trail.listAudit(tenant, filter, page);
          return { ...found, rows: found.rows.map(({ no: _no, hash: _hash, ...row }) => row) };
        };
        assert.deepEqual((await list(TENANT, {}, { limit: 10 })).rows, newest);
        assert.deepEqual((await list(TENANT, { action: 'plan.deleted' }, { limit: 10 })).rows, newest.slice(0, 1));
        assert.deepEqual((await list(TENANT, { target: 'host_2' }, { limit: 10 })).rows, []);
        assert.equal((await list(TENANT, { actor: 'user_1', target: 'host_1' }, { limit: 10 })).rows.length, 4);
        assert.deepEqual((await list(TENANT, { targetName: 'db1', since: NOW + 1 }, { limit: 10 })).rows, newest.slice(0, 2));
        assert.deepEqual((await list(TENANT, { targetName: 'db2' }, { limit: 10 })).rows, []);
        assert.deepEqual((await list(TENANT, { since: NOW, until: NOW + 1 }, { limit: 10 })).rows, newest.slice(2));
        const first = await list(TENANT, {}, { limit: 3 });
        assert.deepEqual((await list(TENANT, {}, { limit: 3, after: first.next })).rows, newest.slice(3));
      }),
    );
  });
}
