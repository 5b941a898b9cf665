/**
 * Time, randomness and ids enter the program here and are passed in everywhere else, so that tests own them.
 * All instants are integer epoch milliseconds (UTC); all durations end in their unit.
 */

/** A wall clock in epoch milliseconds and a monotonic one in milliseconds that never jumps. */
export interface Clock {
  /** Epoch milliseconds, UTC. May jump when an administrator or NTP moves the clock. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back. For durations and deadlines. */
  monotonicMs(): number;
}

/** Fills a buffer of `size` bytes with unpredictable bytes. */
export type RandomBytes = (size: number) => Uint8Array;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export const systemRandomBytes: RandomBytes = (size) => crypto.getRandomValues(new Uint8Array(size));

/** A clock that stands still until told otherwise. */
export interface FixedClock extends Clock {
  advance(ms: number): void;
  set(epochMs: number): void;
}

/** A clock for tests: wall time and monotonic time move only by `advance`; `set` moves the wall clock alone, like a jump. */
export function createFixedClock(startEpochMs: number): FixedClock {
  let wall = startEpochMs;
  let monotonic = 0;
  return {
    now: () => wall,
    monotonicMs: () => monotonic,
    advance(ms) {
      wall += ms;
      monotonic += ms;
    },
    set(epochMs) {
      wall = epochMs;
    },
  };
}

/** A number of chance from 0 up to but not including 1, for jitter; not for secrets, although it could. */
export function drawFraction(randomBytes: RandomBytes): number {
  const [a = 0, b = 0, c = 0, d = 0] = randomBytes(4);
  return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) / 2 ** 32;
}
