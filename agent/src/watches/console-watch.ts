/** Looks for runs that commands on this host carried out beside the agent, so that the ledger hears of them. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { isUnwritable } from '../journal/journal.ts';
import { type ConsoleRunsPorts, takeInConsoleRuns } from '../runs/recovery/console-runs.ts';

export interface ConsoleWatch {
  /** Takes in what is over; never throws. To be called at the start, before repositories are compared, and every now and then. */
  look(): void;
  /** Runs of commands that went on at the last look: what they store is nobody's orphan. */
  listLive(): readonly RunId[];
}

export function createConsoleWatch(ports: ConsoleRunsPorts): ConsoleWatch {
  const { log } = ports.workbench;
  let live: readonly RunId[] = [];
  let said = '';
  return {
    look() {
      try {
        live = takeInConsoleRuns(ports);
        said = '';
      } catch (error) {
        const { message } = error as Error;
        // Looked at again in moments; said once.
        if (message !== said && !isUnwritable(error))
          log.error({ err: error }, 'what was backed up by hand on this host could not be looked for');
        said = message;
      }
    },
    listLive: () => live,
  };
}
