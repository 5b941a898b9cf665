/**
 * A backup, or a copy, that finds its repository locked by somebody else waits for them: what prunes or checks a repository may take hours, and
 * the night must not be lost to it. It waits aside, without a slot of its host, looks each minute, and uses no attempt of its plan. With restic's
 * own `--retry-lock` the dump would hang meanwhile, and the slot would be taken.
 */
import type { RepositoryLock } from '@holdfast/shared/domain/lock.ts';
import { type PreparedRepository, withWorkDir } from '../inputs.ts';
import type { JournaledBackup } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import { writeIfPossible } from '../possible-write.ts';
import type { NextAttempt } from '../queue/queue.ts';
import type { Workbench } from '../workbench.ts';
import { findStop } from './agent-stop.ts';

export const LOCK_LOOK_MS = 60_000;
/** What lives renews its lock each five minutes, under a new id; restic takes one of 30 minutes for left behind. Nobody lets go of such a one. */
const RENEWED_WITHIN_MS = 35 * 60_000;
/** Longer than any upkeep that is worth waiting for; a plan may give its runs less. */
const PATIENCE_MS = 12 * 3_600_000;
/** Waits of one run, should others come in between again and again. */
const WAITS_MOST = 30;

type LockWait = NonNullable<JournaledBackup['lockWait']>;

/** Whether a run that found its repository locked now may wait for it. */
export function mayAwaitLock({ lockWait }: Pick<JournaledBackup, 'lockWait'>): boolean {
  return lockWait === undefined || (lockWait.state !== 'given_up' && lockWait.count < WAITS_MOST);
}

/** A wait that begins at `now`, epoch milliseconds. */
export function beginLockWait(before: LockWait | undefined, now: number): LockWait {
  return { count: (before?.count ?? 0) + 1, since: before?.since ?? now, state: 'waits' };
}

/** Only these keep a backup out; other backups do not. Pure. */
export const findHolder = (locks: readonly RepositoryLock[]) => locks.find(({ exclusive }) => exclusive);

/** Where a wait stands after a look at `now`, epoch milliseconds. */
export function judgeLocks(wait: LockWait, locks: readonly RepositoryLock[], now: number): LockWait {
  const { seen, ...rest } = wait;
  const holder = findHolder(locks);
  if (holder === undefined) return { ...rest, state: 'over' };
  const since = seen?.lock === holder.id ? seen.since : now;
  const isLeft = now - since >= RENEWED_WITHIN_MS;
  const isLong = now - wait.since >= PATIENCE_MS;
  return { ...rest, seen: { lock: holder.id, since }, state: isLeft || isLong ? 'given_up' : 'waits' };
}

/** Half a sentence on who is in the way. */
export function sayHolder({ username, hostname, pid }: RepositoryLock): string {
  return `${username === '' ? 'somebody' : username} on ${hostname === '' ? 'a host without a name' : hostname}, process ${pid}`;
}

export interface WaitingRun {
  workbench: Workbench;
  recorder: Recorder;
  body: { lockWait?: LockWait | undefined };
  /** Opens what it works in: one repository or two, none where the host does not have it any more. */
  prepare(workDir: string): readonly PreparedRepository[];
  /** Of a person's cancel, the time limit and the end of the agent. */
  signal: AbortSignal;
}

/** The locks in a repository, after those of dead processes of this agent are gone; undefined when nobody could look. */
async function lookInto(
  { workbench, recorder, signal }: WaitingRun,
  { access, pinnedId }: PreparedRepository,
  workDir: string,
): Promise<readonly RepositoryLock[] | undefined> {
  const engine = workbench.engine(workbench.exec);
  const { locks } = await engine.listLocks({ access, workDir, signal });
  if (!locks?.some((lock) => engine.attestHolder(lock) === 'gone')) return locks;
  await engine.clearOwnLocks({ access, workDir, pinnedId, onLog: recorder.log });
  return (await engine.listLocks({ access, workDir, signal })).locks;
}

/** The locks in all repositories of the run; undefined when nobody could look into one of them. */
async function look(run: WaitingRun): Promise<readonly RepositoryLock[] | undefined> {
  return await withWorkDir(run.workbench, async (workDir) => {
    const repositories = run.prepare(workDir);
    if (repositories.length === 0) return undefined;
    const found: RepositoryLock[] = [];
    for (const repository of repositories) {
      const locks = await lookInto(run, repository, workDir);
      if (locks === undefined) return undefined;
      found.push(...locks);
    }
    return found;
  });
}

/** What the log says when a wait has ended. */
function sayEnd(locks: readonly RepositoryLock[] | undefined): string {
  if (locks === undefined) return 'the repository could not be looked at: the next attempt says why';
  const holder = findHolder(locks);
  return holder ? `waited long enough for ${sayHolder(holder)}` : 'the wait is over: nobody holds the repository';
}

/**
 * One look for a run that waits: when to look again, or undefined once its next attempt is to begin, be it that nothing is in the way any
 * more or that the attempt has to say what is. `mayWait`: there is time for another look. Never throws.
 */
export async function lookAtLock(run: WaitingRun, mayWait: boolean): Promise<NextAttempt | undefined> {
  const { workbench, recorder, body, signal } = run;
  const before = body.lockWait;
  if (before?.state !== 'waits' || signal.aborted) return undefined;
  const locks = await look(run).catch(() => undefined);
  // The journal has it waiting: the next life of the agent goes on with that.
  if (findStop(signal)) return { afterMs: LOCK_LOOK_MS };
  const wait = locks ? judgeLocks(before, locks, workbench.clock.now()) : { ...before, state: 'over' as const };
  const holder = findHolder(locks ?? []);
  if (wait.state === 'waits' && holder && mayWait) {
    body.lockWait = wait;
    if (before.seen === undefined) {
      recorder.log('info', `waits: the repository is held by ${sayHolder(holder)}`);
      writeIfPossible(workbench.log, 'the run waits all the same', () => recorder.settle());
    }
    return { afterMs: LOCK_LOOK_MS };
  }
  body.lockWait = wait.state === 'waits' ? { ...wait, state: 'given_up' } : wait;
  recorder.log('info', sayEnd(locks));
  return undefined;
}
