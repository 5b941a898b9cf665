/**
 * Locks of a repository, for the person who finds it locked: who holds each one, whether that holder is still there, and taking away what nobody
 * needs any more, in a run of its own. The hosts answer; this server opens no repository.
 */
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { type HolderState, isProvenGone, type RepositoryLock } from '@holdfast/shared/domain/lock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { Run } from '../../store/runs.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from '../runs/run-orders.ts';
import { orderRepository } from './admin-credential.ts';
import { getRepository, prepareRepositoryQuestion, QUESTION_LIFE_MS } from './repositories.ts';

/** A look may have to wait for a repository that is slow to answer. */
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
 * Orders a host to take these locks away. Unless `isForced`, only when the hosts that took them say that their holders are gone. Undefined where
 * none of them is there any more. Throws `precondition` where they do not, and `conflict` when other locks lie there by now than those that
 * were named.
 */
export async function startUnlock(
  context: CoreContext,
  caller: Caller,
  question: LockQuestion & { ids: readonly string[]; isForced: boolean },
): Promise<Run | undefined> {
  const { ids, isForced, repository: id, host: from } = question;
  const held = await lookAtLocks(context, caller, { repository: id, host: from });
  if (held.some((lock) => !ids.includes(lock.id)))
    throw new AppError('conflict', 'another lock has come up since these were looked at, so none was removed; look again');
  const named = held.filter((lock) => ids.includes(lock.id));
  if (named.length === 0) return undefined;
  const alive = named.filter((lock) => !lock.isProvenGone);
  if (alive.length > 0 && !isForced)
    throw new AppError(
      'precondition',
      'nobody could say that every holder is gone; find out on its host, and remove the locks by force only when no process works there any more',
    );
  const repository = await getRepository(context, caller, id);
  const host = await context.store.hosts.findHost(caller.tenant, from);
  if (host?.state !== 'active') throw new AppError('not_found', 'there is no such approved host', { details: { field: 'host' } });
  demandCapability(host, 'unlock.start', 'to remove locks');
  const locks = named.map(({ isProvenGone: _gone, holder, ...lock }) => ({
    ...lock,
    holder: holder?.state ?? ('unknown' as const),
  }));
  const run = createOrderedRun(context, caller, { kind: 'unlock', host: host.id, plan: undefined, repository: id });
  const order = createOrder(context, caller.tenant, host.id, 'unlock.start', {
    run: run.id,
    repository: orderRepository(context, host, run.id, repository, 'everyday'),
    locks,
    isForced: alive.length > 0,
    ...orderTerms(context, caller),
  });
  await placeRun(context, caller, run, [], order);
  await recordAct(context, caller, {
    action: 'repository.unlock_started',
    target: { kind: 'repository', id, name: repository.name },
    change: {
      run: run.id,
      host: host.name,
      isForced: alive.length > 0,
      locks: locks.map((lock) => ({ ...lock, id: lock.id.slice(0, 8) })),
    },
  });
  return run;
}
