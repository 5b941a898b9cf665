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

async function startTalk(store: Store): Promise<Talk> {
  const host = sampleHost();
  const run = sampleId('run');
  await store.hosts.insertHost(host);
  let seq = 1;
  const say: Talk['say'] = async (events) => {
    const applied = await store.runs.applyEvents(TENANT, host.id, 'epoch-talk', sequence(events, seq), NOW);
    seq += events.length;
    return applied.fresh.map(({ event }) => event);
  };
  await say([createdEvent(run), startedEvent(run)]);
  return { host, run, say };
}

const readAll = (store: Store, run: RunId): Promise<readonly LogLine[]> =>
  store.runs.readLog(TENANT, run, { after: 0, limit: 100_000 });

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
        assert.deepEqual(await store.runs.readLog(OTHER_TENANT, run, { after: 0, limit: 10 }), []);
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
        const read = async (filter: Partial<Parameters<typeof store.runs.readLog>[2]>) =>
          (await store.runs.readLog(TENANT, run, { after: 0, limit: 1000, ...filter })).map((line) => line.n);
        assert.deepEqual(await read({ after: 29, limit: 3 }), [30, 31, 32]);
        assert.deepEqual(await read({ after: 90 }), []);
        assert.deepEqual(await read({ levels: ['error'], after: 60 }), [61, 71, 81]);
        assert.deepEqual(await read({ search: 'ROW 8' }), [8, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89]);
        assert.deepEqual(await read({ levels: [], limit: 5 }), []);
        await assert.rejects(store.runs.readLog(TENANT, run, { after: 0, limit: 0 }), refusal('invalid', { field: 'limit' }));
      }),
    );

    it(
      'stops at the limit of a run with one line that says how many were left out',
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
        await say([logEvent(run, [logLine(total + 1, 'small')]), finishedEvent(run, 'failed', { logLines: total + 1 })]);
        const lines = await readAll(store, run);
        const marker = lines.at(-1);
        const kept = lines.length - 1;
        assert.equal(marker?.text, `… ${total + 1 - kept} lines left out: the log of this run is above 5 MiB`);
        assert.deepEqual([marker.n, marker.level, marker.at], [kept + 1, 'warn', NOW + kept + 1]);
        assert.ok(kept * text.length <= LOG.runBytes && (kept + 1) * text.length > LOG.runBytes - 32 * 1024);
        assert.equal((await store.runs.findRun(TENANT, run))?.logLines, total + 1);
        assert.deepEqual(await store.runs.readLog(TENANT, run, { after: kept, limit: 5 }), [marker]);
        assert.deepEqual(await store.runs.readLog(TENANT, run, { after: kept + 1, limit: 5 }), []);
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
