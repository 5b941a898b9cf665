/**
 * Decides which fires become runs. croner only computes instants; the tick, what was settled, catching up after an
 * outage and clocks that jump are decided here, and nothing is remembered outside the fire ledger except what can be
 * computed again.
 */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import type { SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import { findDueFires } from './due-fires.ts';
import { computeNextFire } from './next-fire.ts';
import type { SettledFires } from './settled-fires.ts';
import { createStandIn } from './stand-in.ts';

/** A fire that becomes a run later than this after its time is `late`; a clock that moves by more than this has jumped. */
export const LATE_AFTER_MS = 2 * 60_000;

export interface FireOutcome {
  /** The fire was missed while the host was off, asleep or busy, and is caught up now. */
  late: boolean;
  /** Older fires that this one stands for; of those beyond the grace at most 2,000 are counted. */
  skipped: number;
}

export interface MissedFires {
  /** The newest of them, epoch milliseconds. */
  fireAt: number;
  count: number;
  /** `too_old` is beyond the grace; `catch_up_off` is the plan's own wish. */
  why: 'too_old' | 'catch_up_off';
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
  /**
   * A fire is due. Called inside the transaction that settles it: records the run in the journal and does nothing else;
   * what it hands back runs after the commit. While the disk refuses writes it is called outside any transaction. What
   * it throws leaves the fire unsettled, to be tried at the next tick.
   */
  onFire(plan: SpecPlan, fireAt: number, outcome: FireOutcome): AfterCommit | undefined;
  /** Fires that are not caught up. Called like `onFire`. */
  onMissed(plan: SpecPlan, missed: MissedFires): AfterCommit | undefined;
  /** The wall clock moved by this much against the monotonic one: set by hand, or the host slept. */
  onJump(deltaMs: number): void;
  /** A plan could not be considered: its schedule is unreadable, or `onFire` threw. */
  onError(plan: SpecPlan, error: unknown): void;
  /** Calls back once after `ms`; returns how to stop that. */
  setTimer(ms: number, callback: () => void): () => void;
  tickMs?: number | undefined;
  catchUpGraceMs?: number | undefined;
}

export interface Scheduler {
  start(): void;
  stop(): void;
  /** The spec changed: plans are read again at once. */
  refresh(): void;
  /** Looks at everything that is due now. The timer calls it; calling it more often does no harm. */
  tick(): void;
  /** The next fire of each enabled plan with a schedule, epoch milliseconds. */
  nextFires(): ReadonlyMap<PlanId, number>;
}

interface Watch {
  /** What the computed instant depends on. */
  key: string;
  nextFire: number | undefined;
}

function keyOf({ schedule, effectiveFrom }: SpecPlan): string {
  return `${schedule?.cron}\n${schedule?.zone}\n${effectiveFrom}`;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock } = options;
  const tickMs = options.tickMs ?? RUNS.tickMs;
  const catchUpGraceMs = options.catchUpGraceMs ?? RUNS.catchUpGraceMs;
  const standIn = createStandIn(options);
  const watches = new Map<PlanId, Watch>();
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

  const settle = (plan: SpecPlan, baseline: number, now: number): void => {
    if (!plan.schedule) return;
    const due = findDueFires(plan.schedule, baseline, now, catchUpGraceMs);
    if (due.recent.length === 0 && due.older.count === 0) return;
    const after = standIn.transact(() => {
      const fires = standIn.fires();
      const fresh = due.recent.filter((at) => fires.consider(plan.id, at));
      fires.setLastConsidered(plan.id, due.recent.at(-1) ?? due.older.newest);
      const newest = fresh.at(-1);
      if (newest === undefined) {
        if (due.recent.length > 0 || due.older.count === 0) return undefined;
        return options.onMissed(plan, { fireAt: due.older.newest, count: due.older.count, why: 'too_old' });
      }
      const late = now - newest > LATE_AFTER_MS;
      const skipped = fresh.length - 1 + due.older.count;
      if (late && !plan.options.catchUp) {
        return options.onMissed(plan, { fireAt: newest, count: skipped + 1, why: 'catch_up_off' });
      }
      return options.onFire(plan, newest, { late, skipped });
    });
    after?.();
  };

  const considerPlan = (plan: SpecPlan, now: number): void => {
    if (!plan.enabled || !plan.schedule) {
      watches.delete(plan.id);
      return;
    }
    const key = keyOf(plan);
    const watch = watches.get(plan.id);
    if (watch?.key === key && (watch.nextFire === undefined || watch.nextFire > now)) return;
    settle(plan, findBaseline(plan, now), now);
    const nextFire = computeNextFire(plan.schedule, Math.max(now, plan.effectiveFrom - 1));
    watches.set(plan.id, { key, nextFire });
  };

  const considerAll = (): void => {
    const now = clock.now();
    const plans = options.plans();
    const known = new Set(plans.map((plan) => plan.id));
    for (const id of watches.keys()) if (!known.has(id)) watches.delete(id);
    for (const plan of plans) {
      try {
        considerPlan(plan, now);
      } catch (error) {
        // A schedule that cannot be read stays so until the spec changes; anything else may work at the next tick.
        if (error instanceof AppError && error.code === 'invalid')
          watches.set(plan.id, { key: keyOf(plan), nextFire: undefined });
        else watches.delete(plan.id);
        options.onError(plan, error);
      }
    }
  };

  const tick = (): void => {
    // After a clock went back, instants computed before it are too far ahead.
    if (clock.now() < seen.wall) watches.clear();
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
    for (const { nextFire } of watches.values()) {
      if (nextFire !== undefined) wait = Math.min(wait, nextFire - now);
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
      watches.clear();
      if (running) tick();
    },
    tick,
    nextFires() {
      const next = new Map<PlanId, number>();
      for (const [id, { nextFire }] of watches) if (nextFire !== undefined) next.set(id, nextFire);
      return next;
    },
  };
}
