import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import Database from 'better-sqlite3';
import { createdEvent, finishedEvent, logEvent, logLine, startedEvent } from '../../contract/reports.ts';
import { NOW, refusal, sampleHost, sampleId, sampleOrder, sampleSource, sequence, TENANT } from '../../contract/samples.ts';
import { openSqliteStore } from '../open.ts';
import { CHUNK_BYTES } from './log-chunks.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-logs-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

interface ChunkRow {
  first_n: number;
  last_n: number;
  lines: number;
  raw_bytes: number;
  packed: number;
  stored: number;
}

describe('logs in SQLite', () => {
  it('are packed into few compressed chunks of bounded size while they grow, and wholly when the run ends', async () => {
    const path = join(directory, 'packed.db');
    const store = await openSqliteStore({ path, migrationsDir, clock: { now: () => NOW }, ballastBytes: 0 });
    const host = sampleHost();
    const run = sampleId('run');
    await store.hosts.insertHost(host);
    const db = new Database(path, { readonly: true });
    const listChunks = () =>
      db
        .prepare('SELECT first_n, last_n, lines, raw_bytes, packed, length(body) AS stored FROM run_logs ORDER BY first_n')
        .all() as ChunkRow[];
    let seq = 1;
    let n = 1;
    const say = async (event: Parameters<typeof sequence>[0][number]) => {
      await store.events.applyEvents(TENANT, host.id, 'epoch-pack', sequence([event], seq), NOW);
      seq += 1;
    };
    await say(createdEvent(run));
    await say(startedEvent(run));
    for (let batch = 0; batch < 120; batch += 1) {
      const lines = Array.from({ length: 100 }, (_, i) => logLine(n + i, `dumping contents of table "public.orders_${n + i}"`));
      n += 100;
      await say(logEvent(run, lines));
    }
    const growing = listChunks();
    assert.ok(growing.filter((chunk) => chunk.packed === 1).length >= 2);
    await say(finishedEvent(run, 'failed'));
    const ended = listChunks();
    const raw = ended.reduce((sum, chunk) => sum + chunk.raw_bytes, 0);
    assert.ok(ended.length <= Math.ceil(raw / (CHUNK_BYTES / 2)), `${ended.length} chunks for ${raw} bytes`);
    assert.ok(ended.every((chunk) => chunk.packed === 1 && chunk.raw_bytes <= CHUNK_BYTES));
    assert.ok(ended.reduce((sum, chunk) => sum + chunk.stored, 0) < raw / 5);
    assert.deepEqual(
      ended.map((chunk) => [chunk.first_n, chunk.lines]),
      ended.map((chunk, i) => [i === 0 ? 1 : (ended[i - 1]?.last_n ?? 0) + 1, chunk.last_n - chunk.first_n + 1]),
    );
    db.close();
    assert.equal((await store.logs.readLog(TENANT, run, { after: 0, limit: 100_000 })).length, n - 1);
    const writer = new Database(path);
    writer.prepare("UPDATE run_logs SET body = x'28b52ffd00'").run();
    writer.close();
    await assert.rejects(store.logs.readLog(TENANT, run, { after: 0, limit: 5 }), refusal('integrity'));
    await store.close();
  });
});

describe('reports in SQLite', () => {
  it('tell what was left out, and leave no sealed secret of a settled order in the file', async () => {
    const path = join(directory, 'odd.db');
    const oddities: string[] = [];
    const store = await openSqliteStore({
      path,
      migrationsDir,
      clock: { now: () => NOW },
      ballastBytes: 0,
      onOddity: (text) => oddities.push(text),
    });
    const [host, other] = [sampleHost(), sampleHost()];
    await store.hosts.insertHost(host);
    await store.hosts.insertHost(other);
    const foreign = sampleSource(other);
    await store.sources.insertSource(foreign);
    const unknown = sampleId('run');
    const run = sampleId('run');
    const events = sequence([startedEvent(unknown), createdEvent(run, { sources: [foreign.id] })]);
    await store.events.applyEvents(TENANT, host.id, 'epoch-odd', events, NOW);
    await store.events.applyEvents(TENANT, host.id, 'epoch-odd', events, NOW);
    assert.deepEqual(oddities, [
      `host ${host.id}: run.started about run ${unknown}, which nobody created`,
      `host ${host.id}: run ${run} names source ${foreign.id}, which is not this host's`,
    ]);
    const order = sampleOrder({ id: run, tenant: TENANT, host: host.id });
    await store.orders.insertOrder(order);
    await store.orders.settleOrder(order.id, 'answered');
    const db = new Database(path, { readonly: true });
    assert.deepEqual(db.prepare('SELECT state, body FROM orders').all(), [{ state: 'answered', body: '' }]);
    db.close();
    await store.close();
  });
});
