import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import Database from 'better-sqlite3';
import { writeBackupLog } from '../../contract/real-logs.ts';
import { createdEvent, finishedEvent, logEvent, startedEvent } from '../../contract/reports.ts';
import { NOW, refusal, sampleHost, sampleId, sequence, TENANT } from '../../contract/samples.ts';
import type { Store } from '../../store.ts';
import { openSqliteStore } from '../open.ts';

// In memory where there is a place for it: what is asked here does not depend on the disk.
const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-log-blocks-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

const DAY = 24 * 3_600_000;
const RUNS = 800;
const TURN_MS = 20;

const openAt = (path: string): Promise<Store> =>
  openSqliteStore({ path, migrationsDir, clock: { now: () => NOW }, ballastBytes: 0 });

async function fill(name: string, count: number) {
  const path = join(directory, name);
  const store = await openAt(path);
  const host = sampleHost();
  await store.hosts.insertHost(host);
  const logs = new Map<RunId, LogLine[]>();
  for (let index = 0; index < count; index += 1)
    logs.set(sampleId('run'), writeBackupLog(index, index % 100, NOW + index * 60_000));
  const events = [...logs].flatMap(([run, lines]) => [
    createdEvent(run, { kind: 'restore' }),
    startedEvent(run),
    logEvent(run, lines),
    finishedEvent(run, 'failed', { logLines: lines.length }),
  ]);
  // The last run is heard of two days later, so that no log before it waits for others.
  const tell = (from: number, until: number, receivedAt: number) =>
    store.events.applyEvents(TENANT, host.id, 'epoch', sequence(events.slice(from, until), from + 1), receivedAt);
  const late = events.length - 4;
  for (let from = 0; from < late; from += 200) await tell(from, Math.min(late, from + 200), NOW);
  await tell(late, events.length, NOW + 2 * DAY);
  return { path, store, logs };
}

/** Pages of the file that hold logs, and the raw bytes of their lines. */
function weigh(path: string): { stored: number; raw: number; blocks: number } {
  const db = new Database(path, { readonly: true });
  const row = db
    .prepare(
      `SELECT (SELECT sum(pgsize) FROM dbstat WHERE name GLOB '*run_log*' OR name GLOB 'log_blocks*') AS stored,
         (SELECT sum(log_bytes) FROM runs) AS raw, (SELECT count(*) FROM log_blocks) AS blocks`,
    )
    .get() as { stored: number; raw: number; blocks: number };
  db.close();
  return row;
}

async function checkAll(store: Store, logs: ReadonlyMap<RunId, LogLine[]>): Promise<void> {
  for (const [run, lines] of logs) assert.deepEqual(await store.logs.readLog(TENANT, run, { after: 0, limit: 100 }), lines);
}

describe('Blocks of short logs', () => {
  it('take less than a seventh of what the lines do, in short steps, and leave with the last of their logs', async (t) => {
    const { path, store, logs } = await fill('size.db', RUNS);
    const before = weigh(path);
    const turns: number[] = [];
    for (let more = true; more; ) {
      const started = process.threadCpuUsage();
      more = (await store.logs.gatherLogs()).hasMore;
      const { user, system } = process.threadCpuUsage(started);
      turns.push((user + system) / 1000);
    }
    const { stored, raw, blocks } = weigh(path);
    turns.sort((a, b) => a - b);
    const said = `${raw / RUNS} bytes a run, ${((before.stored / raw) * 100).toFixed(1)} % before, ${((stored / raw) * 100).toFixed(1)} % in ${blocks} blocks`;
    t.diagnostic(`${said}; steps of ${turns.map((ms) => ms.toFixed(1)).join(', ')} ms`);
    assert.ok(stored < raw * 0.15, said);
    assert.ok((turns[Math.floor(turns.length / 2)] ?? 0) < TURN_MS);
    await checkAll(store, logs);
    for (let more = true; more; ) more = (await store.logs.removeOldLogs(90, NOW + 93 * DAY)).hasMore;
    assert.equal(weigh(path).blocks, 0);
    await store.close();
  });

  it('are there whole or not at all: one that breaks off in its middle leaves every log where it was', async () => {
    const { path, store, logs } = await fill('broken.db', 150);
    const last = [...logs.keys()].at(60);
    const saboteur = new Database(path);
    saboteur.exec(
      `CREATE TRIGGER broken BEFORE DELETE ON run_logs WHEN old.run_id = '${last}' BEGIN SELECT RAISE(ABORT, 'gone'); END`,
    );
    await assert.rejects(store.logs.gatherLogs());
    assert.equal(weigh(path).blocks, 0);
    assert.deepEqual(saboteur.prepare('SELECT count(*) AS n FROM run_logs').get(), { n: 150 });
    await checkAll(store, logs);
    saboteur.exec('DROP TRIGGER broken');
    const damaged = [...logs.keys()].at(3);
    saboteur.prepare("UPDATE run_logs SET body = x'28b52ffd00' WHERE run_id = ?").run(damaged);
    await store.close();
    const again = await openAt(path);
    assert.ok((await again.logs.gatherLogs()).gathered > 80);
    assert.ok(damaged);
    await assert.rejects(again.logs.readLog(TENANT, damaged, { after: 0, limit: 5 }), refusal('integrity'));
    logs.delete(damaged);
    await checkAll(again, logs);
    saboteur.exec("UPDATE log_blocks SET body = x'28b52ffd00'");
    const [first] = logs.keys();
    assert.ok(first);
    await assert.rejects(again.logs.readLog(TENANT, first, { after: 0, limit: 5 }), refusal('integrity'));
    saboteur.close();
    await again.close();
  });
});
