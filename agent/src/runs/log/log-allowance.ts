/**
 * What one run may log. Above its limit errors still fit, and the last lines are remembered for a run that does not end well.
 * Sizes are those of a frame, so that what is allowed here is allowed by the server, which measures less.
 */
import type { LogLevel } from '@holdfast/shared/domain/run.ts';
import { LOG } from '@holdfast/shared/limits.ts';

export interface SaidLine {
  level: LogLevel;
  text: string;
  /** Epoch milliseconds. */
  at: number;
}

export interface LogAllowance {
  /** Whether the line may be logged; one that may not is counted and remembered for a while. */
  take(line: SaidLine, bytes: number): boolean;
  /** How many lines were left out in all, and the last of them, in order. */
  readonly leftOut: number;
  listLast(): readonly SaidLine[];
}

/** Room for the line that says what is missing. */
const MARKER_BYTES = 1024;

/** The last lines and the mark before them have their room within the limit. */
export function createLogAllowance(
  limits: Pick<typeof LOG, 'runBytes' | 'runReserveBytes' | 'tailBytes' | 'tailLines'> = LOG,
): LogAllowance {
  const usualBytes = limits.runBytes - limits.tailBytes - MARKER_BYTES;
  let used = 0;
  let leftOut = 0;
  const last: { line: SaidLine; bytes: number }[] = [];
  let lastBytes = 0;

  const remember = (line: SaidLine, bytes: number): void => {
    last.push({ line, bytes });
    lastBytes += bytes;
    while (last.length > limits.tailLines - 1 || lastBytes > limits.tailBytes - MARKER_BYTES)
      lastBytes -= last.shift()?.bytes ?? lastBytes;
  };

  return {
    get leftOut() {
      return leftOut;
    },
    take(line, bytes) {
      const isGrave = line.level === 'error';
      const room = usualBytes + (isGrave ? limits.runReserveBytes : 0);
      if ((isGrave || leftOut === 0) && used + bytes <= room) {
        used += bytes;
        return true;
      }
      leftOut += 1;
      remember(line, bytes);
      return false;
    },
    listLast: () => last.map(({ line }) => line),
  };
}
