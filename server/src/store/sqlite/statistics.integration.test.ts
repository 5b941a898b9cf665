import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import Database from 'better-sqlite3';
import type { Caller } from '../../core/caller.ts';
import { createFleetKeeper } from '../../core/fleet/keeper.ts';
import { compileStatistics, type Statistics } from '../../core/fleet/statistics.ts';
import type { CoreContext } from '../../core/ports.ts';
import { listNextFires } from '../../fires/fires.ts';
import { createdEvent, finishedEvent, madeEvent, partEvent, report, startedEvent } from '../contract/reports.ts';
import { NOW, sampleHost, sampleId, samplePlan, sampleRepository, sampleSource, TENANT } from '../contract/samples.ts';
import type { Store } from '../store.ts';
import { numberOf } from './id-numbers.ts';
import { openSqliteStore } from './open.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../../migrations');
const CALLER: Caller = { actor: { kind: 'system', id: 'test', name: 'test' }, tenant: TENANT, role: 'viewer' };
const KINDS = ['postgres', 'files', 'mysql'];
const SOURCES = 9;
/** Never backed up, and switched off. */
const [BARE, OFF] = [7, 8];
const SPAN = { from: NOW - 5 * DAY_MS + 12_345, to: NOW + 1, limit: 4 };

let folder: string;
let store: Store;
let context: CoreContext;
let db: Database.Database;
let told: Statistics;

/** Ten days of backups: of each source one a day, unless it stopped long ago; some fail, some end partial, no two take the same time. */
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-statistics-'));
  const path = join(folder, 'holdfast.db');
  const clock = createFixedClock(NOW);
  store = await openSqliteStore({ path, migrationsDir: MIGRATIONS, clock, ballastBytes: 0 });
  const directory = { isOnline: () => true, listOnline: () => [] };
  const parts = { store, clock, directory, listFires: listNextFires } as unknown as CoreContext;
  context = { ...parts, fleet: createFleetKeeper(parts) };
  const [host, repository] = [sampleHost(), sampleRepository()];
  await store.hosts.insertHost(host);
  await store.repositories.insertRepository(repository);
  const sources = Array.from({ length: SOURCES }, (_, n) =>
    sampleSource(host, { kind: KINDS[n % KINDS.length] ?? 'files', enabled: n !== OFF }),
  );
  for (const source of sources) await store.sources.insertSource(source);
  const plan = samplePlan(repository, sources);
  await store.plans.insertPlan(plan);
  for (let day = 10; day >= 0; day -= 1)
    for (const [n, source] of sources.entries()) {
      if (n === BARE || (n === OFF && day < 9) || (n < 3 && day < n + 2)) continue;
      const run = sampleId('run');
      const at = NOW - day * DAY_MS - n * 1000;
      const state = (n + day) % 5 === 0 ? 'failed' : (n + day) % 7 === 0 ? 'partial' : 'succeeded';
      const made = madeEvent(run, source.id, { createdAt: at, sizeBytes: 1000 * (n + 1) + day });
      await report(store, host, [
        createdEvent(run, { at, plan: plan.id, repository: repository.id, sources: [source.id] }),
        startedEvent(run, at),
        ...(state === 'failed' ? [] : [made]),
        partEvent(run, source.id, state, at),
        finishedEvent(run, state, { at, durationMs: ((n * 37 + day * 101) % 997) * 10 + n }),
      ]);
    }
  db = new Database(path, { readonly: true });
  told = await compileStatistics(context, CALLER, SPAN);
});
after(async () => {
  db.close();
  await store.close();
  await rm(folder, { recursive: true });
});

const byText = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort();

describe('Statistics', () => {
  it('count the runs of a time, and of each of its days, as a count of all runs does', () => {
    const within = `FROM runs WHERE tenant_no = ${numberOf('?')} AND created_at >= ? AND created_at < ?`;
    const whole = db.prepare(`SELECT kind, state, count(*) AS count ${within} GROUP BY 1, 2`).all(TENANT, SPAN.from, SPAN.to);
    assert.equal(whole.length, 3);
    assert.deepEqual(byText(told.runs), byText(whole as object[]));
    const [first, end] = [Math.floor(SPAN.from / DAY_MS) * DAY_MS, Math.ceil(SPAN.to / DAY_MS) * DAY_MS];
    const days = db
      .prepare(
        `SELECT created_at / ${DAY_MS} AS day, kind, state, count(*) AS count, sum(bytes) AS bytes ${within} GROUP BY 1, 2, 3`,
      )
      .all(TENANT, first, end);
    assert.ok(days.length > 10);
    assert.deepEqual(byText(told.days), byText(days as object[]));
    const [ended, succeeded] = ['1', `state = 'succeeded'`].map(
      (what) => (db.prepare(`SELECT sum(${what}) AS n ${within}`).get(TENANT, SPAN.from, SPAN.to) as { n: number }).n,
    );
    assert.deepEqual(told.success, [{ kind: 'backup', ended, succeeded, rate: Number(succeeded) / Number(ended) }]);
  });

  it('sum what was read and what was added, in all, day by day and by repository, as reading every row does', () => {
    const within = `WHERE tenant_no = ${numberOf('?')} AND created_at >= ? AND created_at < ?`;
    const sum = (text: string, ...of: readonly number[]) => db.prepare(text).all(TENANT, ...of) as { [name: string]: number }[];
    const read = sum(`SELECT sum(bytes) AS bytes FROM runs ${within}`, SPAN.from, SPAN.to)[0];
    const added = 'count(*) AS snapshots, sum(added_bytes) AS addedBytes FROM snapshots';
    const whole = sum(`SELECT ${added} ${within}`, SPAN.from, SPAN.to)[0];
    const { most, ...moved } = told.moved;
    assert.ok(whole?.['snapshots'] !== undefined && whole['snapshots'] > 20);
    assert.deepEqual(moved, { readBytes: read?.['bytes'], ...whole, repositories: 1 });
    assert.deepEqual(
      most.map(({ repository: _id, name, ...one }) => [name !== undefined, one]),
      [[true, { ...whole }]],
    );
    const [first, end] = [Math.floor(SPAN.from / DAY_MS) * DAY_MS, Math.ceil(SPAN.to / DAY_MS) * DAY_MS];
    const days = sum(`SELECT created_at / ${DAY_MS} AS day, ${added} ${within} GROUP BY 1 ORDER BY 1`, first, end);
    assert.deepEqual(
      told.addedDays,
      days.map((day) => ({ ...day })),
    );
  });

  it('name the backups that took longest', () => {
    const slowest = db
      .prepare(
        `SELECT id FROM runs WHERE tenant_no = ${numberOf('?')} AND kind = 'backup' AND created_at >= ? AND created_at < ?
         ORDER BY duration_ms DESC LIMIT ?`,
      )
      .all(TENANT, SPAN.from, SPAN.to, SPAN.limit) as { id: string }[];
    assert.equal(slowest.length, SPAN.limit);
    assert.deepEqual(
      told.slowest.map(({ id }) => id),
      slowest.map(({ id }) => id),
    );
  });

  it('sum the newest clean backups by kind of source, and name what has none of the last day', async () => {
    const newest = `SELECT s.id, s.kind, s.enabled, g.at, g.size FROM sources s LEFT JOIN id_numbers n ON n.id = s.id
      LEFT JOIN (SELECT source_no, max(created_at) AS at, size_bytes AS size FROM snapshots
        WHERE state = 'good' AND role = 'data' GROUP BY source_no) g ON g.source_no = n.no WHERE s.tenant_id = @tenant`;
    const kinds = db
      .prepare(
        `SELECT kind, count(*) AS sources, count(at) AS backedUp, coalesce(sum(size), 0) AS sizeBytes FROM (${newest}) GROUP BY kind`,
      )
      .all({ tenant: TENANT });
    assert.deepEqual(byText(told.sourceKinds), byText(kinds as object[]));
    const stale = db
      .prepare(`SELECT id, at FROM (${newest}) WHERE enabled = 1 AND (at IS NULL OR at < @since) ORDER BY coalesce(at, -1)`)
      .all({ tenant: TENANT, since: NOW - DAY_MS }) as { id: string; at: number | null }[];
    assert.ok(stale.length >= 4 && stale[0]?.at === null);
    const whole = await compileStatistics(context, CALLER, { ...SPAN, limit: 100 });
    assert.deepEqual(
      whole.stale.sources.map(({ id, lastGoodAt = null }) => [id, lastGoodAt]),
      stale.map(({ id, at }) => [id, at]),
    );
    assert.deepEqual([told.stale.total, told.stale.sources.length], [stale.length, SPAN.limit]);
    assert.ok(!whole.stale.sources.some(({ lastGoodAt = 0 }) => NOW - lastGoodAt <= DAY_MS));
  });
});
