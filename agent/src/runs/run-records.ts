/** Where runs are written down: the journal with its events, the recorders that write them, and the processes that are forgotten again. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { NewRun } from '../journal/run-journal.ts';
import { createRecorder, type Recorder } from './log/recorder.ts';
import { logRunEvent } from './log/run-log-lines.ts';
import { writeIfPossible } from './possible-write.ts';
import type { Workbench } from './workbench.ts';

export interface RunRecords {
  /**
   * Journals a run with its first event and `effects`, all or nothing. While the disk refuses writes they wait in memory, and the run goes
   * on all the same: a backup is worth more than its record.
   */
  record(run: NewRun, event: DurableEvent, effects?: () => void): void;
  /** `firstLine` is the number of lines that its log has already. */
  createRecorder(run: RunId, firstLine: number): Recorder;
  /** Where a lock of theirs may still lie in the repository, the processes of a run stay known instead. */
  forgetProcesses(run: RunId): void;
}

export function createRunRecords({ journal, clock, log, sendProgress, setTimer }: Workbench): RunRecords {
  const append = (event: DurableEvent, effects?: () => void) => {
    if (journal.outbox.append(event, effects) === undefined)
      log.warn({ type: event.type }, 'the disk refuses writes; an event waits in memory');
    logRunEvent(log, event);
  };
  return {
    record: (run, event, effects) =>
      append(event, () => {
        journal.runs.record(run);
        effects?.();
      }),
    createRecorder: (run, firstLine) =>
      createRecorder(
        {
          clock,
          append,
          countLogLines: (id, total) => journal.runs.countLogLines(id, total),
          closeRun: (id) => void journal.runs.close(id),
          sendProgress,
          setTimer,
        },
        run,
        firstLine,
      ),
    forgetProcesses(run) {
      writeIfPossible(log, 'processes of a run that left no lock stay known', () => journal.runs.forgetDead(run));
    },
  };
}
