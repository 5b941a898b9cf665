/** Locks that a person looks at: who holds them as far as this host can say, and taking them away because that person says so. */
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { HolderState, RepositoryLock } from '@holdfast/shared/domain/lock.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { findStartTime } from '../../exec/proc.ts';
import { planUnlock } from './args.ts';
import type { EngineFailure } from './classify.ts';
import { listLocks } from './locks.ts';
import { findStranger } from './repository.ts';
import { placeAt, type ResticHost, runRestic } from './restic-tool.ts';

/** What this host can say of the holder; see `HOLDER_STATES`. */
export function attestHolder(host: Pick<ResticHost, 'hostname' | 'processes'>, lock: RepositoryLock): HolderState {
  if (lock.hostname !== host.hostname) return 'elsewhere';
  const own = host.processes.find(lock.pid, lock.createdAt);
  const isThere = findStartTime(lock.pid) !== undefined;
  if (own === 'running') return isThere ? 'running' : 'gone';
  if (own === 'ended' && !isThere) return 'gone';
  return isThere ? 'other' : 'unseen';
}

export interface NamedLocksInput {
  access: RepositoryAccess;
  workDir: string;
  pinnedId?: string | undefined;
  /** All locks that were seen there. */
  ids: readonly string[];
}

/** `said`: what restic told of it, where it told anything. */
export type NamedLocksOutcome = { removed: number; failure?: EngineFailure | undefined; said?: string };

const SAID_CHARS = 500;

/**
 * Removes these locks, whoever holds them. Refused as `repository_locked` when another one has come up by then: restic removes all or none. One
 * that is taken in the moment between that look and the removal goes too; restic from 0.15 on notices that its own is gone and stops.
 */
export async function clearNamedLocks(host: ResticHost, input: NamedLocksInput): Promise<NamedLocksOutcome> {
  const { access, workDir, pinnedId } = input;
  const look = { place: placeAt(host, access), workDir, timeoutMs: PROCESS.toolTimeoutMs };
  const stranger = await findStranger(host, { access, workDir, pinnedId });
  if (stranger) return { removed: 0, failure: stranger };
  const before = await listLocks(host, look);
  if (before.failure) return { removed: 0, failure: before.failure };
  if (before.locks.some(({ id }) => !input.ids.includes(id))) {
    const message = 'Another lock has come up since these were looked at, so none was removed. Look again.';
    return { removed: 0, failure: { reason: 'repository_locked', message } };
  }
  if (before.locks.length === 0) return { removed: 0 };
  const { result, failure } = await runRestic(host, {
    command: planUnlock(look.place, { all: true }),
    workDir,
    operation: 'other',
    timeoutMs: PROCESS.toolTimeoutMs,
    patience: { retries: 2 },
  });
  const after = await listLocks(host, look);
  const left = after.locks?.filter(({ id }) => input.ids.includes(id)).length ?? before.locks.length;
  const said = result.stdout.trim().slice(0, SAID_CHARS);
  return { removed: before.locks.length - left, failure: failure ?? after.failure, ...(said === '' ? {} : { said }) };
}
