import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../errors.ts';
import { createEventWindow, type EventWindow, type OutboxReader, planApply } from './channel.ts';
import type { SequencedEvent } from './events.ts';

const event = (seq: number): SequencedEvent => ({
  seq,
  event: { type: 'host.notice', at: seq, level: 'info', text: `event ${seq}` },
});
const events = (...seqs: number[]) => seqs.map(event);
const seqsOf = (list: readonly SequencedEvent[]) => list.map(({ seq }) => seq);

/** An outbox in memory; each event counts as ten bytes. */
function createOutbox(): OutboxReader & { add(count: number): void } {
  const written: SequencedEvent[] = [];
  return {
    add(count) {
      for (let n = 0; n < count; n += 1) written.push(event(written.length + 1));
    },
    lastSeq: () => written.length,
    read: (after, count, bytes) => written.slice(after, after + Math.max(1, Math.min(count, Math.floor(bytes / 10)))),
  };
}

function openWindow(outbox: OutboxReader, acknowledged: number, limits = { frames: 2, events: 3, bytes: 1000 }) {
  const frames: (readonly SequencedEvent[])[] = [];
  const window = createEventWindow({
    outbox,
    acknowledged,
    send: (batch) => frames.push(batch),
    unacknowledgedFrames: limits.frames,
    eventsPerFrame: limits.events,
    eventBytesPerFrame: limits.bytes,
  });
  return { window, frames };
}

describe('The window of durable events', () => {
  it('starts after what the server has and sends no more frames than may be in flight', () => {
    const outbox = createOutbox();
    outbox.add(20);
    const { window, frames } = openWindow(outbox, 5);
    window.pump();
    window.pump();
    assert.deepEqual(frames.map(seqsOf), [
      [6, 7, 8],
      [9, 10, 11],
    ]);
    assert.equal(window.sent, 11);
  });

  it('keeps the number of events and of bytes in each frame', () => {
    const outbox = createOutbox();
    outbox.add(5);
    const { window, frames } = openWindow(outbox, 0, { frames: 8, events: 3, bytes: 25 });
    window.pump();
    assert.deepEqual(frames.map(seqsOf), [[1, 2], [3, 4], [5]]);
  });

  it('moves on with each acknowledgement, whole frames or parts of one', () => {
    const outbox = createOutbox();
    outbox.add(20);
    const { window, frames } = openWindow(outbox, 0);
    window.pump();
    assert.equal(window.acknowledge(2), true, 'a part of the first frame');
    window.pump();
    assert.equal(frames.length, 2, 'that frame is still in flight');
    assert.equal(window.acknowledge(6), true, 'both frames at once');
    window.pump();
    assert.deepEqual(frames.slice(2).map(seqsOf), [
      [7, 8, 9],
      [10, 11, 12],
    ]);
    assert.equal(window.acknowledged, 6);
  });

  it('ignores an acknowledgement that repeats, goes back, or is of what was never sent', () => {
    const outbox = createOutbox();
    outbox.add(20);
    const { window } = openWindow(outbox, 0);
    window.pump();
    assert.equal(window.acknowledge(3), true);
    for (const through of [3, 2, 0, -1, 7, 20, Number.MAX_SAFE_INTEGER]) assert.equal(window.acknowledge(through), false);
    assert.equal(window.acknowledged, 3);
  });

  it('sends nothing when there is nothing, and stops at an outbox that cannot read', () => {
    const { window, frames } = openWindow({ lastSeq: () => 0, read: () => [] }, 0);
    window.pump();
    const unreadable = openWindow({ lastSeq: () => 9, read: () => [] }, 0);
    unreadable.window.pump();
    assert.equal(frames.length + unreadable.frames.length, 0);
  });

  it('does not count a frame as sent when sending throws', () => {
    const outbox = createOutbox();
    outbox.add(3);
    let broken = true;
    const arrived: number[] = [];
    const window = createEventWindow({
      outbox,
      acknowledged: 0,
      send(batch) {
        if (broken) throw new AppError('unavailable', 'not connected');
        arrived.push(...seqsOf(batch));
      },
      unacknowledgedFrames: 2,
      eventsPerFrame: 3,
      eventBytesPerFrame: 1000,
    });
    assert.throws(() => window.pump());
    broken = false;
    window.pump();
    assert.deepEqual(arrived, [1, 2, 3]);
  });
});

describe('What a receiver makes of a frame of events', () => {
  it('is the new ones in order', () => {
    assert.deepEqual(seqsOf(planApply(0, events(1, 2, 3))), [1, 2, 3]);
    assert.deepEqual(seqsOf(planApply(2, events(1, 2, 3))), [3]);
    assert.deepEqual(seqsOf(planApply(3, events(1, 2, 3))), []);
    assert.deepEqual(seqsOf(planApply(9, events(4))), []);
  });

  it('is a conflict that names the expected number where one is missing', () => {
    for (const [applied, frame, expected] of [
      [0, events(2), 1],
      [3, events(5, 6), 4],
      [3, events(3, 5), 4],
      [3, events(1, 2, 5), 4],
      [0, events(1, 3), 2],
    ] as const) {
      assert.throws(() => planApply(applied, frame), { code: 'conflict', details: { expected } });
    }
  });

  it('is the end of the connection when numbers do not rise, even below what is applied', () => {
    for (const frame of [events(2, 1), events(1, 1), events(1, 2, 2), events(6, 5)])
      assert.throws(() => planApply(5, frame), { code: 'invalid', retry: 'never', details: { closeCode: 1008 } });
  });

  it('is, for any frame, either nothing at all or a run without a gap after what is applied', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 10 }), (applied, seqs) => {
        let fresh: readonly SequencedEvent[];
        try {
          fresh = planApply(applied, events(...seqs));
        } catch (error) {
          return error instanceof AppError && (error.code === 'conflict' || error.code === 'invalid');
        }
        return fresh.every(({ seq }, index) => seq === applied + 1 + index);
      }),
      { numRuns: 500 },
    );
  });
});

type Step = { do: 'add'; count: number } | { do: 'deliver' | 'acknowledge'; count: number } | { do: 'cut' };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 7 }) }),
    fc.record({ do: fc.constantFrom('deliver' as const, 'acknowledge' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('cut' as const) }),
  ),
  { maxLength: 80 },
);

/** A sender and a receiver with a line between them that may be cut at any moment, in either direction. */
function simulateLine(script: readonly Step[]): { delivered: number[]; written: number } {
  const outbox = createOutbox();
  const delivered: number[] = [];
  let applied = 0;
  const dial = (): { window: EventWindow; frames: (readonly SequencedEvent[])[] } =>
    openWindow(outbox, applied, { frames: 3, events: 4, bytes: 30 });
  let { window, frames } = dial();
  let acknowledgements: number[] = [];
  const connect = () => {
    // The welcome names what the receiver has; what was in flight in either direction is gone.
    ({ window, frames } = dial());
    acknowledgements = [];
    window.pump();
  };
  const deliver = () => {
    const frame = frames.shift();
    if (!frame) return;
    for (const { seq } of planApply(applied, frame)) {
      delivered.push(seq);
      applied = seq;
    }
    acknowledgements.push(applied);
  };
  const acknowledge = () => {
    const through = acknowledgements.shift();
    if (through === undefined) return;
    window.acknowledge(through);
    window.pump();
  };
  for (const step of script) {
    if (step.do === 'cut') connect();
    else if (step.do === 'add') {
      outbox.add(step.count);
      window.pump();
    } else for (let n = 0; n < step.count; n += 1) step.do === 'deliver' ? deliver() : acknowledge();
  }
  connect();
  while (frames.length > 0 || acknowledgements.length > 0) {
    deliver();
    acknowledge();
  }
  return { delivered, written: outbox.lastSeq() };
}

describe('Sender and receiver together', () => {
  it('deliver each event exactly once and in order, however the line is cut', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { delivered, written } = simulateLine(script);
        assert.deepEqual(
          delivered,
          Array.from({ length: written }, (_, index) => index + 1),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
