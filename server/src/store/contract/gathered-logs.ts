import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Store } from '../store.ts';
import { writeBackupLog } from './real-logs.ts';
import { createdEvent, finishedEvent, logEvent, logLine, startedEvent } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleHost, sampleId, sequence, TENANT, withStore } from './samples.ts';

const DAY = 24 * 3_600_000;

/** Runs of one host, told in frames that arrive at `receivedAt`. */
async function openTalk(store: Store) {
  const host = sampleHost();
  await store.hosts.insertHost(host);
  let seq = 1;
  let index = 0;
  const say = async (events: readonly DurableEvent[], receivedAt: number): Promise<void> => {
    await store.events.applyEvents(TENANT, host.id, 'epoch-gather', sequence(events, seq), receivedAt);
    seq += events.length;
  };
  /** Runs that have ended, with the log each has. */
  const addRuns = async (count: number, receivedAt = NOW, log?: readonly LogLine[]): Promise<Map<RunId, readonly LogLine[]>> => {
    const logs = new Map<RunId, readonly LogLine[]>();
    for (let n = 0; n < count; n += 1) {
      index += 1;
      logs.set(sampleId('run'), log ?? writeBackupLog(index, index, NOW));
    }
    const tell = ([run, lines]: [RunId, readonly LogLine[]]): DurableEvent[] => [
      createdEvent(run, { kind: 'restore' }),
      startedEvent(run),
      logEvent(run, [...lines]),
      finishedEvent(run, 'failed', { logLines: lines.length }),
    ];
    const all = [...logs];
    for (let from = 0; from < all.length; from += 20) await say(all.slice(from, from + 20).flatMap(tell), receivedAt);
    return logs;
  };
  return { say, addRuns };
}

/** Takes steps until there is nothing to do; returns how many logs each moved. */
async function gatherAll(store: Store): Promise<readonly number[]> {
  const steps: number[] = [];
  for (;;) {
    const { gathered, hasMore } = await store.logs.gatherLogs();
    steps.push(gathered);
    if (!hasMore) return steps;
  }
}

const readAll = (store: Store, run: RunId): Promise<readonly LogLine[]> =>
  store.logs.readLog(TENANT, run, { after: 0, limit: 100_000 });

export function checkGatheredLogs(open: OpenStore): void {
  describe('logs that are put together', () => {
    it(
      'wait until they fill a block, and are read as before: whole, from either end, by level and by word',
      withStore(open, async (store) => {
        const { addRuns } = await openTalk(store);
        const odd = [logLine(3, '\ud800 lone\n\n'), logLine(7, '', 'error'), logLine(8, 'x\n\n[1,2]')];
        const logs = await addRuns(1, NOW, odd);
        for (const [run, lines] of await addRuns(60)) logs.set(run, lines);
        assert.deepEqual(await gatherAll(store), [0]);
        for (const [run, lines] of await addRuns(80)) logs.set(run, lines);
        const [moved = 0, ...rest] = await gatherAll(store);
        assert.ok(moved > 80 && moved <= 200, `${moved} moved`);
        assert.deepEqual(rest, [0]);
        for (const [run, lines] of logs) assert.deepEqual(await readAll(store, run), lines);
        const [run] = logs.keys();
        assert.ok(run);
        const read = (filter: {
          after?: number;
          before?: number;
          search?: string;
          levels?: readonly ['error'];
          limit?: number;
        }) => store.logs.readLog(TENANT, run, { after: 0, limit: 2, ...filter });
        assert.deepEqual(await read({}), odd.slice(0, 2));
        assert.deepEqual(await read({ before: 9 }), odd.slice(1));
        assert.deepEqual(await read({ after: 3, before: 8 }), [odd[1]]);
        assert.deepEqual(await read({ levels: ['error'] }), [odd[1]]);
        assert.deepEqual(await read({ search: 'LONE' }), [odd[0]]);
        assert.deepEqual(await store.logs.readLog(OTHER_TENANT, run, { after: 0, limit: 5 }), []);
      }),
    );

    it(
      'take late lines behind those of the block, and leave alone what has not ended and what is big',
      withStore(open, async (store) => {
        const { say, addRuns } = await openTalk(store);
        const [[late]] = [[...(await addRuns(1, NOW, [logLine(1, 'at its time')])).keys()]];
        const big = [
          ...(
            await addRuns(
              1,
              NOW,
              Array.from({ length: 40 }, (_, n) => logLine(n + 1, `${n} ${'x'.repeat(1000)}`)),
            )
          ).keys(),
        ];
        const going = sampleId('run');
        await say([createdEvent(going), startedEvent(going), logEvent(going, [logLine(1, 'still at it')])], NOW);
        await addRuns(20, NOW + 2 * DAY);
        assert.deepEqual(await gatherAll(store), [1, 0], 'a day is over, so the block is closed');
        assert.ok(late);
        await say([logEvent(late, [logLine(1, 'at its time'), logLine(2, 'late word')])], NOW + DAY);
        await say([finishedEvent(late, 'failed', { logLines: 2 })], NOW + DAY);
        await addRuns(1, NOW + 4 * DAY);
        assert.deepEqual(await gatherAll(store), [20, 0]);
        const texts = async (run: RunId) => (await readAll(store, run)).map((line) => line.text);
        assert.deepEqual(await texts(late), ['at its time', 'late word']);
        assert.deepEqual(
          (await store.logs.readLog(TENANT, late, { after: 0, before: 3, limit: 1 })).map((line) => line.n),
          [2],
        );
        assert.deepEqual(await texts(going), ['still at it']);
        for (const run of big) assert.equal((await readAll(store, run)).length, 40);
      }),
    );

    it(
      'are removed each at its time, while their neighbours stay',
      withStore(open, async (store) => {
        const { addRuns } = await openTalk(store);
        const old = await addRuns(30, NOW);
        const young = await addRuns(30, NOW + 1000);
        await addRuns(1, NOW + 2 * DAY);
        assert.deepEqual(await gatherAll(store), [60, 0]);
        const at = NOW + 90 * DAY + 1;
        let removed = 0;
        for (let more = true; more; ) {
          const step = await store.logs.removeOldLogs(90, at);
          removed += step.removed;
          more = step.hasMore;
        }
        assert.equal(removed, 30);
        const gone = 'the log of this run was removed after 90 days';
        for (const run of old.keys())
          assert.deepEqual(
            (await readAll(store, run)).map((line) => line.text),
            [gone],
          );
        for (const [run, lines] of young) assert.deepEqual(await readAll(store, run), lines);
        for (let more = true; more; ) more = (await store.logs.removeOldLogs(90, at + 3 * DAY)).hasMore;
        const { storedBytes, removedBytes } = await store.logs.getLogTotals(TENANT);
        assert.ok(storedBytes > 0);
        assert.equal(storedBytes, removedBytes);
      }),
    );
  });
}
