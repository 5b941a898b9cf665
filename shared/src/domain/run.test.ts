import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canMove, combineParts, isTerminal, RUN_STATES, type RunState, TERMINAL_STATES, type TerminalState } from './run.ts';

/** Every pair that is allowed; what is not here is refused. */
const ALLOWED: Readonly<Record<RunState, readonly RunState[]>> = {
  queued: ['running', 'finalizing', 'failed', 'cancelled', 'skipped'],
  running: ['finalizing', 'succeeded', 'partial', 'failed', 'cancelled'],
  finalizing: ['succeeded', 'partial', 'failed', 'cancelled'],
  succeeded: [],
  partial: [],
  failed: [],
  cancelled: [],
  skipped: [],
};

describe('A run', () => {
  for (const from of RUN_STATES) {
    it(`that is ${from} may become ${ALLOWED[from].join(', ') || 'nothing else'}`, () => {
      const reached = RUN_STATES.filter((to) => canMove(from, to));
      assert.deepEqual([...reached].sort(), [...ALLOWED[from]].sort());
    });
  }

  it('that never ran cannot have succeeded', () => {
    assert.equal(canMove('queued', 'succeeded'), false);
    assert.equal(canMove('queued', 'partial'), false);
  });

  it('has an end in exactly the terminal states', () => {
    assert.deepEqual(RUN_STATES.filter(isTerminal), [...TERMINAL_STATES]);
  });

  it('never comes back to a state it left, on any way', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...RUN_STATES), { maxLength: 20 }), (wanted) => {
        const visited: RunState[] = ['queued'];
        for (const to of wanted) if (canMove(visited.at(-1) as RunState, to)) visited.push(to);
        return new Set(visited).size === visited.length && visited.filter(isTerminal).length <= 1;
      }),
    );
  });
});

const parts = fc.array(fc.constantFrom(...TERMINAL_STATES), { minLength: 1, maxLength: 8 });
const RANK: Record<TerminalState, number> = { succeeded: 0, partial: 1, skipped: 2, cancelled: 3, failed: 4 };

describe('The state of a run from its parts', () => {
  const table: readonly [TerminalState[], TerminalState][] = [
    [[], 'failed'],
    [['succeeded'], 'succeeded'],
    [['succeeded', 'succeeded'], 'succeeded'],
    [['succeeded', 'failed'], 'partial'],
    [['succeeded', 'skipped'], 'partial'],
    [['succeeded', 'cancelled'], 'partial'],
    [['partial'], 'partial'],
    [['partial', 'failed'], 'partial'],
    [['failed', 'failed'], 'failed'],
    [['failed', 'skipped'], 'failed'],
    [['skipped', 'skipped'], 'skipped'],
    [['cancelled', 'failed'], 'cancelled'],
    [['cancelled', 'skipped'], 'cancelled'],
  ];
  for (const [states, combined] of table)
    it(`is ${combined} for ${states.join(' and ') || 'no part at all'}`, () => assert.equal(combineParts(states), combined));

  it('is green only when every part is green', () => {
    fc.assert(
      fc.property(parts, (states) => (combineParts(states) === 'succeeded') === states.every((state) => state === 'succeeded')),
    );
  });

  it('does not depend on the order of the parts, and knows no part better than the best', () => {
    fc.assert(
      fc.property(parts, (states) => {
        const combined = combineParts(states);
        return (
          combined === combineParts([...states].reverse()) && RANK[combined] >= Math.min(...states.map((state) => RANK[state]))
        );
      }),
    );
  });

  it('never hides a snapshot: one usable part makes the run succeeded or partial', () => {
    fc.assert(
      fc.property(parts, (states) => {
        const usable = states.some((state) => state === 'succeeded' || state === 'partial');
        return usable === ['succeeded', 'partial'].includes(combineParts(states));
      }),
    );
  });
});
