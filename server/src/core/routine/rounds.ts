/**
 * The server's own turn at upkeep: what the routines say is due is begun, once, on the host that keeps the repository up. All it goes by is in
 * the store, so that a server that starts anew goes on where the last one stopped.
 */
import { setImmediate as giveWay } from 'node:timers/promises';
import { HOUR_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Repository } from '../../store/repositories.ts';
import type { StoredRoutine } from '../../store/routines.ts';
import { TOPICS } from '../bus.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { startCheck, startPrune } from '../repositories/maintenance.ts';
import { hasRetentionWork, orderRetention } from '../retention/ordered-retention.ts';
import { createLockLooks } from './lock-looks.ts';
import { createMeasuring } from './measuring.ts';
import { planRetentionTurn } from './planner.ts';
import { assessRoutine, type RepositoryRoutine } from './routine.ts';

/** Repositories that are looked at in one round. */
const LOOKED_AT_ONCE = 200;
/** A lease is renewed by looking, so looks come more often than leases end. */
const LOOK_LATEST_MS = 10 * MINUTE_MS;
const LOOK_SOON_MS = MINUTE_MS;
/** Plans of which nothing goes are asked again after this long. */
const QUIET_MS = HOUR_MS;
const QUIET_PLANS = 5000;

export interface RoutineRounds {
  /** Begins what is due in the repositories to be looked at, and tells how many things. */
  runRound(): Promise<number>;
  /** Nothing is begun any more, and what is still being measured is not kept. */
  close(): void;
}

const callerOf = ({ tenant }: Pick<StoredRoutine, 'tenant'>): Caller => ({
  actor: { kind: 'system', id: 'routine', name: 'schedule' },
  tenant,
  role: 'admin',
});

export function createRoutineRounds(context: CoreContext): RoutineRounds {
  const { store, clock, log } = context;
  const measuring = createMeasuring(context);
  const lockLooks = createLockLooks(context);
  /** When the retention of a plan in a repository is looked at next, after a look that found nothing to remove. */
  const quiet = new Map<string, number>();
  let isClosed = false;

  /** Orders retention where it is due, from the host that keeps the repository up. Returns how often, and when it is due next. */
  async function beginRetention(
    caller: Caller,
    repository: Repository,
    { stored, retention, maintainer }: RepositoryRoutine,
  ): Promise<{ begun: number; nextAt: number }> {
    const now = clock.now();
    const host = maintainer.trouble === undefined ? maintainer.host?.id : undefined;
    let { turn } = stored;
    let nextAt = now + LOOK_LATEST_MS;
    let begun = 0;
    if (stored.settings.forgetDays === 0) return { begun, nextAt };
    for (const { plan, runs } of retention?.plans ?? []) {
      const key = `${plan.id} ${repository.id}`;
      const planned = planRetentionTurn(runs, { now, since: stored.since, routine: stored.settings });
      if (planned.wait === 'later') nextAt = Math.min(nextAt, planned.nextAt ?? nextAt);
      if (planned.wait !== 'due' || (quiet.get(key) ?? 0) > now) continue;
      if (host === undefined) nextAt = now;
      else if (await hasRetentionWork(context, caller, { plan, repository, runs })) {
        await orderRetention(context, caller, {
          plan,
          repository,
          host,
          isApproved: false,
          turn: { repository: repository.id, turn },
        });
        turn += 1;
        begun += 1;
      } else {
        // Plans that are gone are forgotten with all others, which costs a look.
        if (quiet.size >= QUIET_PLANS) quiet.clear();
        quiet.set(key, now + QUIET_MS);
      }
    }
    return { begun, nextAt };
  }

  async function beginDuties(caller: Caller, repository: Repository, routine: RepositoryRoutine): Promise<number> {
    const { stored, maintainer, duties } = routine;
    const host = maintainer.trouble === undefined ? maintainer.host?.id : undefined;
    if (host === undefined) return 0;
    lockLooks.begin(caller, repository, host);
    const due = duties.filter(({ wait }) => wait === undefined);
    if (due.some(({ duty }) => duty === 'measure')) measuring.begin(repository, host);
    const { turn } = stored;
    const first = due.find(({ duty }) => duty !== 'measure');
    if (first === undefined) return 0;
    const wish = { host, turn: { repository: repository.id, turn } };
    if (first.duty === 'prune') await startPrune(context, caller, repository.id, wish);
    else await startCheck(context, caller, repository.id, { ...wish, scope: first.scope ?? { kind: 'structure' } });
    return 1;
  }

  /** One repository. Returns how much was begun and when it is looked at next. */
  async function look(stored: StoredRoutine): Promise<{ begun: number; nextAt: number }> {
    const now = clock.now();
    const repository = await store.repositories.findRepository(stored.tenant, stored.repository);
    if (repository?.engineId === undefined) return { begun: 0, nextAt: now + LOOK_SOON_MS };
    const caller = callerOf(stored);
    const routine = await assessRoutine(context, repository, stored);
    const { lease } = routine.maintainer;
    if (lease.host !== stored.lease.host || lease.until !== stored.lease.until)
      await store.routines.renewLease(stored.tenant, stored.repository, lease);
    const isTaken = lease.host !== stored.lease.host;
    const isBusy = routine.duties.some(({ wait }) => wait?.kind === 'busy');
    const retention = isBusy ? { begun: 0, nextAt: now + LOOK_SOON_MS } : await beginRetention(caller, repository, routine);
    // One thing at a time has a repository to itself.
    const begun = retention.begun > 0 ? retention.begun : await beginDuties(caller, repository, routine);
    if (begun > 0 || isTaken) context.bus.publish(stored.tenant, { kind: 'refresh', topic: TOPICS.repositories });
    const nextOf = (at: number | undefined) => Math.max(at ?? 0, now + LOOK_SOON_MS);
    const nexts = [now + LOOK_LATEST_MS, nextOf(retention.nextAt), ...routine.duties.map(({ nextAt }) => nextOf(nextAt))];
    return { begun, nextAt: Math.min(...nexts) };
  }

  return {
    async runRound() {
      let begun = 0;
      for (const stored of await store.routines.listRoutinesToLook(clock.now(), LOOKED_AT_ONCE)) {
        if (isClosed) break;
        const { tenant, repository } = stored;
        let nextAt = clock.now() + LOOK_SOON_MS;
        try {
          const looked = await look(stored);
          begun += looked.begun;
          nextAt = looked.nextAt;
        } catch (error) {
          // Somebody was faster: that is what turns are for.
          const isTaken = error instanceof AppError && error.code === 'conflict';
          if (!isTaken)
            log.warn({ area: 'scheduler', repository, err: error }, 'the routine of a repository could not be followed');
        }
        await store.routines.postponeLook(tenant, repository, nextAt);
        await giveWay();
      }
      return begun;
    },
    close() {
      isClosed = true;
      measuring.close();
      lockLooks.close();
    },
  };
}
