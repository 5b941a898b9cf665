/**
 * Locks in a repository, and the one case in which a lock is removed: it is ours, its process is proven dead, and no other lock
 * is there. restic cannot remove a single lock; `unlock` removes all it holds to be stale, judging by host name and
 * pid, and that goes wrong where two hosts share a name. So a lock beside which another one lies is left and reported.
 */
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { LOCKS, PROCESS } from '@holdfast/shared/limits.ts';
import { findStartTime } from '../../exec/proc.ts';
import { planCatLock, planListLocks, planUnlock, type ResticPlace } from './args.ts';
import type { EngineFailure } from './classify.ts';
import type { LockDoubt } from './lock-doubt.ts';
import { parseIdLines, parseLock, type RepositoryLock } from './parse.ts';
import { findStranger } from './repository.ts';
import { type OnLog, placeAt, type ResticHost, runRestic } from './restic-tool.ts';

/** Locks looked at; a repository with more has a problem that no list explains better. */
const LOCKS_READ = LOCKS.listed;
/** A look after a cancel must not outlast the cancel. */
const LOOK_MS = 5000;

export type LockList = { locks: RepositoryLock[]; failure?: undefined } | { locks?: undefined; failure: EngineFailure };

export interface LockInput {
  place: ResticPlace;
  workDir: string;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface ClearInput {
  access: RepositoryAccess;
  workDir: string;
  /** The repository that the locks lie in: where another one lies now, nothing can be said of them. */
  pinnedId?: string | undefined;
  onLog?: OnLog | undefined;
  /** Waits for those of the processes that hold locks which are still ending; whether it had to, so that the locks are looked at again. */
  awaitEnding?: ((pids: readonly number[]) => Promise<boolean>) | undefined;
}

export async function listLocks(host: ResticHost, input: LockInput): Promise<LockList> {
  const run = (command: ReturnType<typeof planListLocks>) =>
    runRestic(host, {
      command,
      workDir: input.workDir,
      operation: 'other',
      timeoutMs: input.timeoutMs ?? PROCESS.toolTimeoutMs,
      signal: input.signal,
      patience: { retries: 2 },
    });
  const list = await run(planListLocks(input.place));
  if (list.failure) return { failure: list.failure };
  const locks: RepositoryLock[] = [];
  for (const id of parseIdLines(list.result.stdout).slice(0, LOCKS_READ)) {
    const shown = await run(planCatLock(input.place, id));
    const lock = shown.failure ? undefined : parseLock(id, shown.result.stdout);
    // A lock that is gone by now was let go in between.
    if (lock) locks.push(lock);
  }
  return { locks };
}

/** A process that has ended but was not collected yet (PID 1 of some containers takes its time) holds nothing any more. */
const isAlive = (pid: number): boolean => findStartTime(pid) !== undefined;

export interface LockCheck {
  /** Locks of ours that were removed. */
  removed: number;
  /** Locks of ours, their process dead, that had to be left because others lie beside them or removing failed. */
  left: RepositoryLock[];
  /** Set when the repository could not be asked. */
  failure?: EngineFailure | undefined;
}

/** What a backup that could not talk to its repository to the end says of its lock: nobody looked. */
export function notLooked(failure: EngineFailure): LockCheck {
  return { removed: 0, left: [], failure };
}

/** Looks where a lock may have stayed, and says so where nobody can look yet. */
export async function settleLock(
  host: ResticHost,
  input: ClearInput & { readonly onLockLook?: ((check: LockCheck) => void) | undefined },
  doubt: LockDoubt,
  failure: EngineFailure | undefined,
): Promise<void> {
  if (doubt === 'look') {
    const look = await clearOwnLocks(host, input);
    input.onLockLook?.(look);
  } else if (doubt === 'owed' && failure !== undefined) input.onLockLook?.(notLooked(failure));
}

/** Looks for locks that dead processes of this agent left, and removes them when that is safe. */
export async function clearOwnLocks(host: ResticHost, input: ClearInput): Promise<LockCheck> {
  const { access, workDir, pinnedId } = input;
  const place = placeAt(host, access);
  const look = { place, workDir, timeoutMs: LOOK_MS };
  let before = await listLocks(host, look);
  const waited = await input.awaitEnding?.((before.locks ?? []).map(({ pid }) => pid));
  if (waited) before = await listLocks(host, look);
  if (before.failure) return { removed: 0, left: [], failure: before.failure };
  const isOurs = (lock: RepositoryLock) =>
    lock.hostname === host.hostname && host.processes.find(lock.pid, lock.createdAt) === 'ended' && !isAlive(lock.pid);
  const ours = before.locks.filter(isOurs);
  if (ours.length === 0) {
    const failure = await findStranger(host, { access, workDir, pinnedId, timeoutMs: LOOK_MS });
    return { removed: 0, left: [], ...(failure ? { failure } : {}) };
  }
  if (ours.length < before.locks.length) {
    input.onLog?.('warn', 'A lock of this agent is left in the repository; it stays, because others hold locks beside it.');
    return { removed: 0, left: ours };
  }
  const unlock = await runRestic(host, {
    command: planUnlock(place),
    workDir,
    operation: 'other',
    timeoutMs: LOOK_MS,
    patience: { retries: 2 },
  });
  const after = await listLocks(host, look);
  // What restic says it removed is gone, whether or not somebody could look again.
  const isGone = ({ id }: RepositoryLock) => !unlock.failure && !after.locks?.some((lock) => lock.id === id);
  for (const lock of ours.filter(isGone)) host.onLockCleared?.({ pinnedId, lock });
  if (unlock.failure || after.failure) return { removed: 0, left: ours, failure: unlock.failure ?? after.failure };
  const left = after.locks.filter(isOurs);
  if (ours.length > left.length) input.onLog?.('info', 'Removed the lock that the stopped process had left in the repository.');
  return { removed: ours.length - left.length, left };
}
