/**
 * Has the host that keeps a repository up look at its locks once a day, so that one which nobody renews is known before a run waits for it.
 * Nothing is taken away: that is a person's word.
 */
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { LOCKS } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { Repository } from '../../store/repositories.ts';
import type { LockLook } from '../../store/repository-looks.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { type HeldLock, lookAtLocks } from '../repositories/locks.ts';

const AT_ONCE = 2;

export interface LockLooks {
  /** Asks the host if it is time to. */
  begin(caller: Caller, repository: Repository, host: HostId): void;
  close(): void;
}

/** A program that works renews its lock every few minutes. One whose host says that it runs is slow, and not stuck. */
export function judgeLocks(repository: RepositoryId, locks: readonly HeldLock[], now: number): LockLook {
  const stuck = locks
    .filter(({ createdAt, holder }) => now - createdAt > LOCKS.stuckMs && holder?.state !== 'running')
    .toSorted((a, b) => a.createdAt - b.createdAt);
  const [oldest] = stuck;
  if (oldest === undefined) return { repository, at: now, stuck: 0 };
  const { exclusive, hostname, username, pid, createdAt: since, isProvenGone } = oldest;
  const kind = exclusive ? 'an exclusive lock' : 'a lock';
  const end = isProvenGone ? 'its process has ended' : 'nobody renews it';
  return {
    repository,
    at: now,
    stuck: stuck.length,
    since,
    text: `${kind} of ${username} on ${hostname}, process ${pid}: ${end}`,
  };
}

export function createLockLooks(context: CoreContext): LockLooks {
  const { store, clock, log } = context;
  const underWay = new Set<RepositoryId>();
  const notBefore = new Map<RepositoryId, number>();
  let isClosed = false;

  async function look(caller: Caller, { tenant, id }: Repository, host: HostId): Promise<void> {
    const known = await store.repositoryLooks.findLockLook(tenant, id);
    // One that is stuck is looked at again soon, so that its alert ends when somebody took it away.
    const dueAt = known === undefined ? 0 : known.at + (known.stuck > 0 ? LOCKS.stuckMs : LOCKS.lookEveryMs);
    if (dueAt > clock.now()) {
      notBefore.set(id, dueAt);
      return;
    }
    const facts = (await store.hosts.findHost(tenant, host))?.facts;
    if (!hasCapability(facts, 'locks.list')) return;
    const locks = await lookAtLocks(context, caller, { repository: id, host });
    if (!isClosed) await store.repositoryLooks.putLockLook(tenant, judgeLocks(id, locks, clock.now()));
  }

  return {
    begin(caller, repository, host) {
      const { id } = repository;
      if (isClosed || underWay.has(id) || underWay.size >= AT_ONCE || (notBefore.get(id) ?? 0) > clock.now()) return;
      underWay.add(id);
      notBefore.set(id, clock.now() + LOCKS.stuckMs);
      look(caller, repository, host)
        .catch((error: unknown) => {
          if (!isClosed) log.warn({ repository: id, err: error }, 'the locks of a repository could not be looked at');
        })
        .finally(() => underWay.delete(id));
    },
    close() {
      isClosed = true;
    },
  };
}
