/** Removes snapshots that were chosen one by one. What counts as gone is what a list of the repository no longer shows, not what restic said. */
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { planForget } from './args.ts';
import { classifyFailure, type EngineFailure } from './classify.ts';
import { findLockDoubt } from './lock-doubt.ts';
import { type LockCheck, settleLock } from './locks.ts';
import { findStranger, listSnapshots } from './repository.ts';
import { type OnLog, placeAt, type ResticHost, runRestic } from './restic-tool.ts';

/** Ids on one command line; a removal of more takes several. */
const IDS_AT_ONCE = 200;
/** Removing is a request for each snapshot, and some storage takes its time over each. */
const FORGET_MS = 15 * PROCESS.toolTimeoutMs;

export interface ForgetInput {
  access: RepositoryAccess;
  workDir: string;
  /** Full ids. */
  engineIds: readonly string[];
  /** All snapshots named carry these, so that the list that proves it is short. */
  tags: readonly string[];
  signal?: AbortSignal | undefined;
  onLog?: OnLog | undefined;
  /** The repository this is for, once it is known. */
  pinnedId?: string | undefined;
  /** Told when restic may not have let its lock go: what a look for it came to. */
  onLockLook?: ((check: LockCheck) => void) | undefined;
}

export interface ForgetOutcome {
  /** Of those named, those that are gone; also when something failed in the middle. */
  gone: readonly string[];
  failure?: EngineFailure | undefined;
}

export async function forget(host: ResticHost, input: ForgetInput): Promise<ForgetOutcome> {
  let failure: EngineFailure | undefined;
  let said = '';
  for (let from = 0; from < input.engineIds.length && failure === undefined; from += IDS_AT_ONCE)
    ({ failure, said } = await forgetSome(host, input, input.engineIds.slice(from, from + IDS_AT_ONCE)));
  // Also after a cancel: what is gone must not be offered for restore.
  const { access, workDir } = input;
  const listed = await listSnapshots(host, { access, workDir, tags: input.tags });
  if (listed.failure) return { gone: [], failure: failure ?? listed.failure };
  const present = new Set(listed.snapshots.map(({ engineId }) => engineId));
  // A snapshot that could not be read is there all the same.
  const gone = listed.unreadable > 0 ? [] : input.engineIds.filter((id) => !present.has(id));
  // In another repository all of them would be gone.
  const stranger = gone.length === 0 ? undefined : await findStranger(host, { access, workDir, pinnedId: input.pinnedId });
  if (stranger) return { gone: [], failure: failure ?? stranger };
  const left = input.engineIds.length - gone.length;
  if (left > 0 && failure === undefined) {
    // A storage that refuses every removal is no failure to restic 0.18, which says so and exits 0.
    const refusal = classifyFailure({ exitCode: 1, signal: null, ending: 'exited', stderr: said }, host.capabilities);
    const message = `${left} of ${input.engineIds.length} snapshots are still in the repository`;
    failure = { reason: refusal.reason, message: said.trim() === '' ? `${message}.` : `${message}: ${refusal.message}` };
  }
  return { gone, failure };
}

async function forgetSome(
  host: ResticHost,
  input: ForgetInput,
  engineIds: readonly string[],
): Promise<{ failure: EngineFailure | undefined; said: string }> {
  const place = placeAt(host, input.access);
  const { result, failure } = await runRestic(host, {
    command: planForget(place, engineIds),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: FORGET_MS,
    patience: { retries: 10 },
    onLog: input.onLog,
  });
  await settleLock(host, input, findLockDoubt(result, failure), failure);
  return { failure, said: result.stderr };
}
