import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import type { RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import { LOG, TEXT } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import fc from 'fast-check';
import { encodeEvent } from '../../journal/outbox-rows.ts';
import { createRecorder } from './recorder.ts';
import { createRedactor } from './redact.ts';

const RUN = 'run_1' as RunId;
const SOURCE = 'src_1' as SourceId;

/** Ports that keep everything and check each event as the outbox does. */
function setUp(firstLine = 0) {
  const clock = createFixedClock(1_000_000);
  const events: DurableEvent[] = [];
  const counted: number[] = [];
  const closed: RunId[] = [];
  const timers: { at: number; callback: () => void; stopped: boolean }[] = [];
  const recorder = createRecorder(
    {
      clock,
      append(event, effects) {
        encodeEvent(event);
        events.push(event);
        effects?.();
      },
      countLogLines: (_run, total) => void counted.push(total),
      closeRun: (run) => void closed.push(run),
      sendProgress: () => undefined,
      setTimer(ms, callback) {
        const timer = { at: clock.monotonicMs() + ms, callback, stopped: false };
        timers.push(timer);
        return () => {
          timer.stopped = true;
        };
      },
    },
    RUN,
    firstLine,
  );
  const advance = (ms: number) => {
    clock.advance(ms);
    for (const timer of timers.splice(0)) {
      if (timer.stopped) continue;
      if (timer.at <= clock.monotonicMs()) timer.callback();
      else timers.push(timer);
    }
  };
  const batches = () => events.flatMap((event) => (event.type === 'run.log' ? [event.lines] : []));
  const lines = () => batches().flat();
  return { recorder, events, counted, closed, advance, batches, lines, timers, clock };
}

const end = { state: 'succeeded' as const, evidence: [], bytes: 1 };

describe('The log of a run', () => {
  it('counts its lines from one without a gap, and goes on where an earlier life ended', () => {
    const first = setUp();
    for (let n = 0; n < 250; n += 1) first.recorder.log('info', `line ${n}`);
    first.recorder.finish(end);
    assert.deepEqual(
      first.lines().map((line) => line.n),
      Array.from({ length: 250 }, (_, index) => index + 1),
    );
    const again = setUp(250);
    again.recorder.log('info', 'x');
    again.advance(0);
    assert.equal(again.lines()[0]?.n, 251);
    assert.deepEqual(again.counted, [251]);
  });

  it('leaves at once after a quiet moment, and in batches in a torrent', () => {
    const { recorder, advance, batches } = setUp();
    recorder.log('info', 'first');
    advance(0);
    assert.equal(batches().length, 1, 'the leading line does not wait');
    recorder.log('info', 'second');
    recorder.log('info', 'third');
    advance(LOG.batchDelayMs - 1);
    assert.equal(batches().length, 1);
    advance(1);
    assert.deepEqual(
      batches().map((batch) => batch.length),
      [1, 2],
    );
  });

  it('keeps the limits of a batch in lines and in bytes', () => {
    const { recorder, batches } = setUp();
    for (let n = 0; n < LOG.linesPerBatch * 2 + 1; n += 1) recorder.log('info', 'x');
    recorder.finish(end);
    assert.deepEqual(
      batches().map((batch) => batch.length),
      [100, 100, 1],
    );
    const wide = setUp();
    for (let n = 0; n < 12; n += 1) wide.recorder.log('info', 'x'.repeat(10_000));
    wide.recorder.finish(end);
    for (const batch of wide.batches()) assert.ok(JSON.stringify(batch).length <= LOG.batchBytes);
  });

  it('fits the outbox whatever a tool writes: control characters, broken pairs, ten megabytes without a line end', () => {
    const { recorder, lines } = setUp();
    for (const hostile of ['\u0000', '\u001b', '\ud800', '"', '\\', '😀', '\u2028'])
      for (let n = 0; n < 10; n += 1) recorder.log('info', hostile.repeat(20_000));
    recorder.log('info', 'x'.repeat(10 * 1024 * 1024));
    recorder.finish(end);
    assert.equal(lines().length, 71);
  });

  it('is whole for any text: every line arrives, in order, within the limits', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: ANY_CHARACTER, maxLength: 200 }), { maxLength: 300 }), (texts) => {
        const { recorder, lines } = setUp();
        for (const text of texts) recorder.log('warn', text);
        recorder.finish(end);
        assert.deepEqual(
          lines().map((line) => line.text),
          texts.map((text) => text.replaceAll('\n', ' ⏎ ')),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('cuts a long line at a character and says how much is missing', () => {
    const { recorder, lines } = setUp();
    recorder.log('info', '😀'.repeat(10_000));
    recorder.log('info', 'x'.repeat(TEXT.logLineBytes));
    recorder.finish(end);
    const [cut, whole] = lines();
    assert.ok(cut && Buffer.byteLength(cut.text) <= TEXT.logLineBytes);
    assert.match(cut.text, /^(😀)+ … \(\d+ bytes left out\)$/u);
    assert.equal(whole?.text.length, TEXT.logLineBytes);
  });

  it('ends at its cap in bytes with one line that counts what is left out', () => {
    const { recorder, lines } = setUp();
    const total = Math.ceil(LOG.runBytes / 10_000) + 7;
    for (let n = 0; n < total; n += 1) recorder.log('info', 'ü'.repeat(5000));
    recorder.log('info', 'short, but behind a gap');
    recorder.finish(end);
    const kept = lines().length - 1;
    assert.ok(JSON.stringify(lines()).length <= LOG.runBytes && kept * 10_000 > LOG.runBytes - LOG.tailBytes - 100_000);
    assert.equal(lines().at(-1)?.text, `… ${total + 1 - kept} lines left out: the log of this run is above 5 MiB`);
  });

  it('still takes errors above its cap, and ends with its last lines when the run does not end well', () => {
    const { recorder, lines, advance } = setUp();
    const total = Math.ceil(LOG.runBytes / 5000);
    for (let n = 0; n < total; n += 1) recorder.log('info', 'x'.repeat(5000));
    recorder.log('error', 'what went wrong');
    for (let n = 0; n < 3000; n += 1) recorder.log('info', `late ${n}`);
    const before = lines().filter((line) => line.text !== 'what went wrong').length;
    advance(60_000);
    recorder.finish({ ...end, state: 'failed' });
    const texts = lines().map((line) => line.text);
    const last = LOG.tailLines - 1;
    assert.deepEqual(
      texts.slice(-last),
      Array.from({ length: last }, (_, index) => `late ${3000 - last + index}`),
    );
    assert.ok((lines().at(-1)?.at ?? 0) < 1_060_000, 'said when it was said');
    const marker = Number(/^… (\d+) lines left out/.exec(texts.at(-last - 1) ?? '')?.[1]);
    const kept = texts.length - last - 2;
    assert.ok(before <= kept && texts.includes('what went wrong'));
    assert.equal(kept + marker + last, total + 3000);
    assert.deepEqual(
      lines().map((line) => line.n),
      texts.map((_, index) => index + 1),
    );
  });

  it('is bounded in errors too', () => {
    const { recorder, lines } = setUp();
    for (let n = 0; n < 2000; n += 1) recorder.log('error', 'e'.repeat(5000));
    recorder.finish({ ...end, state: 'failed' });
    assert.ok(JSON.stringify(lines()).length <= LOG.runBytes + LOG.runReserveBytes);
  });

  it('never shows a secret once it is known, in lines, failures, warnings or evidence', () => {
    const { recorder, events } = setUp();
    recorder.addRedaction(createRedactor(['s3cret-value']));
    recorder.log('info', 'password s3cret-value');
    const failure = { code: 'tool_failed' as const, message: 'login with s3cret-value failed' };
    const part = { source: SOURCE, state: 'failed' as const, failure, warnings: ['s3cret-value?'], bytes: 0, durationMs: 1 };
    recorder.finishPart(part, () => undefined);
    recorder.finish({ ...end, failure, evidence: [{ check: 'read_back', ok: false, seen: 'saw s3cret-value' }] });
    assert.doesNotMatch(JSON.stringify(events), /s3cret/);
    assert.match(JSON.stringify(events), /login with ••• failed/);
  });
});

describe('The events of a run', () => {
  it('follow the lines that were written before them', () => {
    const { recorder, events } = setUp();
    recorder.start(() => undefined);
    recorder.log('info', 'a');
    recorder.beginStage('dump', SOURCE);
    recorder.log('info', 'b');
    recorder.endStage('dump', true, SOURCE);
    recorder.log('info', 'c');
    recorder.finalize();
    recorder.log('info', 'd');
    recorder.finish(end);
    assert.deepEqual(
      events.map((event) => (event.type === 'run.log' ? event.lines.map((line) => line.text).join() : event.type)),
      ['run.started', 'a', 'run.stage', 'b', 'run.stage', 'c', 'run.finalizing', 'd', 'run.finished'],
    );
  });

  it('close the run with the last one, and leave no timer behind', () => {
    const { recorder, closed, events, timers, advance } = setUp();
    recorder.log('info', 'a');
    recorder.finish(end);
    assert.deepEqual(closed, [RUN]);
    const before = events.length;
    advance(1000);
    assert.equal(events.length, before);
    assert.ok(timers.every((timer) => timer.stopped));
    const last = events.at(-1);
    assert.ok(last?.type === 'run.finished' && last.logLines === 1);
  });

  it('fit their schema however much a tool had to say', () => {
    const { recorder, events } = setUp();
    const long = 'ü\u0000'.repeat(5000);
    const evidence = Array.from({ length: 60 }, () => ({ check: 'read_back' as const, ok: false, seen: long }));
    const failure = { code: 'tool_failed' as const, message: long };
    recorder.snapshot(
      {
        id: 'snap_1' as SnapshotId,
        engineId: 'a'.repeat(64),
        source: SOURCE,
        role: 'data',
        createdAt: 1,
        sizeBytes: 1,
        evidence: evidence.slice(0, 20),
      },
      () => undefined,
    );
    recorder.finishPart(
      { source: SOURCE, state: 'failed', failure, warnings: Array(60).fill(long), bytes: 0, durationMs: 1 },
      () => undefined,
    );
    recorder.finish({ ...end, state: 'failed', failure, evidence });
    assert.deepEqual(
      events.map((event) => event.type),
      ['snapshot.made', 'part.finished', 'run.finished'],
    );
    const part = events.find((event) => event.type === 'part.finished');
    assert.match(part?.part.warnings.at(-1) ?? '', /^… \d+ more warnings left out$/);
  });

  it('keep all warnings that fit', () => {
    const { recorder, events } = setUp();
    const warnings = Array.from({ length: 50 }, (_, index) => `warning ${index}`);
    recorder.finishPart({ source: SOURCE, state: 'partial', warnings, bytes: 0, durationMs: 1 }, () => undefined);
    const part = events.find((event) => event.type === 'part.finished');
    assert.deepEqual(part?.part.warnings, warnings);
  });

  it('measure their duration by a clock that never jumps', () => {
    const { recorder, events, advance, clock } = setUp();
    recorder.start(() => undefined);
    advance(1000);
    clock.set(clock.now() - 600_000);
    advance(234);
    recorder.finish(end);
    const last = events.at(-1);
    assert.ok(last?.type === 'run.finished');
    assert.equal(last.durationMs, 1234);
  });
});
