/** The fires a plan owes on a host, from its schedule, and what may be said of them. Pure but for the calendar it is given. */
import { openDueTimes } from '@holdfast/shared/domain/due-time.ts';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import type { PlanOptions } from '@holdfast/shared/domain/plan.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { FireRun, OwedFire } from '../../store/fires.ts';
import type { CoreContext } from '../ports.ts';

/** Asked of the calendar at first, which is all of most looks; then, of what has much to settle. */
const FIRST_ASKED = 3;
const BATCH_ASKED = 100;
/** Fires of one plan that one walk looks at: most of a day of one a minute. */
const SCANNED = 1000;

export interface OwingPlan {
  id: PlanId;
  schedule: Schedule;
  options: Pick<PlanOptions, 'graceMinutes' | 'spreadMinutes' | 'blackouts'>;
}

/**
 * The fires after `after` (exclusive) that a host owes a run each, oldest first, up to a limit; whoever wants more asks again. Of fires
 * that blackout windows bring to one instant only the newest is owed: its run stands for them by the plan's own will. A fire
 * that windows keep back for longer than the grace is owed all the same, and will be missed. Throws `invalid` for a schedule that
 * cannot be read.
 */
export function* walkOwedFires(
  calendar: Pick<CoreContext, 'listFires'>,
  plan: OwingPlan,
  host: HostId,
  after: number,
): Generator<OwedFire, void, undefined> {
  const times = openDueTimes(plan, host);
  let held: OwedFire | undefined;
  let from = after;
  for (let scanned = 0, asked = FIRST_ASKED; scanned < SCANNED; scanned += asked, asked = BATCH_ASKED) {
    const fires = calendar.listFires(plan.schedule, from, asked);
    for (const fireAt of fires) {
      const wanted = fireAt + times.spreadMs;
      const dueAt = times.findDueAt(fireAt) ?? wanted;
      if (held !== undefined && held.dueAt !== dueAt) yield held;
      held = { fireAt, dueAt, deadlineAt: dueAt + times.graceMs };
      from = fireAt;
    }
    if (fires.length < asked) break;
  }
  if (held !== undefined) yield held;
}

export interface OwedFires {
  /** Those whose deadline is over, oldest first. */
  due: readonly OwedFire[];
  /** The first whose deadline is to come. */
  next?: OwedFire | undefined;
}

/** What is owed after `after` and due for a decision at `now` (the host's clock), at most `max` of it. */
export function listOwedFires(
  calendar: Pick<CoreContext, 'listFires'>,
  plan: OwingPlan,
  host: HostId,
  { after, now, max }: { after: number; now: number; max: number },
): OwedFires {
  const due: OwedFire[] = [];
  for (const fire of walkOwedFires(calendar, plan, host, after)) {
    if (fire.deadlineAt > now || due.length >= max) return { due, next: fire };
    due.push(fire);
  }
  return { due };
}

export interface FireJudgement {
  /** The last fire that is decided; undefined when none is. */
  settledThrough?: number | undefined;
  missed: readonly OwedFire[];
  /** The first fire that cannot be decided yet: nobody knows what the host did. */
  unknown?: OwedFire | undefined;
}

/**
 * Decides fires whose deadline is over, in their order. A fire is kept when a run answers it, and late when the plan catches up and
 * a later fire's run began within the grace. Without either it is missed, once the host has told everything up to the deadline;
 * before that it is unknown, and so is all that follows.
 *
 * `toldThrough` is the instant (host's clock) up to which the host has nothing left to tell; undefined while that is not known.
 */
export function judgeFires(
  due: readonly OwedFire[],
  runs: readonly FireRun[],
  { catchUp, toldThrough }: { catchUp: boolean; toldThrough: number | undefined },
): FireJudgement {
  const missed: OwedFire[] = [];
  let settledThrough: number | undefined;
  for (const fire of due) {
    const isKept = runs.some((run) => run.fireAt === fire.fireAt);
    const isLate = catchUp && runs.some((run) => run.fireAt > fire.fireAt && run.createdAt <= fire.deadlineAt);
    if (!isKept && !isLate) {
      if (toldThrough === undefined || toldThrough < fire.deadlineAt) return { settledThrough, missed, unknown: fire };
      missed.push(fire);
    }
    settledThrough = fire.fireAt;
  }
  return { settledThrough, missed };
}
