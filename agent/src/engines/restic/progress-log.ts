/** Lines of long work on a repository, for a run's log: what matters at once, what only counts up from time to time. */
import type { Clock } from '@holdfast/shared/clock.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { cleanText, showName } from './classify.ts';
import type { CheckLine } from './maintenance-parse.ts';
import type { OnLog } from './restic-tool.ts';

/** A line of progress so often at most. */
const EVERY_MS = 30_000;

export function createProgressLog(clock: Pick<Clock, 'monotonicMs'>, onLog: OnLog | undefined): (line: CheckLine) => void {
  let saidAt = clock.monotonicMs();
  return (line) => {
    if (!onLog) return;
    if (line.kind === 'progress') {
      const isLast = line.done === line.total;
      if (!isLast && clock.monotonicMs() - saidAt < EVERY_MS) return;
      saidAt = clock.monotonicMs();
    }
    // Names of snapshots, trees and files in a repository are the text of others.
    onLog(line.kind === 'error' ? 'error' : 'info', showName(cleanText(line.text, TEXT.logLineBytes / 4)));
  };
}
