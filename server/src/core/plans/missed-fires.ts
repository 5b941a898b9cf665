/**
 * The server's own look at what was to happen. It knows the schedules, so it expects each fire of each enabled plan on each host, and
 * notes the one that did not happen once its grace is over and the host has told everything up to then. As long as a host is silent
 * its fires are unknown: they are neither missed nor kept.
 */
import { setImmediate as giveWay, setTimeout as rest } from 'node:timers/promises';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '@holdfast/shared/durations.ts';
import type { FireVerdict, FireWatch, MissedFilter, MissedFire } from '../../store/fires.ts';
import type { Page, PageRequest } from '../../store/page.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { HostView } from '../hosts/hosts.ts';
import { recordHappening } from '../ingest.ts';
import type { CoreContext } from '../ports.ts';
import { judgeFires, listOwedFires, type OwingPlan, walkOwedFires } from './fires.ts';
import { getPlan } from './plans.ts';

/** Bounds of one round; what is left is due in the next one, the longest overdue first. */
const FIRE_ROUND = {
  /** Watches read and stored together. */
  watchesPerStep: 50,
  stepsPerRound: 40,
  /** Fires of one watch that are decided at one look. */
  firesPerLook: 50,
  runsPerLook: 500,
  /** After this long the event loop is given to others. */
  sliceMs: 8,
  /** For this long: a page is several short tasks, and each of them would wait for a slice of its own. */
  restMs: 24,
} as const;

/** Three ticks of the agent's scheduler: what came due while the host was off is in its outbox by then. */
const STEADY_MS = 45 * SECOND_MS;
/** A host nobody looked at for longer is looked at anew. */
const STEADY_FORGOTTEN_MS = 2 * MINUTE_MS;
const LOOK_AGAIN_MS = 30 * SECOND_MS;
const LOOK_AGAIN_SILENT_MS = 5 * MINUTE_MS;
const LOOK_AGAIN_IDLE_MS = MINUTE_MS;
const LOOK_LATEST_MS = DAY_MS;
/** Notes of missed fires are kept this long. */
const KEPT_MS = 400 * DAY_MS;
const PRUNED_PER_ROUND = 500;

export interface FireWatcher {
  /** Decides what can be decided, within bounds; returns how many watches it looked at. */
  runRound(): Promise<number>;
}

/** Remembers between rounds since when each connected host has had nothing left to tell. */
export function createFireWatcher(context: CoreContext): FireWatcher {
  const { store, clock } = context;
  const steady = new Map<HostId, { since: number; seen: number }>();

  /** Up to when the host has told everything, by this server's clock; undefined while that is not sure. */
  function findToldThrough(watch: FireWatch): number | undefined {
    const now = clock.now();
    const beat = context.directory.isOnline(watch.host) ? context.directory.findHeartbeat(watch.host) : undefined;
    if (beat === undefined || beat.outboxEvents > 0 || !watch.isInStep) {
      steady.delete(watch.host);
      return undefined;
    }
    const known = steady.get(watch.host);
    const since = known !== undefined && now - known.seen <= STEADY_FORGOTTEN_MS ? known.since : beat.at;
    steady.set(watch.host, { since, seen: now });
    return beat.at - since >= STEADY_MS ? beat.at : undefined;
  }

  async function look(watch: FireWatch): Promise<FireVerdict> {
    const now = clock.now();
    const skewMs = watch.hostSkewMs ?? 0;
    const { tenant, plan, host, planVersion, options } = watch;
    const verdict = {
      tenant,
      plan,
      host,
      planVersion,
      catchUp: options.catchUp,
      missed: [],
      settledThrough: watch.settledThrough,
    };
    const owing = findOwing(watch);
    if (owing === undefined) {
      // Whatever is switched off owes nothing for that time. A change of the plan has it looked at again by itself.
      const isIdle = watch.enabled && watch.schedule !== undefined && watch.hostState !== 'revoked';
      return { ...verdict, settledThrough: now + skewMs, lookAt: now + (isIdle ? LOOK_AGAIN_IDLE_MS : LOOK_LATEST_MS) };
    }
    const after = Math.max(watch.settledThrough, watch.effectiveFrom - 1);
    const owed = listOwedFires(context, owing, host, { after, now: now + skewMs, max: FIRE_ROUND.firesPerLook });
    const lookAt = Math.min(
      Math.max(owed.next === undefined ? now + LOOK_LATEST_MS : owed.next.deadlineAt - skewMs, now),
      now + LOOK_LATEST_MS,
    );
    const [first] = owed.due;
    if (first === undefined) return { ...verdict, lookAt };
    const runs = await store.fires.listFireRuns(watch, first.fireAt, FIRE_ROUND.runsPerLook);
    const told = findToldThrough(watch);
    const toldThrough = told === undefined ? undefined : told + skewMs;
    const { settledThrough = after, missed, unknown } = judgeFires(owed.due, runs, { catchUp: options.catchUp, toldThrough });
    const again = context.directory.isOnline(host) ? LOOK_AGAIN_MS : LOOK_AGAIN_SILENT_MS;
    return { ...verdict, settledThrough, missed, lookAt: unknown === undefined ? lookAt : now + again };
  }

  /** A watch that cannot be looked at must not keep others from theirs. */
  async function lookSafely(watch: FireWatch): Promise<FireVerdict> {
    try {
      return await look(watch);
    } catch (error) {
      context.log.warn(
        { area: 'scheduler', plan: watch.plan, host: watch.host, err: error },
        'the fires of a plan could not be looked at',
      );
      const { tenant, plan, host, planVersion, settledThrough, options } = watch;
      const lookAt = clock.now() + LOOK_LATEST_MS;
      return { tenant, plan, host, planVersion, settledThrough, lookAt, missed: [], catchUp: options.catchUp };
    }
  }

  async function tell(
    watches: readonly FireWatch[],
    noted: readonly { plan: PlanId; host: HostId; fireAt: number }[],
  ): Promise<void> {
    for (const watch of watches) {
      const fires = noted.filter((one) => one.plan === watch.plan && one.host === watch.host);
      const newest = fires.at(-1);
      if (newest === undefined) continue;
      context.log.warn(
        { area: 'scheduler', plan: watch.plan, host: watch.host, count: fires.length, fireAt: newest.fireAt },
        'a plan missed its fire',
      );
      const count = fires.length === 1 ? 'its fire' : `${fires.length} fires, the last one`;
      const text = `plan ${watch.planName} missed ${count} of ${new Date(newest.fireAt).toISOString().slice(0, 16)}Z: nothing ran within its grace`;
      await recordHappening(context, { id: watch.host, tenant: watch.tenant }, 'fires.missed', 'warn', text);
      for (const topic of [TOPICS.plans, TOPICS.sources]) context.bus.publish(watch.tenant, { kind: 'refresh', topic });
    }
  }

  return {
    async runRound() {
      let looked = 0;
      let sliceBegan = clock.monotonicMs();
      for (let step = 0; step < FIRE_ROUND.stepsPerRound; step += 1) {
        const watches = await store.fires.listDueWatches(clock.now(), FIRE_ROUND.watchesPerStep);
        const verdicts: FireVerdict[] = [];
        for (const watch of watches) {
          verdicts.push(await lookSafely(watch));
          if (clock.monotonicMs() - sliceBegan < FIRE_ROUND.sliceMs) continue;
          await rest(FIRE_ROUND.restMs);
          sliceBegan = clock.monotonicMs();
        }
        if (verdicts.length > 0) await tell(watches, await store.fires.settleFires(verdicts, clock.now()));
        looked += watches.length;
        await giveWay();
        if (watches.length < FIRE_ROUND.watchesPerStep) break;
      }
      await store.fires.pruneMissedFires(clock.now() - KEPT_MS, PRUNED_PER_ROUND);
      return looked;
    },
  };
}

/** What the plan owes on the host now; undefined when that is nothing. */
function findOwing({ plan, enabled, schedule, options, hostState, hasSources }: FireWatch): OwingPlan | undefined {
  if (!enabled || schedule === undefined || hostState !== 'active' || !hasSources) return undefined;
  return { id: plan, schedule, options };
}

/** Fires of a plan that did not happen when they should have, newest first. */
export async function listMissedFires(
  context: CoreContext,
  caller: Caller,
  filter: MissedFilter,
  page: PageRequest,
): Promise<Page<MissedFire>> {
  demand(caller, 'view');
  if (filter.plan !== undefined) await getPlan(context, caller, filter.plan);
  return context.store.fires.listMissedFires(caller.tenant, filter, page);
}

/** Fires counted one by one; of more it is said that there are more. */
export const UNKNOWN_COUNTED = 50;

export interface UnknownFires {
  /** `UNKNOWN_COUNTED` means that many or more. */
  count: number;
  /** When the first of them was due. */
  firstDueAt: number;
}

/**
 * Fires of a plan that came due while its host has been silent: nobody knows whether they happened. Undefined when there are none,
 * or the host is heard of.
 */
export function findUnknownFires(
  context: Pick<CoreContext, 'listFires' | 'clock'>,
  plan: { id: PlanId; enabled: boolean; schedule?: Schedule | undefined; options: OwingPlan['options']; effectiveFrom: number },
  host: Pick<HostView, 'id' | 'standing' | 'lastSeenAt'>,
): UnknownFires | undefined {
  const { schedule } = plan;
  if (!plan.enabled || schedule === undefined || host.standing !== 'offline') return undefined;
  const now = context.clock.now();
  const since = Math.max(host.lastSeenAt ?? 0, plan.effectiveFrom - 1);
  let count = 0;
  let firstDueAt = 0;
  try {
    for (const { dueAt } of walkOwedFires(context, { ...plan, schedule }, host.id, since)) {
      if (dueAt > now || count >= UNKNOWN_COUNTED) break;
      if (count === 0) firstDueAt = dueAt;
      count += 1;
    }
  } catch {
    // A schedule this server cannot read is said on the plan's own page.
    return undefined;
  }
  return count === 0 ? undefined : { count, firstDueAt };
}
