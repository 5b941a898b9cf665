import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import Database from 'better-sqlite3';
import { createdEvent, finishedEvent, logEvent, startedEvent } from '../../contract/reports.ts';
import { NOW, sampleHost, sampleId, sequence, TENANT } from '../../contract/samples.ts';
import type { Host } from '../../hosts.ts';
import { openSqliteStore } from '../open.ts';

// In memory where there is a place for it: what is measured is size, and a disk would only make it slow.
const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-log-growth-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

const DAY = 24 * 3_600_000;
const HOSTS = 200;
const DAYS = 30;
const KEEP_DAYS = 7;
const HOST_DAY_BYTES = 64 * 1024;
/** Above its limit a host's day still takes errors and last lines. */
const HOST_DAY_MOST = (HOST_DAY_BYTES * 9) / 8;
/** A run with its stages and the indexes over it, and what a chunk has besides its lines. */
const ROW_BYTES = 4096;

/** Lines that hardly compress, as the worst tool writes them. */
const noise = randomBytes(3 * 1024 * 1024).toString('base64');

function* tellDay(run: RunId, day: number, at: number, lines: number): Generator<DurableEvent> {
  yield createdEvent(run, { at, kind: 'restore' });
  yield startedEvent(run, at);
  for (let from = 1; from <= lines; from += 50) {
    const batch = Array.from({ length: Math.min(50, lines - from + 1) }, (_, i) => {
      const start = ((day * 7919 + (from + i) * 1009) * 13) % (noise.length - 1024);
      return { n: from + i, at, level: 'info' as const, text: noise.slice(start, start + 1000) };
    });
    yield logEvent(run, batch);
  }
  yield finishedEvent(run, day % 5 === 0 ? 'failed' : 'succeeded', { at, logLines: lines });
}

describe('The database over thirty days of two hundred hosts', () => {
  it('holds no more log than its days and limits let, and gives the room of old logs to new ones', async (t) => {
    const path = join(directory, 'growth.db');
    const options = { path, migrationsDir, clock: { now: () => NOW }, ballastBytes: 0, hostDayLogBytes: HOST_DAY_BYTES };
    const store = await openSqliteStore(options);
    const look = new Database(path, { readonly: true });
    const measure = () =>
      look
        .prepare(
          `SELECT (SELECT coalesce(sum(raw_bytes), 0) FROM run_logs) + (SELECT coalesce(sum(raw_bytes), 0) FROM run_log_tails) AS bytes,
             (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM run_log_gaps) AS gaps,
             (SELECT count(*) FROM host_log_days) AS days`,
        )
        .get() as { bytes: number; runs: number; gaps: number; days: number };
    const fileBytes = () =>
      Number(look.pragma('page_count', { simple: true })) * Number(look.pragma('page_size', { simple: true }));
    const hosts: Host[] = Array.from({ length: HOSTS }, () => sampleHost());
    for (const host of hosts) await store.hosts.insertHost(host);
    const seqs = new Map<Host, number>();
    const sizes: number[] = [];
    let most = 0;
    for (let day = 0; day < DAYS; day += 1) {
      const at = NOW + day * DAY;
      for (const [index, host] of hosts.entries()) {
        // Nine hosts in ten are quiet; the tenth writes twice what a host may on a day.
        const lines = index % 10 === 0 ? 130 : 6;
        const events = [...tellDay(sampleId('run'), day, at, lines)];
        const first = seqs.get(host) ?? 1;
        const applied = await store.events.applyEvents(TENANT, host.id, 'epoch-grow', sequence(events, first), at);
        assert.equal(applied.through, first + events.length - 1, 'everything is acknowledged');
        seqs.set(host, first + events.length);
      }
      for (let more = true; more; ) more = (await store.logs.removeOldLogs(KEEP_DAYS, at + 1)).hasMore;
      const now = measure();
      most = Math.max(most, now.bytes);
      assert.ok(now.bytes <= KEEP_DAYS * HOSTS * HOST_DAY_MOST, `day ${day}: ${now.bytes} bytes of log`);
      sizes.push(fileBytes());
    }
    const end = measure();
    assert.equal(end.runs, HOSTS * DAYS, 'every run stays');
    assert.equal(end.gaps, (HOSTS / 10) * KEEP_DAYS, 'gaps leave with their logs');
    assert.ok(end.days <= HOSTS * 4, `${end.days} counts of days`);
    const [steady, last] = [sizes[KEEP_DAYS + 1] ?? 0, sizes.at(-1) ?? 0];
    const grown = (last - steady) / (HOSTS * (DAYS - KEEP_DAYS - 2));
    t.diagnostic(`at most ${(most / 1e6).toFixed(1)} MB of log; the file grew by ${Math.round(grown)} bytes a run once full`);
    assert.ok(grown < ROW_BYTES, `${grown} bytes a run: more than the run itself`);
    const { storedBytes, removedBytes, droppedBytes } = await store.logs.getLogTotals(TENANT);
    assert.ok(storedBytes - removedBytes === end.bytes && droppedBytes > 0);
    look.close();
    await store.close();
  });
});
