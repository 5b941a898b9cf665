import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { addHost, createdEvent, finishedEvent, partEvent, report, startedEvent } from '../../contract/reports.ts';
import { NOW, sampleId, TENANT } from '../../contract/samples.ts';
import { createDrillRows } from '../drills.ts';
import { createLogWriter } from '../logs/logs.ts';
import { openSqliteStore } from '../open.ts';
import { createSql } from '../statements.ts';
import { applyRunFinished } from './apply-ends.ts';
import { createCopyRows } from './copies.ts';
import type { Frame } from './event-frame.ts';
import { createOrderedRemovalRows } from './ordered-removals.ts';
import { createRunRows } from './run-rows.ts';
import { createSnapshotRows } from './snapshots.ts';

const migrationsDir = join(import.meta.dirname, '../../../../../migrations');

/** A store with one host and one source, and a second connection to its file, as another writer of it has. */
async function open(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-transitions-'));
  const path = join(directory, 'holdfast.db');
  const store = await openSqliteStore({ path, migrationsDir, clock: { now: () => NOW }, ballastBytes: 0 });
  const db = new Database(path);
  t.after(async () => {
    db.close();
    await store.close();
    rmSync(directory, { recursive: true });
  });
  const quiet = () => undefined;
  const sql = createSql(db, { onFull: quiet, onFault: quiet, guardWrite: quiet });
  return { store, db, sql, rows: createRunRows(sql), ...(await addHost(store)) };
}

describe('A transition of a run', () => {
  it('changes nothing when the run has moved since it was looked at', async (t) => {
    const { store, sql, rows, host, source } = await open(t);
    const run = sampleId('run');
    await report(store, host, [createdEvent(run, { sources: [source] }), startedEvent(run)]);
    const [head, late] = [rows.findHead(run), rows.findHead(run)];
    assert.ok(head && late);
    const end = { finishedAt: NOW + 50, reportedAt: NOW + 60 };
    assert.equal(rows.finish(head, 'cancelled', end, { state: 'cancelled' }), true);
    assert.equal(rows.finish(late, 'failed', end, { state: 'failed' }), false);
    assert.equal(rows.advance(late, 'finalizing', NOW + 55), false);
    const told: string[] = [];
    const frame: Frame = {
      tenant: TENANT,
      host: host.id,
      receivedAt: NOW + 100,
      rows,
      heads: new Map(),
      snapshots: createSnapshotRows(sql),
      drills: createDrillRows(sql),
      copies: createCopyRows(sql),
      retention: createOrderedRemovalRows(sql),
      logs: createLogWriter(sql)({ tenant: TENANT, host: host.id, receivedAt: NOW + 100 }),
      ownerOf: () => undefined,
      report: (text) => told.push(text),
    };
    assert.equal(applyRunFinished(frame, finishedEvent(run, 'failed'), late), undefined);
    assert.equal((await store.runs.findRun(TENANT, run))?.state, 'cancelled');
    assert.deepEqual(told, []);
  });
});

describe('What a host reports', () => {
  it('changes nothing where it says nothing new, or speaks of what is not in the run', async (t) => {
    const { store, host, source } = await open(t);
    const run = sampleId('run');
    const stage = { type: 'run.stage' as const, run, at: NOW + 12, stage: 'dump' as const, ended: false };
    const failure = { code: 'unavailable', message: 'nobody answers' } as const;
    const attempt = { type: 'run.attempt' as const, run, at: NOW + 13, attempt: 1, failure, retryAt: NOW + 99 };
    await report(store, host, [createdEvent(run, { sources: [source] }), startedEvent(run), attempt]);
    const { through, fresh } = await report(store, host, [attempt, { ...stage, source: sampleId('source') }]);
    assert.deepEqual([through, fresh], [2, []]);
    assert.deepEqual(await store.runs.listStages(TENANT, run), []);
    await report(store, host, [partEvent(run, source, 'failed'), finishedEvent(run, 'failed')]);
    assert.deepEqual((await report(store, host, [{ ...attempt, attempt: 2 }, stage])).fresh.length, 1);
  });

  it('may be nothing at all, in a stream that nobody knows', async (t) => {
    const { store, host } = await open(t);
    assert.deepEqual(await report(store, host, []), { through: 0, fresh: [] });
  });

  it('removes snapshots only in a run that is there to remove them', async (t) => {
    const { store, host, source } = await open(t);
    for (const kind of ['backup', 'forget'] as const) {
      const run = sampleId('run');
      const removed = { engineId: 'a'.repeat(64), why: 'older than the last seven' };
      const { fresh } = await report(store, host, [
        createdEvent(run, { kind, sources: [source] }),
        { type: 'snapshots.removed', run, at: NOW + 20, source, snapshots: [removed] },
      ]);
      assert.equal(fresh.length, 1, `nothing of that name is listed, ${kind}`);
    }
  });
});

describe('A run whose log is gone', () => {
  it('says after how many days, as far as that was noted', async (t) => {
    const { store, db, host } = await open(t);
    const run = sampleId('run');
    await report(store, host, [createdEvent(run), startedEvent(run)]);
    const remove = db.prepare('UPDATE runs SET log_removed_at = ?, log_kept_days = ? WHERE id = ?');
    const look = async () => (await store.runs.findRun(TENANT, run))?.logRemoval;
    assert.equal(await look(), undefined);
    remove.run(NOW, 30, run);
    assert.deepEqual(await look(), { at: NOW, afterDays: 30 });
    remove.run(NOW, null, run);
    assert.deepEqual(await look(), { at: NOW, afterDays: 0 });
  });
});
