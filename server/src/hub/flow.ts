/** A token bucket: how much one peer may send. Pure but for the clock it is given. */
import type { Clock } from '@holdfast/shared/clock.ts';

export interface Flow {
  /** Takes one frame of so many bytes and returns how long to pause reading, in milliseconds; 0 for not at all. */
  take(bytes: number): number;
}

/** Frames and bytes a second, with a burst of two seconds. What was taken beyond is paid for by the pause. */
export function createFlow(clock: Pick<Clock, 'monotonicMs'>, framesPerSecond: number, bytesPerSecond: number): Flow {
  let frames = framesPerSecond * 2;
  let bytes = bytesPerSecond * 2;
  let at = clock.monotonicMs();
  return {
    take(size) {
      const now = clock.monotonicMs();
      const seconds = (now - at) / 1000;
      at = now;
      frames = Math.min(framesPerSecond * 2, frames + seconds * framesPerSecond) - 1;
      bytes = Math.min(bytesPerSecond * 2, bytes + seconds * bytesPerSecond) - size;
      const debt = Math.max(-frames / framesPerSecond, -bytes / bytesPerSecond, 0);
      return Math.ceil(debt * 1000);
    },
  };
}
