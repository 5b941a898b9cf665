import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import Database from 'better-sqlite3';
import { logLine } from '../../contract/reports.ts';
import { NOW, sampleHost, sampleId, TENANT } from '../../contract/samples.ts';
import { migrate, readMigrations } from '../file/migrations.ts';
import { openSqliteStore } from '../open.ts';
import { encodeLine, packLines } from './log-chunks.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-log-migration-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

/** The schema before logs were bounded by host and day. */
const BEFORE = '0008';

it('a log that was cut before still says what is missing, and takes no line where it was cut', async () => {
  const old = join(directory, 'migrations');
  mkdirSync(old);
  for (const file of readdirSync(migrationsDir).filter((name) => name < BEFORE))
    cpSync(join(migrationsDir, file), join(old, file));
  const path = join(directory, 'old.db');
  const db = new Database(path);
  migrate(db, readMigrations(old), { path, now: () => NOW });
  const run = sampleId('run');
  const host = sampleHost();
  db.prepare(
    `INSERT INTO runs (id, tenant_id, host_id, kind, cause, state, repository_id, created_at, received_at, bytes, evidence, facets,
       log_lines, log_last_n, log_bytes, log_left_out, log_left_out_at)
     VALUES (?, ?, ?, 'backup', 'manual', 'running', ?, ?, ?, 0, '[]', 0, 40, 40, 123, 38, ?)`,
  ).run(run, TENANT, host.id, sampleId('repository'), NOW, NOW, NOW + 5);
  db.prepare(
    `INSERT INTO run_logs (run_id, first_n, last_n, tenant_id, lines, raw_bytes, packed, body) VALUES (?, 1, 2, ?, 2, 123, 1, ?)`,
  ).run(run, TENANT, packLines([encodeLine(logLine(1)), encodeLine(logLine(2))]));
  db.close();

  const store = await openSqliteStore({ path, migrationsDir, clock: { now: () => NOW }, ballastBytes: 0 });
  await store.hosts.insertHost(host);
  const text = '… 38 lines left out: the log of this run is above 5 MiB';
  const marker = { n: 3, at: NOW + 5, level: 'warn', text };
  assert.deepEqual(await store.logs.readLog(TENANT, run, { after: 0, limit: 10 }), [logLine(1), logLine(2), marker]);
  assert.deepEqual(await store.logs.getLogTotals(TENANT), { storedBytes: 123, droppedBytes: 0, removedBytes: 0 });
  const event = { type: 'run.log' as const, run, at: NOW, lines: [logLine(41)] };
  const applied = await store.events.applyEvents(TENANT, host.id, 'epoch-old', [{ seq: 1, event }], NOW);
  assert.deepEqual(applied, { through: 1, fresh: [], logLoss: { runs: [run], reached: undefined } });
  assert.equal((await store.runs.findRun(TENANT, run))?.logLinesLeftOut, 39);
  await store.close();
});
