/** What the end of a restic says of the lock it held: one that leaves by itself lets go of it, unless it could not. Pure. */
import type { Ending, StageOutcome } from '../../exec/contract.ts';
import type { EngineFailure } from './classify.ts';
import { wasCutShort } from './cut-short.ts';

/**
 * `look`: it was ended, or its line broke as it left, so that its lock may still be there. `owed`: the repository was out of reach, so that nobody
 * can look yet.
 */
export type LockDoubt = 'look' | 'owed' | 'none';

/** Of a lock that could not be removed restic 0.14 says nothing and ends well: only ssh tells that its line broke. Newer ones try again, and say so. */
const LINE_BROKE =
  /^subprocess ssh: .{0,300}(?:closed|reset|broken pipe|timed out|not responding|disconnect)|^Remove\(<lock\/|error while unlocking/im;

export function findLockDoubt(
  end: Pick<StageOutcome, 'signal' | 'exitCode' | 'stderr'> & { readonly ending?: Ending },
  failure: EngineFailure | undefined,
): LockDoubt {
  if ((end.ending !== undefined && end.ending !== 'exited') || wasCutShort(end)) return 'look';
  if (failure?.reason.startsWith('repository_')) return 'owed';
  return LINE_BROKE.test(end.stderr) ? 'look' : 'none';
}
