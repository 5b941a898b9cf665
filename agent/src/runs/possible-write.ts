/** Writes to the journal that a run must not depend on. */
import { isUnwritable } from '../journal/journal.ts';
import type { AgentLog } from './workbench.ts';

/** Does what the journal allows; a disk that refuses writes is a warning. `lost` says what is not remembered then. */
export function writeIfPossible(log: AgentLog, lost: string, effects: () => void): void {
  try {
    effects();
  } catch (error) {
    if (!isUnwritable(error)) throw error;
    log.warn({ err: error }, `the disk refuses writes; ${lost}`);
  }
}
