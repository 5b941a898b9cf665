/** How far a host's clock is from the server's, from the times of frames. Pure. Milliseconds; ahead of the server is positive. */

export interface SkewWatch {
  /** From the round trip of challenge and hello: wrong by half the time on the line at most. */
  greet(times: { challengeSentAt: number; challengedAt: number; helloSentAt: number; helloArrivedAt: number }): number;
  /**
   * From one more frame. The new skew when the clock was set meanwhile, else undefined. A frame that waited on the line makes a
   * clock look slow, so that the least delayed of a few counts.
   */
  beat(sentAt: number, arrivedAt: number): number | undefined;
}

/** Changes below this are the line's. */
const STEP_MS = 1000;
const BEATS = 3;

export function createSkewWatch(): SkewWatch {
  let kept = 0;
  let offsets: number[] = [];
  return {
    greet({ challengeSentAt, challengedAt, helloSentAt, helloArrivedAt }) {
      kept = Math.round((challengedAt - challengeSentAt + (helloSentAt - helloArrivedAt)) / 2);
      offsets = [];
      return kept;
    },
    beat(sentAt, arrivedAt) {
      offsets = [...offsets.slice(1 - BEATS), sentAt - arrivedAt];
      if (offsets.length < BEATS) return undefined;
      const least = Math.max(...offsets);
      if (Math.abs(least - kept) <= STEP_MS) return undefined;
      kept = least;
      return kept;
    },
  };
}
