import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { openJournal } from './journal.ts';
import { PRUNED_ROWS } from './outbox-rows.ts';

const DAY = 24 * 3_600_000;
const START = Date.parse('2027-01-01T00:00:00Z');

it('An acknowledgement lets go of no more old events than hold nothing up, and the next one of the rest', (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-prune-'));
  const clock = createFixedClock(START);
  const outboxLimits = { events: 100_000, bytes: 1e9, memoryBytes: 1 << 20, keepAcknowledgedMs: DAY };
  const journal = openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 1, outboxLimits });
  t.after(() => {
    journal.close();
    rmSync(stateDir, { recursive: true });
  });
  const { outbox } = journal;
  const notice = (index: number): DurableEvent => ({ type: 'host.notice', at: START, level: 'info', text: `${index}` });
  const old = PRUNED_ROWS + 500;
  outbox.appendAll(Array.from({ length: old + 3 }, (_, index) => notice(index)));
  outbox.acknowledge(old);
  assert.equal(outbox.firstSeq(), 1);
  clock.advance(2 * DAY);
  outbox.acknowledge(old + 1);
  assert.equal(outbox.firstSeq(), PRUNED_ROWS + 1);
  outbox.acknowledge(old + 2);
  assert.deepEqual([outbox.firstSeq(), outbox.size().events], [old + 1, 3]);
});
