import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { JournalGlance } from '../journal/peek.ts';
import { findDrainState } from './drain-state.ts';

const NOON = Date.UTC(2027, 2, 20, 12);
const SPEC = { drain: { since: NOON, until: NOON + 3_600_000 } } as Spec;
const glanceOf = (...waiting: boolean[]) =>
  ({
    openRuns: waiting.map((each, n) => ({ run: `run_${n}`, kind: 'backup', openedAt: 1, waiting: each })),
  }) as unknown as JournalGlance;

describe('How far a drained host is', () => {
  it('tells what still runs and what waits', () => {
    const read = (...waiting: boolean[]) => findDrainState(SPEC, glanceOf(...waiting), NOON);
    assert.equal(read(false, true)?.text, 'takes no new runs until 2027-03-20T13:00:00.000Z: 1 run goes on, 1 waits for its end');
    assert.equal(read(false, false)?.active, 2);
    assert.equal(read()?.text, 'takes no new runs until 2027-03-20T13:00:00.000Z: nothing runs any more');
  });

  it('is nothing before a drain, after it, and without a spec', () => {
    assert.equal(findDrainState({} as Spec, glanceOf(), NOON), undefined);
    assert.equal(findDrainState(SPEC, glanceOf(), NOON + 3_600_000), undefined);
    assert.equal(findDrainState(undefined, undefined, NOON), undefined);
  });
});
