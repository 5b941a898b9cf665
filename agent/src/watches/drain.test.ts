import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import type { Drain } from '@holdfast/shared/domain/drain.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { createDrainWatch } from './drain.ts';

const NOON = Date.UTC(2027, 2, 20, 12);
const HOUR = 3_600_000;
const BACKUP = { kind: 'backup', sources: ['src_a' as SourceId] } as const;

function setUp() {
  const clock = createFixedClock(NOON);
  const wanted: { drain: Drain | undefined } = { drain: undefined };
  const told: string[] = [];
  let changes = 0;
  const watch = createDrainWatch({
    clock,
    findDrain: () => wanted.drain,
    notify: (text) => void told.push(text),
    onChange: () => {
      changes += 1;
    },
  });
  return { clock, wanted, told, watch, changes: () => changes };
}

describe('A drained host', () => {
  it('holds backups and restores until the end of the drain, and says when that is', () => {
    const { clock, wanted, watch } = setUp();
    assert.equal(watch.findHold(BACKUP), undefined);
    wanted.drain = { since: NOON, until: NOON + 2 * HOUR };
    assert.deepEqual(watch.findHold(BACKUP), {
      reason: 'draining',
      message: 'this host is drained until 2027-03-20 14:00 UTC and takes no new runs before',
    });
    assert.equal(watch.findHold({ kind: 'restore', sources: [] })?.reason, 'draining');
    clock.set(NOON + 2 * HOUR);
    assert.equal(watch.findHold(BACKUP), undefined);
  });

  it('does not hold a run that only stands aside for an earlier one', () => {
    const { wanted, watch } = setUp();
    wanted.drain = { since: NOON, until: NOON + HOUR };
    assert.equal(watch.findHold({ kind: 'backup', sources: [] }), undefined);
  });

  it('tells each change once: its beginning, a new end, and that it ended by itself', () => {
    const { clock, wanted, told, watch, changes } = setUp();
    watch.look();
    wanted.drain = { since: NOON, until: NOON + HOUR };
    watch.look();
    watch.look();
    wanted.drain = { since: NOON, until: NOON + 2 * HOUR };
    watch.look();
    clock.set(NOON + 2 * HOUR);
    watch.look();
    watch.look();
    assert.deepEqual(told, [
      'drained: takes no new runs until 2027-03-20 13:00 UTC; what runs goes on',
      'drained: takes no new runs until 2027-03-20 14:00 UTC; what runs goes on',
      'the drain has ended by itself: runs begin again',
    ]);
    assert.equal(changes(), 3);
  });

  it('tells that a person ended it before its time', () => {
    const { wanted, told, watch } = setUp();
    wanted.drain = { since: NOON, until: NOON + HOUR };
    watch.look();
    wanted.drain = undefined;
    watch.look();
    assert.equal(told.at(-1), 'the drain is over: runs begin again');
  });
});
