/**
 * Notices that restic no longer gets anywhere. Heartbeats do not count: it prints a status line a second and retries for many
 * minutes while its repository is frozen or gone. Pure but for the clock it is given.
 */
import type { Clock } from '@holdfast/shared/clock.ts';
import { isRetryLine } from './parse.ts';

/** Movement below this, its own output subtracted, is noise of the runtime and of attempts to connect. */
const NOISE_BYTES = 64 * 1024;

export interface MovementWatch {
  /** Bytes the process moved in total, and how many of them were its own output lines. */
  onBytes(movedBytes: number, outputBytes: number): void;
  /** Something that counts changed: files done, bytes done. */
  onAdvance(mark: string): void;
}

/** `onStall` is called once, from within `onBytes`, after `stallMs` without movement. */
export function createMovementWatch(clock: Clock, stallMs: number | undefined, onStall: () => void): MovementWatch {
  let lastMovedAt = clock.monotonicMs();
  let lastNet = 0;
  let lastMark = '';
  let stalled = false;
  return {
    onBytes(movedBytes, outputBytes) {
      const net = movedBytes - outputBytes;
      if (net - lastNet >= NOISE_BYTES) {
        lastNet = net;
        lastMovedAt = clock.monotonicMs();
      } else if (!stalled && stallMs !== undefined && clock.monotonicMs() - lastMovedAt >= stallMs) {
        stalled = true;
        onStall();
      }
    },
    onAdvance(mark) {
      if (mark === lastMark) return;
      lastMark = mark;
      lastMovedAt = clock.monotonicMs();
    },
  };
}

/** Retries that will not help however often they are made: rights, room, and trust do not come back by waiting. */
const HOPELESS =
  /permission denied|operation not permitted|read-only file system|no space left|quota exceeded|\(507\)|507 Insufficient|\(40[13]\)|40[13] (?:Unauthorized|Forbidden)|x509:|HTTP response to HTTPS client|Access Denied/i;
const HOPELESS_RETRIES = 3;

export interface Patience {
  /** Gives up after this many retries of any kind; undefined: only time counts. */
  retries?: number | undefined;
  /** Gives up when retries went on for this long without an advance. */
  retryMs?: number | undefined;
}

export interface RetryWatch {
  onStderrLine(line: string): void;
  onAdvance(): void;
}

/** Up to 0.14 and again in 0.18 restic retries for about fifteen minutes; this ends it when waiting is pointless. */
export function createRetryWatch(clock: Clock, patience: Patience, onGiveUp: () => void): RetryWatch {
  let retries = 0;
  let hopeless = 0;
  let firstAt: number | undefined;
  let gaveUp = false;
  return {
    onStderrLine(line) {
      if (gaveUp || !isRetryLine(line)) return;
      retries += 1;
      if (HOPELESS.test(line)) hopeless += 1;
      firstAt ??= clock.monotonicMs();
      const tooMany = patience.retries !== undefined && retries >= patience.retries;
      const tooLong = patience.retryMs !== undefined && clock.monotonicMs() - firstAt >= patience.retryMs;
      if (!tooMany && !tooLong && hopeless < HOPELESS_RETRIES) return;
      gaveUp = true;
      onGiveUp();
    },
    onAdvance() {
      firstAt = undefined;
      retries = 0;
    },
  };
}
