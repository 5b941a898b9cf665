/** Lines of one run on their way into the journal: numbered, and written in batches that fit a frame. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import { measureJson } from './clipping.ts';
import type { SaidLine } from './log-allowance.ts';

/** Room for the line's number, time and level in a frame. */
const LINE_OVERHEAD_BYTES = 100;

export interface LogBatches {
  /** Lines so far, those of an earlier life of the agent included. */
  readonly count: number;
  /** `size` is that of `measureLine`. */
  push(line: SaidLine, size?: number): void;
  /** Writes what waits, now. */
  flush(): void;
}

export interface LogBatchesPorts {
  clock: Pick<Clock, 'monotonicMs'>;
  write(lines: LogLine[]): void;
  /** Calls back once after `ms`; returns how to stop that. */
  setTimer(ms: number, callback: () => void): () => void;
}

/** Bytes of a line in a frame. */
export function measureLine({ text }: Pick<SaidLine, 'text'>): number {
  return measureJson(text) + LINE_OVERHEAD_BYTES;
}

export function createLogBatches({ clock, write, setTimer }: LogBatchesPorts, firstLine: number): LogBatches {
  let pending: LogLine[] = [];
  let pendingBytes = 0;
  let count = firstLine;
  let stopTimer: (() => void) | undefined;
  let lastFlushAt = Number.NEGATIVE_INFINITY;

  const flush = () => {
    stopTimer?.();
    stopTimer = undefined;
    if (pending.length === 0) return;
    const lines = pending;
    pending = [];
    pendingBytes = 0;
    lastFlushAt = clock.monotonicMs();
    write(lines);
  };
  return {
    get count() {
      return count;
    },
    push(line, size = measureLine(line)) {
      if (pending.length >= LOG.linesPerBatch || pendingBytes + size > LOG.batchBytes) flush();
      count += 1;
      pending.push({ n: count, at: line.at, level: line.level, text: line.text });
      pendingBytes += size;
      if (stopTimer) return;
      // A line after a quiet moment leaves at once; a torrent leaves in batches.
      const wait = Math.max(0, LOG.batchDelayMs - (clock.monotonicMs() - lastFlushAt));
      stopTimer = setTimer(wait, flush);
    },
    flush,
  };
}
