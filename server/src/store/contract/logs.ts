import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Host } from '../hosts.ts';
import type { Store } from '../store.ts';
import { createdEvent, finishedEvent, logEvent, logLine, report, startedEvent } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, refusal, sampleHost, sampleId, sequence, TENANT, withStore } from './samples.ts';

interface Talk {
  host: Host;
  run: RunId;
  /** Sends events in order, as frames of one stream. */
  say(events: readonly DurableEvent[]): Promise<readonly DurableEvent[]>;
}

/** A restore may end well without a snapshot; so a run of this kind is what its host says. */
async function startTalk(store: Store): Promise<Talk> {
  const host = sampleHost();
  const run = sampleId('run');
  await store.hosts.insertHost(host);
  let seq = 1;
  const say: Talk['say'] = async (events) => {
    const applied = await store.events.applyEvents(TENANT, host.id, 'epoch-talk', sequence(events, seq), NOW);
    seq += events.length;
    return applied.fresh.map(({ event }) => event);
  };
  await say([createdEvent(run, { kind: 'restore' }), startedEvent(run)]);
  return { host, run, say };
}

function takeLines(from: number, to: number, text?: string): LogLine[] {
  return Array.from({ length: to - from + 1 }, (_, i) => logLine(from + i, text ?? `line ${from + i}`));
}

const readAll = (store: Store, run: RunId): Promise<readonly LogLine[]> =>
  store.logs.readLog(TENANT, run, { after: 0, limit: 100_000 });

export function checkLogs(open: OpenStore): void {
  describe('logs', () => {
    it(
      'gives lines back as they were written: NUL, lone surrogates, ANSI, markup and all',
      withStore(open, async (store) => {
        const { run, say } = await startTalk(store);
        const texts = [
          '',
          '\u0000 a \u0000',
          '\ud800 lone \udfff',
          '\u001b[31mred\u001b[0m',
          '<script>alert(1)</script>',
          '日本 🎉',
          'a\nb\r\n',
          'x'.repeat(16 * 1024),
        ];
        const lines = texts.map((text, index) => logLine(index + 1, text, index % 2 === 0 ? 'info' : 'error'));
        await say([logEvent(run, lines)]);
        assert.deepEqual(await readAll(store, run), lines);
        await say([finishedEvent(run, 'failed')]);
        assert.deepEqual(await readAll(store, run), lines);
        assert.deepEqual(await store.logs.readLog(OTHER_TENANT, run, { after: 0, limit: 10 }), []);
      }),
    );

    it(
      'takes each line once, tells only what is new, and keeps lines that come after a gap',
      withStore(open, async (store) => {
        const { run, say } = await startTalk(store);
        await say([logEvent(run, [logLine(1), logLine(2)])]);
        const again = await say([logEvent(run, [logLine(1, 'forged'), logLine(2), logLine(3)]), logEvent(run, [logLine(3)])]);
        assert.deepEqual(again, [logEvent(run, [logLine(3)])]);
        await say([logEvent(run, [logLine(7)])]);
        assert.deepEqual(
          (await readAll(store, run)).map((line) => line.n),
          [1, 2, 3, 7],
        );
        assert.equal((await readAll(store, run))[0]?.text, 'line 1');
        assert.equal((await store.runs.findRun(TENANT, run))?.logLines, 7);
      }),
    );

    it(
      'reads on from any line, by level and by words, at most as many as asked for',
      withStore(open, async (store) => {
        const { run, say } = await startTalk(store);
        const lines = Array.from({ length: 90 }, (_, i) => logLine(i + 1, `Row ${i + 1}`, i % 10 === 0 ? 'error' : 'debug'));
        for (let i = 0; i < 90; i += 30) await say([logEvent(run, lines.slice(i, i + 30))]);
        const read = async (filter: Partial<Parameters<typeof store.logs.readLog>[2]>) =>
          (await store.logs.readLog(TENANT, run, { after: 0, limit: 1000, ...filter })).map((line) => line.n);
        assert.deepEqual(await read({ after: 29, limit: 3 }), [30, 31, 32]);
        assert.deepEqual(await read({ after: 90 }), []);
        assert.deepEqual(await read({ levels: ['error'], after: 60 }), [61, 71, 81]);
        assert.deepEqual(await read({ search: 'ROW 8' }), [8, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89]);
        assert.deepEqual(await read({ levels: [], limit: 5 }), []);
        await assert.rejects(store.logs.readLog(TENANT, run, { after: 0, limit: 0 }), refusal('invalid', { field: 'limit' }));
      }),
    );

    it(
      'stops at the limit of a run with one line that says how many were left out, and keeps errors above it',
      withStore(open, async (store) => {
        const { run, say } = await startTalk(store);
        const text = 'y'.repeat(16 * 1024 - 100);
        const total = Math.ceil(LOG.runBytes / text.length) + 30;
        for (let n = 1; n <= total; n += 10) {
          await say([
            logEvent(
              run,
              Array.from({ length: Math.min(10, total - n + 1) }, (_, i) => logLine(n + i, text)),
            ),
          ]);
        }
        await say([logEvent(run, [logLine(total + 1, 'small'), logLine(total + 2, 'grave', 'error')])]);
        await say([finishedEvent(run, 'succeeded', { logLines: total + 2 })]);
        const lines = await readAll(store, run);
        const [marker, grave] = lines.slice(-2);
        const kept = lines.length - 2;
        assert.equal(marker?.text, `… ${total + 1 - kept} lines left out: the log of this run is above 5 MiB`);
        assert.deepEqual([marker.n, marker.level, marker.at], [kept + 1, 'warn', NOW + kept + 1]);
        assert.deepEqual([grave?.n, grave?.text], [total + 2, 'grave']);
        assert.ok(kept * text.length <= LOG.runBytes && (kept + 1) * text.length > LOG.runBytes - 32 * 1024);
        const about = await store.runs.findRun(TENANT, run);
        assert.deepEqual([about?.logLines, about?.logLinesLeftOut], [total + 2, total + 1 - kept]);
        assert.deepEqual(await store.logs.readLog(TENANT, run, { after: kept, limit: 1 }), [marker]);
        assert.deepEqual(await store.logs.readLog(TENANT, run, { after: kept + 1, limit: 5 }), [grave]);
        assert.deepEqual(await store.logs.readLog(TENANT, run, { after: 0, before: total + 2, limit: 1 }), [marker]);
        const totals = await store.logs.getLogTotals(TENANT);
        assert.ok(totals.storedBytes > LOG.runBytes - 32 * 1024 && totals.droppedBytes > 20 * text.length);
      }),
    );

    it(
      'keeps the last lines above the limit when the run does not end well, and only then',
      withStore(open, async (store) => {
        const wide = 'y'.repeat(16 * 1024 - 100);
        const full = Math.ceil(LOG.runBytes / wide.length) + 1;
        for (const [state, ends] of [
          ['failed', ['line 2199', 'line 2200']],
          ['succeeded', []],
        ] as const) {
          const { run, say } = await startTalk(store);
          for (let n = 1; n <= full; n += 10) await say([logEvent(run, takeLines(n, Math.min(n + 9, full), wide))]);
          for (let n = full + 1; n <= 2200; n += 100) await say([logEvent(run, takeLines(n, Math.min(n + 99, 2200)))]);
          const open = await readAll(store, run);
          assert.match(open.at(-1)?.text ?? '', /^… \d+ lines left out/, 'while it runs only the mark is shown');
          await say([finishedEvent(run, state, { logLines: 2200 })]);
          const lines = await readAll(store, run);
          const marks = lines.filter((line) => /left out/.test(line.text));
          const isKept = ends.length > 0;
          assert.deepEqual(isKept ? lines.slice(-2).map((line) => line.text) : [], ends);
          assert.equal(lines.length - open.length, isKept ? LOG.tailLines : 0);
          const missing = 2200 - (lines.length - marks.length);
          assert.equal(marks[0]?.text, `… ${missing} lines left out: the log of this run is above 5 MiB`);
          assert.equal((await store.runs.findRun(TENANT, run))?.logLinesLeftOut, missing);
          assert.deepEqual(
            lines.map((line) => line.n),
            lines.map((line) => line.n).sort((a, b) => a - b),
          );
        }
      }),
    );

    it(
      'reads from the end, and back from any line, the same lines as forwards',
      withStore(open, async (store) => {
        const { run, say } = await startTalk(store);
        for (let n = 1; n <= 3000; n += 100) await say([logEvent(run, takeLines(n, n + 99, 'z'.repeat(300)))]);
        const all = await readAll(store, run);
        const back = async (before: number, limit: number) =>
          (await store.logs.readLog(TENANT, run, { after: 0, before, limit })).map((line) => line.n);
        assert.deepEqual(await back(Number.MAX_SAFE_INTEGER, 3), [2998, 2999, 3000]);
        assert.deepEqual(await back(1500, 2), [1498, 1499]);
        assert.deepEqual(await back(3, 10), [1, 2]);
        assert.deepEqual(await back(1, 10), []);
        assert.deepEqual(await store.logs.readLog(TENANT, run, { after: 0, before: 4000, limit: 4000 }), all);
        const middle = { after: 990, before: 1010, limit: 1000 };
        assert.deepEqual(
          await store.logs.readLog(TENANT, run, middle),
          all.filter((line) => line.n > 990 && line.n < 1010),
        );
      }),
    );

    it(
      'removes the logs of runs that were reported long ago, says so, and takes no line of them again',
      withStore(open, async (store) => {
        const [old, young] = [await startTalk(store), await startTalk(store)];
        await old.say([logEvent(old.run, takeLines(1, 50)), finishedEvent(old.run, 'failed', { logLines: 50 })]);
        await young.say([logEvent(young.run, takeLines(1, 50))]);
        const DAY = 24 * 3_600_000;
        assert.deepEqual(await store.logs.removeOldLogs(90, NOW + 90 * DAY), { removed: 0, hasMore: false });
        const at = NOW + 90 * DAY + 1;
        assert.deepEqual(await store.logs.removeOldLogs(90, at), { removed: 1, hasMore: false });
        const text = 'the log of this run was removed after 90 days';
        assert.deepEqual(await readAll(store, old.run), [{ n: 1, at, level: 'info', text }]);
        assert.deepEqual(await store.logs.readLog(TENANT, old.run, { after: 1, limit: 5 }), []);
        const about = await store.runs.findRun(TENANT, old.run);
        assert.deepEqual([about?.state, about?.logLines, about?.logRemoval], ['failed', 50, { at, afterDays: 90 }]);
        assert.deepEqual(await old.say([logEvent(old.run, [logLine(51)])]), []);
        assert.equal((await readAll(store, old.run)).length, 1);
        assert.equal((await readAll(store, young.run)).length, 50, 'a run that is not known to have ended keeps its log longer');
        assert.deepEqual(await store.logs.removeOldLogs(90, NOW + 180 * DAY + 1), { removed: 1, hasMore: false });
        const { storedBytes, removedBytes } = await store.logs.getLogTotals(TENANT);
        assert.ok(storedBytes > 0);
        assert.equal(storedBytes, removedBytes);
      }),
    );

    it(
      'keeps the logs of runs apart that speak in one frame',
      withStore(open, async (store) => {
        const { host } = await startTalk(store);
        const [a, b] = [sampleId('run'), sampleId('run')];
        await report(store, host, [
          createdEvent(a),
          createdEvent(b),
          logEvent(a, [logLine(1, 'of a')]),
          logEvent(b, [logLine(1, 'of b')]),
          logEvent(a, [logLine(2, 'of a')]),
          finishedEvent(a, 'failed'),
          logEvent(a, [logLine(3, 'late word')]),
        ]);
        assert.deepEqual(
          (await readAll(store, a)).map((line) => line.text),
          ['of a', 'of a', 'late word'],
        );
        assert.deepEqual(
          (await readAll(store, b)).map((line) => line.text),
          ['of b'],
        );
      }),
    );
  });
}
