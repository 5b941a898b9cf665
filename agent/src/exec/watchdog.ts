/** Looks at moved bytes once a second: tells progress, and notices when nothing moves any more. */
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { MovedBytes } from './proc.ts';

/**
 * Less than this since the last mark is no movement: the runtime of a frozen restic alone moves some bytes every few seconds
 * (measured: below 1.5 KiB in five minutes).
 */
const NOISE_BYTES = 16 * 1024;

export interface WatchOptions {
  /** The processes watched; any movement in any of them counts. */
  look(): readonly (MovedBytes | undefined)[];
  onLook(moved: readonly (MovedBytes | undefined)[]): void;
  stallMs: number | undefined;
  onStall(): void;
  intervalMs?: number;
}

/** Starts watching; the returned function ends it. Time is monotonic: a clock that jumps stalls nobody. */
export function startWatchdog(options: WatchOptions): () => void {
  let lastSum = 0;
  let lastMovedAt = performance.now();
  const timer = setInterval(() => {
    const moved = options.look();
    options.onLook(moved);
    const sum = moved.reduce((total, entry) => total + (entry ? entry.readBytes + entry.writtenBytes : 0), 0);
    // A sum that shrinks is a process that ended: movement too.
    if (sum >= lastSum + NOISE_BYTES || sum < lastSum) {
      lastSum = sum;
      lastMovedAt = performance.now();
    } else if (options.stallMs !== undefined && performance.now() - lastMovedAt >= options.stallMs) {
      clearInterval(timer);
      options.onStall();
    }
  }, options.intervalMs ?? PROCESS.progressIntervalMs);
  return () => clearInterval(timer);
}
