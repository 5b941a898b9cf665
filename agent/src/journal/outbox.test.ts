import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLevel } from '@holdfast/shared/domain/run.ts';
import { AppError, type ErrorCode } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { createEventWindow } from '@holdfast/shared/protocol/channel.ts';
import { type DurableEvent, durableEventSchema } from '@holdfast/shared/protocol/events.ts';
import { type Journal, openJournal } from './journal.ts';

const DAY = 24 * 3_600_000;
const START = Date.parse('2027-01-01T00:00:00Z');
const KEEP = 7 * DAY;
const run = 'run_a' as RunId;

const notice = (text: string): DurableEvent => ({ type: 'host.notice', at: START, level: 'info', text });
const finished = (of: RunId): DurableEvent => ({
  type: 'run.finished',
  run: of,
  at: START,
  state: 'succeeded',
  evidence: [],
  bytes: 1,
  logLines: 1,
  durationMs: 1,
});
const log = (first: number, levels: LogLevel[], of = run, text = 'x'.repeat(400)): DurableEvent => ({
  type: 'run.log',
  run: of,
  at: START,
  lines: levels.map((level, index) => ({ n: first + index, at: START, level, text })),
});
const throws = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;

describe('the outbox', () => {
  const clock = createFixedClock(START);
  let stateDir: string;
  let journal: Journal;
  const open = (limits?: { events: number; bytes: number; memoryBytes?: number; logBytesPerDay?: number }): Journal =>
    openJournal({
      stateDir,
      clock,
      randomBytes: systemRandomBytes,
      ballastBytes: 1,
      outboxLimits: limits && { memoryBytes: 1 << 20, keepAcknowledgedMs: KEEP, ...limits },
    });
  const reopen = (limits?: { events: number; bytes: number; logBytesPerDay?: number }): void => {
    journal.close();
    journal = open(limits);
  };
  const readAll = () => journal.outbox.read(0, 1e6, Number.MAX_SAFE_INTEGER);
  const texts = () => readAll().map(({ event }) => (event.type === 'host.notice' ? event.text : event.type));

  beforeEach(() => {
    clock.set(START);
    stateDir = mkdtempSync(join(tmpdir(), 'holdfast-outbox-'));
    journal = open();
  });
  afterEach(() => {
    journal.close();
    rmSync(stateDir, { recursive: true });
  });

  it('numbers events from 1 without a gap, across transactions that were undone and starts', () => {
    assert.deepEqual([journal.outbox.firstSeq(), journal.outbox.lastSeq()], [0, 0]);
    assert.equal(journal.outbox.append(notice('one')), 1);
    assert.throws(() =>
      journal.transact(() => {
        journal.outbox.appendAll([notice('undone'), notice('undone')]);
        throw new Error('no');
      }),
    );
    assert.equal(journal.outbox.lastSeq(), 1);
    assert.equal(journal.outbox.appendAll([notice('two'), notice('three')]), 3);
    const { epoch } = journal.outbox;
    reopen();
    assert.equal(journal.outbox.append(notice('four')), 4);
    assert.equal(journal.outbox.epoch, epoch);
    assert.deepEqual(texts(), ['one', 'two', 'three', 'four']);
  });

  it('undoes only the nested part when its error is caught', () => {
    journal.transact(() => {
      journal.outbox.append(notice('kept'));
      assert.throws(() =>
        journal.transact(() => {
          journal.outbox.append(notice('undone'));
          throw new Error('no');
        }),
      );
      assert.equal(journal.outbox.append(notice('kept too')), 2);
    });
    assert.deepEqual(texts(), ['kept', 'kept too']);
    assert.equal(journal.outbox.size().events, 2);
  });

  it('stores an event and its effects together or not at all', () => {
    assert.throws(() =>
      journal.outbox.append(notice('x'), () => {
        journal.runs.record({ run, kind: 'backup', body: null });
        throw new Error('no');
      }),
    );
    assert.equal(journal.runs.find(run), undefined);
    journal.outbox.append(notice('x'), () => void journal.runs.record({ run, kind: 'backup', body: null }));
    assert.ok(journal.runs.find(run));
    assert.equal(journal.outbox.lastSeq(), 1);
  });

  it('tells its watchers after the commit and never of what was undone', () => {
    let told = 0;
    const stop = journal.outbox.watch(() => {
      told += 1;
    });
    journal.transact(() => {
      journal.outbox.append(notice('a'));
      assert.equal(told, 0);
    });
    assert.equal(told, 1);
    assert.throws(() =>
      journal.transact(() => {
        journal.outbox.append(notice('b'));
        throw new Error('no');
      }),
    );
    stop();
    journal.outbox.append(notice('c'));
    assert.equal(told, 1);
  });

  it('refuses an event that the server would refuse, or that fits no frame, before it blocks the others', () => {
    assert.throws(() => journal.outbox.append({ ...notice('x'), at: -1 }), throws('invalid'));
    const fill = (last: number) => {
      const event = log(
        1,
        Array.from({ length: 13 }, (): LogLevel => 'info'),
        run,
        'y'.repeat(15_000),
      );
      assert.ok(event.type === 'run.log');
      return { ...event, lines: event.lines.map((line) => (line.n === 13 ? { ...line, text: 'y'.repeat(last) } : line)) };
    };
    const room = WIRE.eventBytesPerFrame - Buffer.byteLength(JSON.stringify(fill(0)));
    assert.throws(() => journal.outbox.append(fill(room + 1)), throws('limit'));
    assert.equal(journal.outbox.append(fill(room)), 1);
    assert.equal(journal.outbox.lastSeq(), 1);
  });

  it('reads by count and by bytes, and at least one event', () => {
    journal.outbox.appendAll([notice('aa'), notice('bb'), notice('cc')]);
    const size = Buffer.byteLength(JSON.stringify(notice('aa')));
    const seqs = (after: number, count: number, bytes: number) => journal.outbox.read(after, count, bytes).map(({ seq }) => seq);
    assert.deepEqual(seqs(0, 2, 1e6), [1, 2]);
    assert.deepEqual(seqs(0, 9, 2 * size), [1, 2]);
    assert.deepEqual(seqs(0, 9, 2 * size - 1), [1]);
    assert.deepEqual(seqs(1, 9, 1), [2]);
    assert.deepEqual(seqs(3, 9, 1e6), []);
  });

  it('feeds the event window of the protocol', () => {
    journal.outbox.appendAll(Array.from({ length: 25 }, (_, index) => notice(`n${index}`)));
    const sent: number[] = [];
    const window = createEventWindow({
      outbox: journal.outbox,
      acknowledged: journal.outbox.acknowledgedSeq(),
      send: (events) => sent.push(...events.map(({ seq }) => seq)),
      unacknowledgedFrames: 2,
      eventsPerFrame: 10,
      eventBytesPerFrame: 1e6,
    });
    window.pump();
    assert.equal(sent.length, 20);
    assert.ok(window.acknowledge(10) && journal.outbox.acknowledge(10));
    window.pump();
    assert.deepEqual(
      sent,
      Array.from({ length: 25 }, (_, index) => index + 1),
    );
  });

  it('keeps acknowledged events for their time, then forgets them, and always knows where it was', () => {
    journal.outbox.appendAll([notice('a'), notice('b'), notice('c')]);
    assert.equal(journal.outbox.acknowledge(2), true);
    assert.equal(journal.outbox.acknowledge(2), false);
    assert.equal(journal.outbox.acknowledge(1), false);
    assert.deepEqual([journal.outbox.size().events, journal.outbox.size().waitingEvents], [3, 1]);
    clock.advance(KEEP);
    journal.outbox.acknowledge(3);
    assert.equal(journal.outbox.firstSeq(), 1);
    clock.advance(1);
    journal.outbox.append(notice('d'));
    journal.outbox.acknowledge(4);
    assert.equal(journal.outbox.firstSeq(), 3);
    clock.advance(2 * KEEP);
    reopen();
    assert.equal(journal.outbox.lastSeq(), 4);
    assert.equal(journal.outbox.acknowledgedSeq(), 4);
    assert.deepEqual(journal.outbox.size(), { ...journal.outbox.size(), waitingEvents: 0, waitingBytes: 0 });
  });

  it('refuses an acknowledgement of what it never wrote; a new epoch starts what is left from 1', () => {
    journal.outbox.appendAll([notice('a'), notice('b'), notice('c')]);
    assert.throws(() => journal.outbox.acknowledge(4), throws('conflict'));
    journal.outbox.acknowledge(1);
    const before = journal.outbox.epoch;
    assert.notEqual(journal.outbox.startNewEpoch(), before);
    assert.deepEqual(
      readAll().map(({ seq }) => seq),
      [1, 2],
    );
    assert.deepEqual(texts(), ['b', 'c']);
    assert.equal(journal.outbox.append(notice('d')), 3);
    reopen();
    assert.deepEqual([journal.outbox.lastSeq(), journal.outbox.acknowledgedSeq()], [3, 0]);
  });

  it('sends everything it still keeps again, in order, for a server restored from a copy', () => {
    journal.outbox.appendAll([notice('a'), notice('b'), notice('c')]);
    journal.outbox.acknowledge(2);
    const before = journal.outbox.epoch;
    assert.equal(journal.outbox.replayAcknowledged(7), 3);
    assert.notEqual(journal.outbox.epoch, before);
    assert.deepEqual([journal.outbox.findServerEpoch(), journal.outbox.findPromise()], [7, undefined]);
    assert.deepEqual(texts(), ['a', 'b', 'c']);
    assert.deepEqual([journal.outbox.firstSeq(), journal.outbox.lastSeq(), journal.outbox.acknowledgedSeq()], [1, 3, 0]);
    assert.equal(journal.outbox.size().waitingEvents, 3);
    assert.equal(journal.outbox.acknowledge(3), true);
  });

  it('knows what was promised last, over a new epoch and a restart, and which server it met', () => {
    assert.deepEqual([journal.outbox.findPromise(), journal.outbox.findServerEpoch()], [undefined, undefined]);
    journal.outbox.appendAll([notice('a'), notice('b')]);
    const { epoch } = journal.outbox;
    journal.outbox.acknowledge(2);
    journal.outbox.startNewEpoch();
    journal.outbox.noteServerEpoch(3);
    reopen();
    assert.deepEqual(journal.outbox.findPromise(), { epoch, seq: 2 });
    assert.equal(journal.outbox.findServerEpoch(), 3);
  });

  it('begins a new epoch when its file is a copy, and keeps what the server did not have', () => {
    journal.outbox.appendAll([notice('a'), notice('b')]);
    journal.outbox.acknowledge(1);
    const before = journal.outbox.epoch;
    journal.close();
    cpSync(stateDir, `${stateDir}-copy`, { recursive: true });
    rmSync(stateDir, { recursive: true });
    stateDir = `${stateDir}-copy`;
    journal = open();
    assert.notEqual(journal.outbox.epoch, before);
    assert.deepEqual(texts(), ['b']);
    const copied = journal.outbox.epoch;
    reopen();
    assert.equal(journal.outbox.epoch, copied);
  });

  describe('at its limits', () => {
    const lines = (count: number): LogLevel[] => Array.from({ length: count }, (_, index) => (index === 1 ? 'warn' : 'info'));
    const lineCount = () => readAll().flatMap(({ event }) => (event.type === 'run.log' ? event.lines : []));

    it('takes events up to its bytes untouched, and sheds the oldest quiet lines one event later', () => {
      const one = Buffer.byteLength(JSON.stringify(log(1, lines(5))));
      reopen({ events: 1000, bytes: 10 * one });
      for (let index = 0; index < 10; index += 1) journal.outbox.append(log(1, lines(5)));
      assert.equal(journal.outbox.size().bytes, 10 * one);
      assert.ok(readAll().every(({ event }) => event.type === 'run.log' && event.lines.length === 5));
      journal.outbox.append(log(1, lines(5)));
      const [first, ...rest] = readAll().map(({ event }) => event);
      assert.ok(first?.type === 'run.log');
      assert.deepEqual(
        first.lines.map(({ n, level }) => [n, level]),
        [
          [1, 'warn'],
          [2, 'warn'],
        ],
      );
      assert.match(first.lines[0]?.text ?? '', /^\[holdfast\] 4 log lines were dropped here/);
      assert.equal(rest.length, 10);
      assert.ok(journal.outbox.size().bytes <= 10 * one);
    });

    it('never goes over its bytes with logs, keeps every other event, numbers them all, and stays sendable', () => {
      const bytes = 60_000;
      reopen({ events: 100_000, bytes });
      const runs = Array.from({ length: 20 }, (_, index) => `run_${index}` as RunId);
      let appended = 0;
      for (const of of runs) {
        for (let batch = 0; batch < 15; batch += 1) {
          journal.outbox.append(log(1 + batch * 5, lines(5), of));
          appended += 1;
          assert.ok(journal.outbox.size().bytes <= bytes);
        }
        journal.outbox.append(finished(of));
        appended += 1;
      }
      const events = readAll();
      assert.deepEqual(
        events.filter(({ event }) => event.type === 'run.finished').map(({ event }) => 'run' in event && event.run),
        runs,
      );
      assert.deepEqual(
        events.map(({ seq }) => seq),
        Array.from({ length: events.length }, (_, index) => index + 1),
      );
      assert.ok(events.every(({ event }) => durableEventSchema.safeParse(event).success));
      // Every line is either there or counted in a marker.
      const there = lineCount().filter(({ text }) => !text.startsWith('[holdfast]')).length;
      const counted = lineCount()
        .map(({ text }) => Number(/^\[holdfast\] (\d+) log/.exec(text)?.[1] ?? 0))
        .reduce((sum, count) => sum + count, 0);
      assert.equal(there + counted, 20 * 15 * 5);
      assert.ok(events.length <= appended);
      const size = journal.outbox.size();
      reopen({ events: 100_000, bytes });
      assert.deepEqual(journal.outbox.size(), size);
    });

    it('keeps terminal events even above the limit', () => {
      reopen({ events: 10, bytes: 2000 });
      for (let index = 0; index < 50; index += 1) journal.outbox.append(finished(`run_${index}` as RunId));
      assert.equal(readAll().length, 50);
    });

    it('counts further log lines in one marker a run when it holds its number of events', () => {
      reopen({ events: 3, bytes: 1e6 });
      journal.outbox.appendAll([notice('a'), notice('b'), notice('c')]);
      const seqs = [1, 6, 11].map((first) => journal.outbox.append(log(first, lines(5))));
      assert.deepEqual(seqs, [4, 4, 4]);
      assert.deepEqual(
        lineCount().map(({ n, text }) => [n, text.slice(0, 35)]),
        [[1, '[holdfast] 15 log lines were droppe']],
      );
      assert.equal(journal.outbox.append(finished(run)), 5);
    });

    it('keeps the chatter of one day within its share while the server is away, errors and ends besides, and counts the rest', () => {
      const one = Buffer.byteLength(JSON.stringify(log(1, ['info', 'info', 'info', 'info', 'info'])));
      const limits = { events: 10_000, bytes: 1_000_000, logBytesPerDay: 10 * one };
      const chatter: LogLevel[] = ['info', 'debug', 'info', 'info', 'info'];
      const bytesOfLogs = () =>
        readAll().reduce((sum, { event }) => sum + (event.type === 'run.log' ? JSON.stringify(event).length : 0), 0);
      reopen(limits);
      for (let batch = 0; batch < 50; batch += 1) {
        journal.outbox.append(log(1 + batch * 5, chatter));
        if (batch === 25) reopen(limits);
      }
      journal.outbox.append(log(251, ['info', 'error', 'info']));
      journal.outbox.append(finished(run));
      const told = lineCount();
      assert.deepEqual(
        told.filter(({ level }) => level === 'error').map(({ n }) => n),
        [252],
      );
      const marks = told.filter(({ text }) => text.startsWith('[holdfast]'));
      assert.equal(marks.length, 1, 'one mark, whatever was started anew in between');
      assert.equal(told.length - 1 + Number(/\d+/.exec(marks[0]?.text ?? '')?.[0]), 253);
      assert.ok(bytesOfLogs() <= (limits.logBytesPerDay * 9) / 8 + 1000);
      assert.deepEqual(
        readAll()
          .slice(-1)
          .map(({ event }) => event.type),
        ['run.finished'],
      );

      clock.advance(DAY);
      journal.outbox.append(log(1, chatter, 'run_b' as RunId));
      assert.equal(lineCount().filter(({ text }) => !text.startsWith('[holdfast]')).length, told.length - 1 + 5, 'a new day');
    });

    it('gives a day its share again as soon as the server took what waited', () => {
      const batch = log(1, ['info', 'info', 'info', 'info', 'info']);
      const one = Buffer.byteLength(JSON.stringify(batch));
      reopen({ events: 10_000, bytes: 1_000_000, logBytesPerDay: 3 * one });
      for (let round = 0; round < 20; round += 1) {
        for (let n = 0; n < 3; n += 1) journal.outbox.append(batch);
        journal.outbox.acknowledge(journal.outbox.lastSeq());
      }
      assert.equal(lineCount().length, 20 * 3 * 5);
      assert.ok(lineCount().every(({ text }) => !text.startsWith('[holdfast]')));
    });

    it('takes nothing away from the room of a day when a step is undone', () => {
      const batch = log(1, ['info', 'info', 'info', 'info', 'info']);
      const one = Buffer.byteLength(JSON.stringify(batch));
      reopen({ events: 10_000, bytes: 1_000_000, logBytesPerDay: 2 * one });
      journal.outbox.append(batch);
      for (let n = 0; n < 5; n += 1)
        assert.throws(() =>
          journal.transact(() => {
            journal.outbox.append(batch);
            throw new Error('undone');
          }),
        );
      journal.outbox.append(batch);
      assert.equal(lineCount().length, 10);
    });

    it('gives up acknowledged events before it sheds a single line', () => {
      const one = Buffer.byteLength(JSON.stringify(log(1, lines(5))));
      reopen({ events: 1000, bytes: 4 * one });
      for (let index = 0; index < 4; index += 1) journal.outbox.append(log(1, lines(5)));
      journal.outbox.acknowledge(3);
      for (let index = 0; index < 3; index += 1) journal.outbox.append(log(1, lines(5)));
      assert.ok(readAll().every(({ event }) => event.type === 'run.log' && event.lines.length === 5));
      assert.deepEqual([journal.outbox.firstSeq(), journal.outbox.lastSeq()], [4, 7]);
    });
  });
});
