/** How much of one UTC day's log waits for the server, so that a loud day leaves room for the days after it. */
import { DAY_MS } from '@holdfast/shared/durations.ts';

export interface LogDay {
  /** Whether `bytes` more of this day's log are within `limit`; `waitingBytes` is all that the server does not have. */
  fits(bytes: number, at: number, waitingBytes: number, limit: number): boolean;
  add(bytes: number): void;
  /** What is known, for a step that may be undone. */
  remember(): () => void;
}

/** The first instant of the UTC day of `at`, epoch milliseconds. */
export function startOfDay(at: number): number {
  return at - (at % DAY_MS);
}

/** Begins with the day of `at` and what waits of its log. */
export function createLogDay(at: number, waitingBytes: number): LogDay {
  let day = startOfDay(at);
  let waiting = waitingBytes;
  return {
    fits(bytes, now, allWaiting, limit) {
      if (startOfDay(now) !== day) [day, waiting] = [startOfDay(now), 0];
      // What the server took is counted no more; it takes the oldest first.
      waiting = Math.min(waiting, allWaiting);
      return waiting + bytes <= limit;
    },
    add(bytes) {
      waiting += bytes;
    },
    remember() {
      const before = { day, waiting };
      return () => {
        ({ day, waiting } = before);
      };
    },
  };
}
