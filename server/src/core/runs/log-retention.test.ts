import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import { DEFAULT_TENANT, type HostId, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { findDatabase, openFoundation } from '../../foundation.ts';
import { createDirectory } from '../../hub/directory.ts';
import { createLog } from '../../log.ts';
import { createdEvent, finishedEvent, logEvent, logLine, startedEvent } from '../../store/contract/reports.ts';
import { sampleHost } from '../../store/contract/samples.ts';
import { placeMigrated } from '../../store/sqlite/fixtures/migrated.ts';
import { applyHostEvents } from '../ingest.ts';
import type { LiveEvent } from '../ports.ts';
import { removeOldLogs } from './log-retention.ts';

const DAY = 24 * 3_600_000;
const START = Date.UTC(2026, 10, 20, 9);
const MIB = 1024 * 1024;

async function openRig(t: TestContext, hostDayMib = 1) {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-log-retention-'));
  const clock = createFixedClock(START);
  const log = createLog({ level: 'error', clock });
  const opening = {
    dataDir,
    baseUrl: 'http://127.0.0.1',
    log,
    access: 'alone' as const,
    clock,
    createDirectory,
    ballastBytes: 0,
  };
  await placeMigrated(findDatabase(dataDir));
  const context = await openFoundation({ ...opening, hostDayLogBytes: hostDayMib * MIB });
  t.after(async () => {
    await context.store.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const published: LiveEvent[] = [];
  context.bus.subscribe(DEFAULT_TENANT, (event) => published.push(event));
  const host = sampleHost();
  await context.store.hosts.insertHost(host);
  let seq = 0;
  const tell = (...events: DurableEvent[]) => {
    const frame = events.map((event) => {
      seq += 1;
      return { seq, event };
    });
    return applyHostEvents(context, host, 'epoch-logs', frame);
  };
  const begin = async (): Promise<RunId> => {
    const run = context.createId('run');
    await tell(createdEvent(run, { kind: 'restore' }), startedEvent(run));
    return run;
  };
  /** Lines that do not compress, so that a log is as many bytes as it says. */
  const flood = (run: RunId, from: number, count: number) =>
    logEvent(
      run,
      Array.from({ length: count }, (_, i) =>
        logLine(from + i, Buffer.from(context.crypto.randomBytes(3000)).toString('base64')),
      ),
    );
  const listHappenings = async (id: HostId = host.id) =>
    (await context.store.trail.listHappenings(DEFAULT_TENANT, id, 100)).map(({ type, level, text }) => ({ type, level, text }));
  return { context, clock, published, host, tell, begin, flood, listHappenings };
}

describe('A host that reaches its limit of a day', () => {
  it('has its events acknowledged, its pages counted again, and one line in its history', async (t) => {
    const rig = await openRig(t);
    const run = await rig.begin();
    assert.equal(await rig.tell(rig.flood(run, 1, 300)), 3);
    rig.published.length = 0;
    assert.equal(await rig.tell(rig.flood(run, 301, 10)), 4);
    assert.ok(rig.published.some((event) => event.kind === 'refresh' && event.topic === `run:${run}`));
    assert.ok(!rig.published.some((event) => event.kind === 'log'), 'what is not kept is not shown either');
    const told = (await rig.listHappenings()).filter(({ type }) => type === 'host.log_limit');
    assert.equal(told.length, 1);
    assert.equal(told[0]?.level, 'warn');
    assert.match(told[0]?.text ?? '', /^its logs of 2026-11-20 reached the limit of 1 MiB; /);
    assert.equal(await rig.tell(finishedEvent(run, 'succeeded', { logLines: 310 })), 5, 'results come through');
    assert.equal((await rig.context.store.runs.findRun(DEFAULT_TENANT, run))?.state, 'succeeded');
  });
});

describe('The removal of old logs', () => {
  it('takes what is past its days, in steps that leave the event loop free', async (t) => {
    const rig = await openRig(t, 64);
    const runs: RunId[] = [];
    for (let n = 0; n < 4; n += 1) {
      const run = await rig.begin();
      for (let from = 1; from <= 1100; from += 50) await rig.tell(rig.flood(run, from, 50));
      await rig.tell(finishedEvent(run, 'succeeded', { logLines: 1100 }));
    }
    for (let day = 0; day < 6; day += 1) {
      for (let n = 0; n < 10; n += 1) {
        const run = await rig.begin();
        await rig.tell(rig.flood(run, 1, 20), finishedEvent(run, 'succeeded', { logLines: 20 }));
        runs.push(run);
      }
      rig.clock.advance(DAY);
    }
    // In the thread's own time: a busy machine makes every turn long, and says nothing about this one.
    const readMs = () => {
      const { user, system } = process.threadCpuUsage();
      return (user + system) / 1000;
    };
    const turns: number[] = [];
    let isOver = false;
    const measure = (last: number): void => {
      turns.push(readMs() - last);
      if (!isOver) setImmediate(measure, readMs());
    };
    setImmediate(measure, readMs());
    const gone = await removeOldLogs(rig.context, 3);
    isOver = true;
    turns.sort((a, b) => a - b);
    t.diagnostic(`${turns.length} turns, the longest ${turns.at(-1)?.toFixed(1)} ms`);
    assert.equal(gone, 4 + 30, 'three of six days are kept, to the millisecond');
    assert.ok(turns.length >= 5, 'a log of four megabytes alone takes more than one step');
    // Twice what a turn may take: a machine whose processors are slow for an hour is no reason to fail.
    assert.ok((turns[Math.floor(turns.length * 0.9)] ?? 0) < 40);
    const sizes = await Promise.all(
      runs.map(async (run) => (await rig.context.store.logs.readLog(DEFAULT_TENANT, run, { after: 0, limit: 100 })).length),
    );
    assert.deepEqual(sizes, [...Array<number>(30).fill(1), ...Array<number>(30).fill(20)]);
    assert.equal(await removeOldLogs(rig.context, 3), 0);
    const { storedBytes, removedBytes } = await rig.context.store.logs.getLogTotals(DEFAULT_TENANT);
    const kept = storedBytes - removedBytes;
    assert.ok(kept > 30 * 20 * 4000 && kept < 30 * 20 * 4100, `${kept} bytes`);
  });
});
