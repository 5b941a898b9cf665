/**
 * Locks of a repository, for the person who finds it locked: who holds each one, whether that holder is still there, and taking away what nobody
 * needs any more. The hosts answer both; this server opens no repository.
 */
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { type HolderState, isProvenGone, type RepositoryLock } from '@holdfast/shared/domain/lock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import { demandCapability } from './agent-ability.ts';
import { recordAct } from './audit.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';
import { prepareRepositoryQuestion, QUESTION_LIFE_MS } from './repositories.ts';

/** A look may have to wait for a repository that is slow to answer, a removal for several looks. */
const LOOK_TIMEOUT_MS = 60_000;
const ATTEST_TIMEOUT_MS = 10_000;

export interface LockQuestion {
  repository: RepositoryId;
  /** The host that opens it. */
  host: HostId;
}

/** A lock, and what the host it names said of its holder; no holder where no host of this name is known here. */
export interface HeldLock extends RepositoryLock {
  holder?: { host: HostId; name: string; state: HolderState | 'unasked' } | undefined;
  /** Nobody needs it any more: the host that took it says so. */
  isProvenGone: boolean;
}

/** What the hosts that call themselves so say of these locks; the strongest word wins where several do. */
async function attest(
  context: CoreContext,
  caller: Caller,
  hostname: string,
  locks: readonly RepositoryLock[],
): Promise<ReadonlyMap<string, NonNullable<HeldLock['holder']>>> {
  const strength = ['running', 'gone', 'other', 'unseen', 'elsewhere', 'unasked'] as const;
  const found = new Map<string, NonNullable<HeldLock['holder']>>();
  for (const { id: host, name, facts } of await context.store.hosts.findHostsByHostname(caller.tenant, hostname)) {
    const says = new Map<string, HolderState>();
    if (context.directory.isOnline(host) && hasCapability(facts, 'locks.attest')) {
      const body = { locks: [...locks], notAfter: context.clock.now() + QUESTION_LIFE_MS };
      const answer = await context.directory
        .request(host, 'locks.attest', body, { timeoutMs: ATTEST_TIMEOUT_MS })
        .catch(() => undefined);
      for (const { id, state } of answer?.holders ?? []) says.set(id, state);
    }
    for (const { id } of locks) {
      const state = says.get(id) ?? 'unasked';
      const known = found.get(id);
      if (known === undefined || strength.indexOf(state) < strength.indexOf(known.state)) found.set(id, { host, name, state });
    }
  }
  return found;
}

/** Opens the repository from the host and tells its locks. Throws as a test of the repository does. */
export async function lookAtLocks(context: CoreContext, caller: Caller, question: LockQuestion): Promise<readonly HeldLock[]> {
  demand(caller, 'repository.manage');
  const { host, ref, draft, saved } = await prepareRepositoryQuestion(context, caller, question);
  demandCapability(host, 'locks.list', 'to look after locks');
  const pinned = saved?.engineId === undefined ? {} : { pinnedId: saved.engineId };
  const body = { ref, draft, ...pinned, notAfter: context.clock.now() + QUESTION_LIFE_MS };
  const { locks } = await context.directory.request(host.id, 'locks.list', body, { timeoutMs: LOOK_TIMEOUT_MS });
  const held: HeldLock[] = [];
  for (const hostname of new Set(locks.map((lock) => lock.hostname))) {
    const own = locks.filter((lock) => lock.hostname === hostname);
    const says = await attest(context, caller, hostname, own);
    for (const lock of own) {
      const holder = says.get(lock.id);
      held.push({ ...lock, holder, isProvenGone: holder?.state !== 'unasked' && isProvenGone(holder?.state) });
    }
  }
  return held.toSorted((a, b) => a.createdAt - b.createdAt);
}

/**
 * Takes these locks away. Unless `isForced`, only when the hosts that took them say that their holders are gone. Throws `precondition` where
 * they do not, and `conflict` when other locks lie there by now than those that were named.
 */
export async function clearLocks(
  context: CoreContext,
  caller: Caller,
  question: LockQuestion & { ids: readonly string[]; isForced: boolean },
): Promise<{ removed: number }> {
  const { ids, isForced, repository, host: from } = question;
  const held = await lookAtLocks(context, caller, { repository, host: from });
  if (held.some((lock) => !ids.includes(lock.id)))
    throw new AppError('conflict', 'another lock has come up since these were looked at, so none was removed; look again');
  const named = held.filter((lock) => ids.includes(lock.id));
  if (named.length === 0) return { removed: 0 };
  const alive = named.filter((lock) => !lock.isProvenGone);
  if (alive.length > 0 && !isForced)
    throw new AppError(
      'precondition',
      'nobody could say that every holder is gone; find out on its host, and remove the locks by force only when no process works there any more',
    );
  const { host, ref, draft, saved } = await prepareRepositoryQuestion(context, caller, { repository, host: from });
  const pinned = saved?.engineId === undefined ? {} : { pinnedId: saved.engineId };
  const body = { ref, draft, ...pinned, ids: named.map(({ id }) => id), notAfter: context.clock.now() + QUESTION_LIFE_MS };
  const { removed } = await context.directory.request(host.id, 'locks.clear', body, { timeoutMs: 2 * LOOK_TIMEOUT_MS });
  await recordAct(context, caller, {
    action: 'repository.locks_cleared',
    target: { kind: 'repository', id: repository, name: saved?.name ?? '' },
    change: {
      host: host.name,
      removed,
      isForced: alive.length > 0,
      locks: named.map(({ id, hostname, username, pid, createdAt, exclusive, holder }) => ({
        id: id.slice(0, 8),
        hostname,
        username,
        pid,
        createdAt,
        exclusive,
        holder: holder?.state ?? 'unknown',
      })),
    },
  });
  return { removed };
}
