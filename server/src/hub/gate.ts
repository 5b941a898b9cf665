/**
 * How many agents are let in at once after all of them lost their lines: each welcome is a proof, a commit and a spec, and the agents
 * that are in already must not wait for thousands of them. Whoever is turned away is told within which time to come back, and the more
 * were turned away, the longer that is. Pure but for the clock it is given.
 */
import type { Clock } from '@holdfast/shared/clock.ts';

/** Agents let in a second, with twice as many at once. */
export const ADMISSIONS_PER_SECOND = 500;
/** An agent is never told to come back later than its own longest wait. */
const LONGEST_S = 60;

export interface Gate {
  /** Undefined: come in. Else the seconds over which to spread coming back. */
  turnAway(): number | undefined;
}

export function createGate(clock: Pick<Clock, 'monotonicMs'>, perSecond: number): Gate {
  let places = perSecond * 2;
  /** Turned away and expected back. */
  let waiting = 0;
  let at = clock.monotonicMs();
  return {
    turnAway() {
      const now = clock.monotonicMs();
      const freed = ((now - at) / 1000) * perSecond;
      at = now;
      places = Math.min(perSecond * 2, places + freed);
      waiting = Math.max(0, waiting - freed);
      if (places >= 1) {
        places -= 1;
        return undefined;
      }
      waiting += 1;
      return Math.min(LONGEST_S, 1 + Math.ceil(waiting / perSecond));
    },
  };
}
