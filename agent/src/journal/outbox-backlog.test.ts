import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import fc from 'fast-check';
import { createOutboxBacklog, type OutboxBacklog } from './outbox-backlog.ts';
import { encodeEvent } from './outbox-rows.ts';

const log = (run: string, first: number, count: number): DurableEvent => ({
  type: 'run.log',
  run: run as RunId,
  at: 1,
  lines: Array.from({ length: count }, (_, index) => ({ n: first + index, at: 1, level: 'info', text: 'x'.repeat(200) })),
});
const started = (run: string): DurableEvent => ({ type: 'run.started', run: run as RunId, at: 1 });

function drain(backlog: OutboxBacklog): { events: DurableEvent[]; effects: number } {
  const events: DurableEvent[] = [];
  let effects = 0;
  for (let entry = backlog.peek(); entry; entry = backlog.peek()) {
    events.push(...entry.encoded.map(({ event }) => event));
    if (entry.effects) effects += 1;
    backlog.shift();
  }
  return { events, effects };
}

describe('events that wait in memory', () => {
  it('come out in the order they went in, untouched below the limit', () => {
    const events = [started('run_a'), log('run_a', 1, 3), started('run_b')].map(encodeEvent);
    const backlog = createOutboxBacklog(events.reduce((sum, { bytes }) => sum + bytes, 0));
    for (const event of events) backlog.push([event], undefined);
    assert.deepEqual(
      drain(backlog).events,
      events.map(({ event }) => event),
    );
    assert.deepEqual([backlog.bytes(), backlog.count(), backlog.isEmpty()], [0, 0, true]);
  });

  it('lose log lines only, count each lost one, keep every effect, and stay bounded', () => {
    const step = fc.record({ run: fc.constantFrom('run_a', 'run_b'), lines: fc.nat(6), effect: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 500, max: 8000 }), (steps, limit) => {
        const backlog = createOutboxBacklog(limit);
        let others = 0;
        let effects = 0;
        let lines = 0;
        for (const { run, lines: count, effect } of steps) {
          backlog.push(
            [encodeEvent(count === 0 ? started(run) : log(run, lines + 1, count))],
            effect ? () => undefined : undefined,
          );
          lines += count;
          if (count === 0) others += 1;
          if (effect) effects += 1;
          // Two runs leave at most a marker for each batch that was whole when the limit was reached.
          assert.ok(backlog.bytes() <= limit + others * 80 + (limit / 200) * 260 + 600);
        }
        const left = drain(backlog);
        assert.equal(left.effects, effects);
        assert.equal(left.events.filter(({ type }) => type === 'run.started').length, others);
        const seen = left.events.flatMap((event) => (event.type === 'run.log' ? event.lines : []));
        const counted = seen.map(({ text }) => Number(/^\[holdfast\] (\d+) log/.exec(text)?.[1] ?? 1));
        assert.equal(
          counted.reduce((sum, count) => sum + count, 0),
          lines,
        );
        assert.equal(backlog.bytes(), 0);
      }),
      { numRuns: 200 },
    );
  });
});
