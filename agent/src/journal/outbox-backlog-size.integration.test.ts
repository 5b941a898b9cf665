/** What a step of the outbox costs does not depend on how much waits. In memory-backed files, so that no disk is measured. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { type Journal, openJournal } from './journal.ts';

const DAY = 24 * 3_600_000;
const START = Date.parse('2027-01-01T00:00:00Z');
const SMALL = 1_000;
const LARGE = 200_000;
const MARKERS = 50_000;
const MEMORY = '/dev/shm';
/** A walk over all rows is about two hundred times as dear in the large outbox; noise of a busy machine is not. */
const FACTOR = 15;
/** Below this the clock and the other programs of the machine decide. */
const FLOOR_MS = 0.2;
const TRIES = 25;

const notice = (index: number): DurableEvent => ({
  type: 'host.notice',
  at: START,
  level: 'info',
  text: `${index} ${'x'.repeat(200)}`,
});
const log = (index: number): DurableEvent => ({
  type: 'run.log',
  run: `run_${index}` as RunId,
  at: START,
  lines: [{ n: 1, at: START, level: 'info', text: `${index} ${'x'.repeat(200)}` }],
});

type Bench = { readonly journal: Journal; readonly clock: ReturnType<typeof createFixedClock> };

function openFull(
  t: TestContext,
  count: number,
  limits: { events: number; bytes: number },
  make: (index: number) => DurableEvent,
): Bench {
  const stateDir = mkdtempSync(join(MEMORY, 'holdfast-outbox-'));
  const clock = createFixedClock(START);
  const journal = openJournal({
    stateDir,
    clock,
    randomBytes: systemRandomBytes,
    ballastBytes: 1,
    outboxLimits: { ...limits, memoryBytes: 1 << 20, keepAcknowledgedMs: 7 * DAY },
  });
  t.after(() => {
    journal.close();
    rmSync(stateDir, { recursive: true });
  });
  for (let index = 0; index < count; index += 1_000) {
    journal.outbox.appendAll(Array.from({ length: 1_000 }, (_, more) => make(index + more)));
  }
  return { journal, clock };
}

/** The median time of a step. */
function measureMs(step: (index: number) => void): number {
  const times = Array.from({ length: TRIES }, (_, index) => {
    const startedAt = performance.now();
    step(index);
    return performance.now() - startedAt;
  });
  return times.sort((a, b) => a - b)[TRIES >> 1] ?? 0;
}

function assertNoDearer(t: TestContext, what: string, small: number, large: number, count = LARGE): void {
  const words = `${what}: ${small.toFixed(3)} ms among ${SMALL} events, ${large.toFixed(3)} ms among ${count}`;
  t.diagnostic(words);
  assert.ok(large <= FACTOR * Math.max(small, FLOOR_MS), words);
}

describe('an outbox in which very much waits', { timeout: 240_000 }, () => {
  it('takes, sends, acknowledges and undoes as quickly as one in which little waits', (t) => {
    const [small, large] = [SMALL, LARGE].map((count) => openFull(t, count, { events: count, bytes: 1 << 30 }, notice));
    assert.ok(small && large);
    const compare = (what: string, step: (bench: Bench, index: number) => void): void =>
      assertNoDearer(
        t,
        what,
        measureMs((index) => step(small, index)),
        measureMs((index) => step(large, index)),
      );
    compare('an event above the limit', ({ journal }, index) => journal.outbox.append(notice(index)));
    compare('a log line above the limit', ({ journal }, index) => journal.outbox.append(log(index)));
    compare('a frame of events', ({ journal }) => journal.outbox.read(journal.outbox.acknowledgedSeq(), 20, 1 << 20));
    compare('an acknowledgement', ({ journal }) => journal.outbox.acknowledge(journal.outbox.acknowledgedSeq() + 10));
    compare('an event in the place of one that is acknowledged', ({ journal }, index) => journal.outbox.append(notice(index)));
    compare('a transaction that is undone', ({ journal }) => {
      assert.throws(() =>
        journal.transact(() => {
          journal.outbox.append(notice(0));
          throw new Error('no');
        }),
      );
    });
    assert.equal(large.journal.outbox.acknowledgedSeq(), TRIES * 10);
    assert.ok(large.journal.outbox.size().waitingEvents >= LARGE - TRIES * 10);
  });

  it('finds the marker of a run among those of all others', (t) => {
    // Nothing fits, so that of each batch of lines only the marker of its run is kept.
    const open = (count: number) => openFull(t, count, { events: 1e9, bytes: 1 }, log);
    const [small, large] = [open(SMALL), open(MARKERS)];
    const markers = large.journal.outbox.size().events;
    assert.equal(markers, MARKERS);
    const addToOldest = ({ journal }: Bench) => measureMs((index) => journal.outbox.append(log(index)));
    assertNoDearer(t, 'a line of a run with a marker', addToOldest(small), addToOldest(large), MARKERS);
    assert.equal(large.journal.outbox.size().events, markers);
  });
});
