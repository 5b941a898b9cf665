/** Logs of runs are put together once their runs have ended, and kept for so many days; then they leave, and their runs stay. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LOG } from '@holdfast/shared/limits.ts';
import type { CoreContext } from '../ports.ts';

/**
 * Removes logs that are older than `days`, in short steps with a turn of the event loop after each; what one round does not
 * reach is left for the next. Returns how many logs are gone.
 */
export async function removeOldLogs(context: Pick<CoreContext, 'store' | 'clock'>, days: number): Promise<number> {
  let gone = 0;
  for (let step = 0; step < LOG.removalSteps; step += 1) {
    const { removed, hasMore } = await context.store.logs.removeOldLogs(days, context.clock.now());
    gone += removed;
    if (!hasMore) break;
    await nextTurn();
  }
  return gone;
}

/** Puts short logs of ended runs together, in steps like those of the removal. Returns how many were moved. */
export async function gatherLogs(context: Pick<CoreContext, 'store'>): Promise<number> {
  let moved = 0;
  for (let step = 0; step < LOG.blockSteps; step += 1) {
    const { gathered, hasMore } = await context.store.logs.gatherLogs();
    moved += gathered;
    if (!hasMore) break;
    await nextTurn();
  }
  return moved;
}
