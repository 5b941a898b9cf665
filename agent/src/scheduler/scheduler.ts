/**
 * Decides which fires become runs. croner only computes instants; the tick, what was settled, catching up after an
 * outage and clocks that jump are decided here, and nothing is remembered outside the fire ledger except what can be
 * computed again.
 *
 * A fire is an instant of the schedule and names its run; it is acted on when it comes due (`due-time.ts`), which is later
 * where the plan has a spread or blackout windows. Until then it is not settled, so that a restart finds it again.
 */
import type { Clock } from '@holdfast/shared/clock.ts';
import { type Begin, forecastBegins, openDueTimes } from '@holdfast/shared/domain/due-time.ts';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import type { SpecPlan } from '@holdfast/shared/domain/plan.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import { findCatchUp, LATE_AFTER_MS } from './catch-up.ts';
import { type DueFires, findDueFires, type RipeFire } from './due-fires.ts';
import { computeNextFire, walkFires } from './next-fire.ts';
import { findWaiting, type PlanWatch } from './plan-watch.ts';
import type { SettledFires } from './settled-fires.ts';
import { createStandIn } from './stand-in.ts';

export interface FireOutcome {
  /** When it came due, epoch milliseconds. */
  dueAt: number;
  /** The fire was missed while the host was off, asleep or busy, and is caught up now. */
  late: boolean;
  /** Older fires that this one stands for; of those beyond the grace at most 2,000 are counted. */
  skipped: number;
}

export interface MissedFires {
  /** The newest of them, epoch milliseconds. */
  fireAt: number;
  count: number;
  /**
   * `too_old` is beyond the grace; `catch_up_off` is the plan's own wish; `blackout`: the plan's windows kept them back for
   * longer than the grace.
   */
  why: 'too_old' | 'catch_up_off' | 'blackout';
}

/** Work to do once the transaction is on disk, such as putting the run into the queue. */
export type AfterCommit = () => void;

export interface SchedulerOptions {
  clock: Clock;
  fires: SettledFires;
  /** The journal's transaction. */
  transact<T>(effects: () => T): T;
  /** Whether an error of `transact` says that the disk refuses writes; the fire then runs all the same. */
  isUnwritable(error: unknown): boolean;
  /** The plans of the current spec. */
  plans(): readonly SpecPlan[];
  /** Who this host is, which decides its part of the spread; undefined before there is a spec: nothing fires. */
  host(): HostId | undefined;
  /**
   * A fire is due. Called inside the transaction that settles it: records the run in the journal and does nothing else;
   * what it hands back runs after the commit. While the disk refuses writes it is called outside any transaction. What
   * it throws leaves the fire unsettled, to be tried at the next tick.
   */
  onFire(plan: SpecPlan, fireAt: number, outcome: FireOutcome): AfterCommit | undefined;
  /** Fires that are not run. Called like `onFire`, and records them. */
  onMissed(plan: SpecPlan, missed: MissedFires): AfterCommit | undefined;
  /** The wall clock moved by this much against the monotonic one: set by hand, or the host slept. */
  onJump(deltaMs: number): void;
  /** A plan could not be considered: its schedule is unreadable, or `onFire` threw. */
  onError(plan: SpecPlan, error: unknown): void;
  /** Calls back once after `ms`; returns how to stop that. */
  setTimer(ms: number, callback: () => void): () => void;
  /** Missed fires are caught up within this of the host's return; 0 for at once. */
  catchUpWindowMs?: number | undefined;
  tickMs?: number | undefined;
}

export interface Scheduler {
  start(): void;
  stop(): void;
  /** The spec changed: plans are read again at once. */
  refresh(): void;
  /** Looks at everything that is due now. The timer calls it; calling it more often does no harm. */
  tick(): void;
  /** What begins next of each enabled plan with a schedule, and when; plans of which nothing begins any more are left out. */
  nextFires(): ReadonlyMap<PlanId, Pick<Begin, 'fireAt' | 'dueAt'>>;
}

/** What the computed instants depend on. */
function keyOf({ schedule, effectiveFrom, options }: SpecPlan, host: HostId): string {
  const { graceMinutes, spreadMinutes, blackouts } = options;
  return JSON.stringify([host, schedule?.cron, schedule?.zone, effectiveFrom, graceMinutes, spreadMinutes, blackouts]);
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock } = options;
  const tickMs = options.tickMs ?? RUNS.tickMs;
  const catchUpWindowMs = options.catchUpWindowMs ?? RUNS.catchUpWindowMs;
  const standIn = createStandIn(options);
  const watches = new Map<PlanId, PlanWatch>();
  let cancelTimer: (() => void) | undefined;
  let running = false;
  let seen = { wall: clock.now(), monotonic: clock.monotonicMs() };

  const noticeJump = (): void => {
    const now = { wall: clock.now(), monotonic: clock.monotonicMs() };
    const delta = now.wall - seen.wall - (now.monotonic - seen.monotonic);
    seen = now;
    if (Math.abs(delta) > LATE_AFTER_MS) options.onJump(Math.round(delta));
  };

  /**
   * Fires up to here are settled. A clock that was set back starts again from where it is now; the slots prevent
   * repeats.
   */
  const findBaseline = (plan: SpecPlan, now: number): number => {
    const settled = standIn.fires().lastConsidered(plan.id);
    if (settled !== undefined && settled > now) {
      standIn.transact(() => standIn.fires().setLastConsidered(plan.id, now));
      return Math.max(now, plan.effectiveFrom - 1);
    }
    return Math.max(settled ?? 0, plan.effectiveFrom - 1);
  };

  const settle = (plan: SpecPlan, { ripe, older }: DueFires, now: number): void => {
    if (ripe.length === 0 && older.count === 0) return;
    const after = standIn.transact(() => {
      const fires = standIn.fires();
      const through = findSettledThrough(ripe, older);
      if (through !== undefined) fires.setLastConsidered(plan.id, through);
      const fresh = ripe.filter(({ fate, fireAt }) => fate !== 'held' && fires.consider(plan.id, fireAt));
      return tell(options, plan, { ripe: fresh, older }, now);
    });
    for (const work of after) work?.();
  };

  const considerPlan = (plan: SpecPlan, schedule: Schedule, host: HostId, now: number): void => {
    const key = keyOf(plan, host);
    const watch = watches.get(plan.id);
    const isKnown = watch?.key === key;
    if (isKnown && watch.wakeAt > now) return;
    const times = (isKnown ? watch.times : undefined) ?? openDueTimes({ ...plan, schedule }, host);
    const baseline = findBaseline(plan, now);
    const waiting = isKnown ? watch.waiting : findWaiting(watch, schedule, baseline, now);
    const due = findDueFires(schedule, times, { baseline, now, waiting });
    const catchUp = findCatchUp(plan, host, times, due, { before: watch?.catchUp?.at, windowMs: catchUpWindowMs, now });
    if (catchUp === undefined) settle(plan, due, now);
    const held = due.ripe.filter(({ fate }) => fate === 'held').map(({ fireAt }) => fireAt);
    const next = computeNextFire(schedule, Math.max(now - times.spreadMs, plan.effectiveFrom - 1));
    const nextWake = next === undefined ? undefined : (times.findDueAt(next) ?? next + times.spreadMs);
    const heldUntil = held.length === 0 ? undefined : times.blackout.findClear(now);
    const stillHeld = new Set(held);
    watches.set(plan.id, {
      key,
      times,
      wakeAt: Math.min(...[nextWake, heldUntil, catchUp?.at].map((at) => at ?? Number.POSITIVE_INFINITY)),
      held,
      catchUp,
      waiting: new Map([...waiting].filter(([fireAt]) => stillHeld.has(fireAt))),
    });
  };

  const considerAll = (): void => {
    const now = clock.now();
    const host = options.host();
    if (host === undefined) {
      watches.clear();
      return;
    }
    const plans = options.plans();
    const known = new Set(plans.map((plan) => plan.id));
    for (const id of watches.keys()) if (!known.has(id)) watches.delete(id);
    for (const plan of plans) {
      if (!plan.enabled || !plan.schedule) {
        watches.delete(plan.id);
        continue;
      }
      try {
        considerPlan(plan, plan.schedule, host, now);
      } catch (error) {
        // A schedule that cannot be read stays so until the spec changes; anything else may work at the next tick.
        if (error instanceof AppError && error.code === 'invalid')
          watches.set(plan.id, {
            key: keyOf(plan, host),
            times: undefined,
            wakeAt: Number.POSITIVE_INFINITY,
            held: [],
            catchUp: undefined,
            waiting: new Map(),
          });
        else lookAgain(plan.id);
        options.onError(plan, error);
      }
    }
  };

  /** The computed instants do not hold any more; what is known of fires that wait does. */
  const lookAgain = (only?: PlanId): void => {
    for (const [id, watch] of watches) if (only === undefined || only === id) watch.wakeAt = Number.NEGATIVE_INFINITY;
  };

  const tick = (): void => {
    // After a clock went back, instants computed before it are too far ahead.
    if (clock.now() < seen.wall) lookAgain();
    noticeJump();
    standIn.writeBack();
    considerAll();
    arm();
  };

  const arm = (): void => {
    if (!running) return;
    cancelTimer?.();
    const now = clock.now();
    let wait = tickMs;
    for (const { wakeAt } of watches.values()) {
      // What failed just now is tried at the next tick, not at once.
      if (wakeAt > now) wait = Math.min(wait, wakeAt - now);
    }
    cancelTimer = options.setTimer(Math.max(wait, 1), tick);
  };

  return {
    start() {
      if (running) return;
      running = true;
      seen = { wall: clock.now(), monotonic: clock.monotonicMs() };
      tick();
    },
    stop() {
      running = false;
      cancelTimer?.();
      cancelTimer = undefined;
    },
    refresh() {
      lookAgain();
      if (running) tick();
    },
    tick,
    nextFires() {
      const next = new Map<PlanId, Pick<Begin, 'fireAt' | 'dueAt'>>();
      const now = clock.now();
      for (const plan of options.plans()) {
        const watch = watches.get(plan.id);
        const begin = watch && plan.schedule && findNextBegin(watch, plan.schedule, plan.effectiveFrom, now);
        if (begin) next.set(plan.id, begin);
      }
      return next;
    },
  };
}

/** Everything up to the first fire that is held is settled; undefined when nothing is. */
function findSettledThrough(ripe: readonly RipeFire[], older: DueFires['older']): number | undefined {
  const firstHeld = ripe.findIndex(({ fate }) => fate === 'held');
  const settled = firstHeld < 0 ? ripe : ripe.slice(0, firstHeld);
  return settled.at(-1)?.fireAt ?? (older.count > 0 ? older.newest : undefined);
}

/** Hands out what was settled: the newest fire that is due runs and stands for older ones, the rest was missed. */
function tell(options: SchedulerOptions, plan: SpecPlan, { ripe, older }: DueFires, now: number): (AfterCommit | undefined)[] {
  const listFate = (fate: RipeFire['fate']) => ripe.filter((fire) => fire.fate === fate).map(({ fireAt }) => fireAt);
  const due = ripe.flatMap((fire) => (fire.fate === 'due' ? [fire] : []));
  const tooOld = listFate('too_old');
  const blackout = listFate('blackout');
  const after: (AfterCommit | undefined)[] = [];
  const miss = (why: MissedFires['why'], fireAt: number, count: number) => {
    if (count > 0) after.push(options.onMissed(plan, { fireAt, count, why }));
  };
  miss('blackout', blackout.at(-1) ?? 0, blackout.length);
  const newest = due.at(-1);
  const oldCount = tooOld.length + older.count;
  if (newest === undefined) {
    miss('too_old', tooOld.at(-1) ?? older.newest, oldCount);
    return after;
  }
  const { fireAt, dueAt } = newest;
  const late = now - dueAt > LATE_AFTER_MS;
  const skipped = due.length - 1 + oldCount;
  if (late && !plan.options.catchUp) miss('catch_up_off', fireAt, skipped + 1);
  else after.push(options.onFire(plan, fireAt, { dueAt, late, skipped }));
  return after;
}

function findNextBegin(
  { times, held, catchUp }: PlanWatch,
  schedule: Schedule,
  effectiveFrom: number,
  now: number,
): Pick<Begin, 'fireAt' | 'dueAt'> | undefined {
  if (times === undefined) return undefined;
  const forecast = forecastBegins(walkFires, schedule, times, { after: now, firesAfter: effectiveFrom - 1, count: 1 });
  const [begin] = forecast.begins;
  if (catchUp !== undefined && (begin === undefined || catchUp.at < begin.dueAt))
    return { fireAt: catchUp.fireAt, dueAt: catchUp.at };
  const newestHeld = held.at(-1);
  const heldUntil = newestHeld === undefined ? undefined : times.blackout.findClear(now);
  // A fire that is late and held by a window is no forecast any more.
  if (newestHeld !== undefined && heldUntil !== undefined && (begin === undefined || heldUntil < begin.dueAt))
    return { fireAt: newestHeld, dueAt: heldUntil };
  return begin && { fireAt: begin.fireAt, dueAt: begin.dueAt };
}
