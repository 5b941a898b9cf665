/** Bytes a second over the last few looks, so that a progress line neither jumps nor lags. Pure. */
import type { Clock } from '@holdfast/shared/clock.ts';

const WINDOW_MS = 10_000;

export interface Rate {
  /** Adds a look and returns bytes a second over the window. */
  look(bytes: number): number;
}

export function createRate(clock: Pick<Clock, 'monotonicMs'>): Rate {
  let looks: { at: number; bytes: number }[] = [];
  return {
    look(bytes) {
      const at = clock.monotonicMs();
      looks = [...looks.filter((look) => at - look.at <= WINDOW_MS), { at, bytes }];
      const first = looks[0];
      if (!first || at - first.at < 1) return 0;
      return Math.max(0, (bytes - first.bytes) / ((at - first.at) / 1000));
    },
  };
}
