/** What befell the programs of a drill and is no word about the backup: what was proven of that stays proven. */
import { createReasonError, findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { AppError } from '@holdfast/shared/errors.ts';
import type { Exec, PipelineResult, StageOutcome, ToolResult } from '../../exec/contract.ts';
import { saysOutOfMemory } from '../../exec/memory-words.ts';

/** Failures that a mishap can look like: what the programs of a drill said themselves. Of the repository the engine has spoken, and is right. */
const MISTAKABLE: ReadonlySet<Reason> = new Set<Reason>(['restore_failed', 'drill_failed', 'evidence_failed', 'unknown_failure']);

/** PostgreSQL, MariaDB and MySQL of their own disk. */
const FULL = /No space left on device|\bERROR (?:1021|1114) \(|\b[Ee]rrcode: 28\b/;

/** PostgreSQL of one of its processes; a shell of a program; the programs of a server that hung up. */
const ENDED =
  /was terminated by signal \d+|^(?:Segmentation fault|Aborted|Killed)\b|\bserver closed the connection unexpectedly|\bLost connection to (?:MySQL )?server|\bserver has gone away/m;

type Mishap = 'memory' | 'disk' | 'ended';

function findMishap({ stderr, signal }: Pick<StageOutcome, 'stderr' | 'signal'>): Mishap | undefined {
  if (saysOutOfMemory(stderr)) return 'memory';
  if (FULL.test(stderr)) return 'disk';
  // Whose reader has gone is ended by that, as it should be.
  const isKilled = signal !== null && signal !== 'SIGPIPE';
  return isKilled || ENDED.test(stderr) ? 'ended' : undefined;
}

export interface Mishaps {
  /** The same exec; what its programs say as they end is looked at. */
  watch(exec: Exec): Exec;
  /** A failure as it is to be told: another one where it may be the work of what befell the programs. */
  judge(failure: AppError): AppError;
}

/** `memoryMiB`: the limit under which the programs run. */
export function createMishaps(memoryMiB: number | undefined): Mishaps {
  const seen = new Set<Mishap>();
  const look = (outcome: StageOutcome) => {
    const mishap = findMishap(outcome);
    if (mishap !== undefined) seen.add(mishap);
  };
  const lookAtTool = (result: ToolResult) => {
    // What was told to end was ended by the drill itself, which may be why it was killed.
    look(result.ending === 'exited' ? result : { ...result, signal: null });
    return result;
  };
  const lookAtPipeline = (result: PipelineResult) => {
    look(result.consumer);
    return result;
  };
  const watch = (exec: Exec): Exec => ({
    limits: exec.limits,
    unmetLimits: exec.unmetLimits,
    withLimits: (limits) => watch(exec.withLimits(limits)),
    runTool: async (options) => lookAtTool(await exec.runTool(options)),
    runPipeline: async (options) => lookAtPipeline(await exec.runPipeline(options)),
  });
  return {
    watch,
    judge(failure) {
      const reason = findReason(failure);
      if (reason === undefined || !MISTAKABLE.has(reason) || seen.size === 0) return failure;
      const tell = (why: Reason, what: string) =>
        createReasonError(why, `A program of the drill ${what}; that says nothing of the backup.`);
      if (memoryMiB !== undefined && seen.has('memory'))
        return tell('memory_limit', `needs more memory than the ${memoryMiB} MiB that this run may take`);
      if (seen.has('disk')) return tell('disk_full', 'found the disk full');
      if (seen.has('memory')) return tell('unknown_failure', 'got no more memory from this host');
      // A server that gets no memory ends in many ways, and not every one is put into words.
      if (memoryMiB !== undefined) return tell('memory_limit', `ended unasked under the limit of ${memoryMiB} MiB of memory`);
      return tell('unknown_failure', 'ended unasked, or lost its server');
    },
  };
}
