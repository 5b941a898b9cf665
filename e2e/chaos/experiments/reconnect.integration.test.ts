import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isGood, type Outcome } from '../experiment.ts';
import type { Absence } from '../light-agent.ts';
import { openTestLab } from './fixtures/test-lab.ts';
import { joinAbsences, judgeHellos, judgeReturns, RECONNECT } from './reconnect.ts';

/** Away from the first instant to the second, in seconds. */
const makeAbsence = (lostS: number, welcomedS: number | undefined, dials = 1): Absence => ({
  lostAt: lostS * 1000,
  welcomedAt: welcomedS === undefined ? undefined : welcomedS * 1000,
  helloMs: 5,
  dials,
});

const listGood = (absences: readonly Absence[]) => judgeReturns([{ readyAt: 2_000, absences }]).map(isGood);

/** Tests share the machine, so milliseconds are judged with room for others; what they watch for takes seconds. */
const leaveRoom = (outcome: Outcome): Outcome => (outcome.unit === 'ms' ? { ...outcome, limit: 2_500 } : outcome);

describe('A fleet whose server is restarted', { timeout: 120_000 }, () => {
  it('is back soon, and its hellos are answered in time', async (t) => {
    const { lab, injections } = await openTestLab(t, 'selection');
    const outcomes = await RECONNECT.run(lab);
    assert.deepEqual(
      outcomes.map(({ name }) => name),
      RECONNECT.figures,
    );
    for (const outcome of outcomes) {
      t.diagnostic(`${outcome.name}: ${outcome.bad}, ${outcome.detail}`);
      assert.ok(isGood(leaveRoom(outcome)), JSON.stringify(outcome, undefined, 2));
    }
    assert.equal(injections.length, 2);
  });

  it('misses the figures when one agent is late or never comes back', () => {
    const quick = makeAbsence(0, 3);
    assert.deepEqual(listGood([quick, quick]), [true, true]);
    assert.deepEqual(listGood([quick, makeAbsence(0, 12.1)]), [false, true]);
    assert.deepEqual(listGood([quick, makeAbsence(-20, 11)]), [true, false]);
    assert.deepEqual(listGood([quick, makeAbsence(0, undefined)]), [false, false]);
    assert.ok(isGood(judgeHellos([...Array.from({ length: 99 }, () => 10), 900], 1)));
    assert.ok(!isGood(judgeHellos([...Array.from({ length: 98 }, () => 10), 900, 900], 1)));
  });

  it('counts an agent that was welcomed and lost its line again as away all the time', () => {
    const joined = joinAbsences([makeAbsence(1, 2), makeAbsence(3, 9, 4)]);
    assert.deepEqual(joined, { ...makeAbsence(1, 9), dials: 5 });
    assert.throws(() => joinAbsences([]), /did not notice/);
  });
});
