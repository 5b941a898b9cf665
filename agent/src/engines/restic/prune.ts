/** Takes the data that no snapshot needs any more out of a repository. What a failed or cut prune leaves is still whole: restic deletes last. */
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { EngineFailure } from './classify.ts';
import { findLockDoubt } from './lock-doubt.ts';
import { type LockCheck, settleLock } from './locks.ts';
import { planPrune } from './maintenance-args.ts';
import { findPrunedBytes, parseMaintenanceLine } from './maintenance-parse.ts';
import { createProgressLog } from './progress-log.ts';
import { type OnLog, placeAt, type ResticHost, runRestic } from './restic-tool.ts';

export interface PruneInput {
  access: RepositoryAccess;
  workDir: string;
  /** Unused data that may stay, in percent of what is used. */
  maxUnusedPercent: number;
  signal?: AbortSignal | undefined;
  onLog?: OnLog | undefined;
  /** Bytes read and written so far, of whatever kind. */
  onProgress?: ((progress: { bytes: number }) => void) | undefined;
  /** The repository this is for, once it is known. */
  pinnedId?: string | undefined;
  /** Told when restic may not have let its lock go: what a look for it came to. */
  onLockLook?: ((check: LockCheck) => void) | undefined;
}

export interface PruneOutcome {
  failure?: EngineFailure | undefined;
  /** By restic's own count, rounded to three digits; undefined when it did not get so far. */
  freedBytes?: number | undefined;
}

export async function prune(host: ResticHost, input: PruneInput): Promise<PruneOutcome> {
  const log = createProgressLog(host.clock, input.onLog);
  let freedBytes: number | undefined;
  const { result, failure } = await runRestic(host, {
    command: planPrune(placeAt(host, input.access), input.maxUnusedPercent),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    stallMs: PROCESS.stallMs,
    patience: { retries: 10 },
    onPlainLine(line) {
      freedBytes ??= findPrunedBytes(line);
      const read = parseMaintenanceLine(line);
      if (read) log(read);
    },
    onBytes: ({ readBytes, writtenBytes }) => input.onProgress?.({ bytes: readBytes + writtenBytes }),
    onLog: input.onLog,
  });
  await settleLock(host, input, findLockDoubt(result, failure), failure);
  return failure ? { failure } : { freedBytes: freedBytes ?? 0 };
}
