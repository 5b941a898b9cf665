import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { HostId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLevel } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { createdEvent, finishedEvent, logEvent, logLine, startedEvent } from '../../contract/reports.ts';
import { sampleHost, sampleId, sequence, TENANT } from '../../contract/samples.ts';
import type { AppliedEvents } from '../../events.ts';
import type { Store } from '../../store.ts';
import { openSqliteStore } from '../open.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-log-bounds-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

const KIB = 1024;
const LIMIT = 1024 * KIB;
const EVENING = Date.UTC(2026, 10, 20, 22);
const NEXT_DAY = Date.UTC(2026, 10, 21, 1);
const DAY_TEXT =
  /^… the log of this host for (2026-11-2\d) reached its limit of [12] MiB; (\d+) lines? of this run w(?:as|ere) not kept$/;

let opened = 0;

async function openWorld(limit = LIMIT) {
  opened += 1;
  const path = join(directory, `${opened}.db`);
  const open = () =>
    openSqliteStore({ path, migrationsDir, clock: { now: () => EVENING }, ballastBytes: 0, hostDayLogBytes: limit });
  let store = await open();
  const seqs = new Map<HostId, number>();
  const world = {
    get store(): Store {
      return store;
    },
    async addHost(): Promise<HostId> {
      const host = sampleHost();
      await store.hosts.insertHost(host);
      return host.id;
    },
    async say(host: HostId, at: number, ...events: DurableEvent[]): Promise<AppliedEvents> {
      const seq = (seqs.get(host) ?? 0) + 1;
      seqs.set(host, seq + events.length - 1);
      return store.events.applyEvents(TENANT, host, 'epoch-day', sequence(events, seq), at);
    },
    async begin(host: HostId, at = EVENING): Promise<RunId> {
      const run = sampleId('run');
      await world.say(host, at, createdEvent(run), startedEvent(run));
      return run;
    },
    /** `count` lines of one KiB and a little. */
    lines: (from: number, count: number, level: LogLevel = 'info') =>
      Array.from({ length: count }, (_, i) => logLine(from + i, `${from + i} `.padEnd(KIB, 'x'), level)),
    read: (run: RunId) => store.logs.readLog(TENANT, run, { after: 0, limit: 1_000_000 }),
    async reopen() {
      await store.close();
      store = await open();
    },
  };
  return world;
}

describe('The logs of a host on one day', () => {
  it('stop at the limit over all its runs, acknowledged and counted, and leave other hosts alone', async () => {
    const world = await openWorld();
    const [loud, quiet] = [await world.addHost(), await world.addHost()];
    const [first, second, other] = [await world.begin(loud), await world.begin(loud), await world.begin(quiet)];
    await world.say(loud, EVENING, logEvent(first, world.lines(1, 600)));
    const cut = await world.say(loud, EVENING, logEvent(second, world.lines(1, 600)));
    assert.equal(cut.through, 6, 'what is left out is acknowledged');
    assert.deepEqual(cut.logLoss, { runs: [second], reached: { day: '2026-11-20', limitBytes: LIMIT } });
    const kept = cut.fresh.flatMap(({ event }) => (event.type === 'run.log' ? event.lines : []));
    const dropped = 600 - kept.length;
    assert.ok(dropped > 150 && kept.length > 350);

    const more = await world.say(loud, EVENING, logEvent(second, [logLine(601, 'small')]));
    assert.deepEqual(more.logLoss, { runs: [second], reached: undefined }, 'the news is told once a day');
    const marker = (await world.read(second)).at(-1);
    assert.deepEqual(DAY_TEXT.exec(marker?.text ?? '')?.slice(1), ['2026-11-20', String(dropped + 1)]);
    assert.deepEqual([marker?.n, marker?.level], [kept.length + 1, 'warn']);
    assert.equal((await world.store.runs.findRun(TENANT, second))?.logLinesLeftOut, dropped + 1);
    assert.equal((await world.store.runs.findRun(TENANT, first))?.logLinesLeftOut, undefined);

    const apart = await world.say(quiet, EVENING, logEvent(other, world.lines(1, 100)));
    assert.equal(apart.logLoss, undefined);
    assert.equal((await world.read(other)).length, 100);
    await world.store.close();
  });

  it('are counted in the store: neither a restart nor a repeat gives room again, the next day does', async () => {
    const world = await openWorld();
    const host = await world.addHost();
    const run = await world.begin(host);
    await world.say(host, EVENING, logEvent(run, world.lines(1, 1200)));
    const before = await world.read(run);
    await world.reopen();
    await world.say(host, EVENING, logEvent(run, [logLine(1201, 'after the restart')]));
    assert.equal((await world.read(run)).length, before.length, 'only the mark grew');
    await world.say(host, EVENING, logEvent(run, world.lines(1, 1200)));
    assert.equal((await world.store.runs.findRun(TENANT, run))?.logLinesLeftOut, 1201 - (before.length - 1));

    await world.say(host, NEXT_DAY, logEvent(run, world.lines(1202, 50)));
    await world.say(host, NEXT_DAY, logEvent(run, world.lines(1252, 1200)));
    const lines = await world.read(run);
    const marks = lines.map((line) => DAY_TEXT.exec(line.text)).filter((found) => found !== null);
    assert.deepEqual(
      marks.map((found) => found[1]),
      ['2026-11-20', '2026-11-21'],
    );
    const missing = marks.reduce((sum, found) => sum + Number(found[2]), 0);
    assert.equal(lines.length - marks.length + missing, 2451, 'every line is there or counted');
    assert.deepEqual(
      lines.map((line) => line.n),
      lines.map((line) => line.n).sort((a, b) => a - b),
    );
    await world.store.close();
  });

  it('still take errors, up to an eighth more, and the last lines of a run that fails', async () => {
    const world = await openWorld(2 * LIMIT);
    const host = await world.addHost();
    const run = await world.begin(host);
    await world.say(host, EVENING, logEvent(run, world.lines(1, 2200)));
    await world.say(host, EVENING, logEvent(run, world.lines(2201, 50, 'error')), logEvent(run, world.lines(2251, 300)));
    await world.say(host, EVENING, finishedEvent(run, 'failed', { logLines: 2550 }));
    const lines = await world.read(run);
    assert.equal(lines.filter((line) => line.level === 'error').length, 50);
    const ends = lines.slice(-3).map((line) => line.n);
    assert.deepEqual(ends, [2548, 2549, 2550]);
    const missing = Number(DAY_TEXT.exec(lines.find((line) => line.level === 'warn')?.text ?? '')?.[2]);
    assert.equal(lines.length - 1 + missing, 2550);

    const flood = await world.begin(host);
    for (let n = 1; n < 1000; n += 100) await world.say(host, EVENING, logEvent(flood, world.lines(n, 100, 'error')));
    await world.say(host, EVENING, finishedEvent(flood, 'failed', { logLines: 1000 }));
    const { storedBytes, droppedBytes } = await world.store.logs.getLogTotals(TENANT);
    assert.ok(storedBytes <= 2 * (LIMIT + LIMIT / 8), `${storedBytes} bytes, last lines included`);
    assert.ok(droppedBytes > 900 * KIB);
    await world.store.close();
  });
});

describe('The log of one run', () => {
  it('stops at its own limit with a mark that counts the rest, whatever other runs say', async () => {
    const world = await openWorld(64 * LIMIT);
    const host = await world.addHost();
    const [run, other] = [await world.begin(host), await world.begin(host)];
    const total = Math.ceil(LOG.runBytes / KIB) + 200;
    for (let n = 1; n <= total; n += 500)
      await world.say(host, EVENING, logEvent(run, world.lines(n, Math.min(500, total + 1 - n))));
    await world.say(host, EVENING, logEvent(other, world.lines(1, 100)));
    const lines = await world.read(run);
    const marker = lines.at(-1);
    const missing = Number(/^… (\d+) lines left out: the log of this run is above 5 MiB$/u.exec(marker?.text ?? '')?.[1]);
    assert.equal(lines.length - 1 + missing, total);
    assert.ok((lines.length - 1) * KIB <= LOG.runBytes && missing >= 200);
    assert.equal((await world.read(other)).length, 100);
    await world.store.close();
  });

  it('leaves when its time is over, and says so in its place', async () => {
    const world = await openWorld();
    const host = await world.addHost();
    const run = await world.begin(host);
    await world.say(host, EVENING, logEvent(run, world.lines(1, 100)), finishedEvent(run, 'succeeded', { logLines: 100 }));
    const { logs } = world.store;
    assert.deepEqual(await logs.removeOldLogs(90, EVENING + 90 * DAY_MS), { removed: 0, hasMore: false });
    assert.deepEqual(await logs.removeOldLogs(90, EVENING + 90 * DAY_MS + 1), { removed: 1, hasMore: false });
    assert.deepEqual(
      (await world.read(run)).map(({ text }) => text),
      ['the log of this run was removed after 90 days'],
    );
    await world.store.close();
  });
});
