/**
 * When the fires of a plan begin on one host. A fire is an instant of the schedule (`fireAt`); it names the run. What moves is
 * when the run begins (`dueAt`): the fire, delayed by the host's part of the spread, then moved to the end of the blackout
 * windows it falls into. Later fires never begin before earlier ones.
 */
import { MINUTE_MS } from '../durations.ts';
import { AppError } from '../errors.ts';
import { type BlackoutCalendar, createBlackoutCalendar } from './blackout.ts';
import type { FireWalk } from './fire-walk.ts';
import type { HostId, PlanId } from './ids.ts';
import type { PlanOptions } from './plan.ts';
import type { Schedule } from './schedule.ts';
import { computeSpreadMs } from './spread.ts';
import { openZone } from './wall-time.ts';

/** Windows repeat every week: what they keep back for this long, and so often in a row, they keep back for ever. */
const BARREN_MS = 15 * 24 * 60 * MINUTE_MS;
const BARREN_FIRES = 100;

/** What of a plan decides when its fires begin. */
export interface TimedPlan {
  id: PlanId;
  schedule: Schedule;
  options: Pick<PlanOptions, 'graceMinutes' | 'spreadMinutes' | 'blackouts'>;
}

export interface DueTimes {
  /** This host's part of the spread. */
  readonly spreadMs: number;
  readonly graceMs: number;
  readonly blackout: BlackoutCalendar;
  /** When the fire begins; undefined when blackout windows keep it back by more than the grace, or for ever. */
  findDueAt(fireAt: number): number | undefined;
}

/** One beginning to come. */
export interface Begin {
  dueAt: number;
  /** The fire that names the run: the newest of those that come due at this instant. */
  fireAt: number;
  /** Older fires that come due at the same instant, which this one run stands for. */
  standsFor: number;
}

export interface Forecast {
  /** This host's part of the spread. */
  spreadMs: number;
  /** In rising order. */
  begins: Begin[];
  /** Fires before the last beginning that blackout windows keep back for longer than the grace, the first of them. */
  missed: number[];
}

/** Throws `invalid` for a zone that cannot be read. */
export function openDueTimes(plan: TimedPlan, host: HostId): DueTimes {
  const { graceMinutes, spreadMinutes, blackouts } = plan.options;
  const spreadMs = computeSpreadMs(host, plan.id, spreadMinutes);
  const graceMs = graceMinutes * MINUTE_MS;
  const blackout = createBlackoutCalendar(blackouts, readZone(plan.schedule.zone));
  return {
    spreadMs,
    graceMs,
    blackout,
    findDueAt(fireAt) {
      const wanted = fireAt + spreadMs;
      const dueAt = blackout.findClear(wanted);
      return dueAt === undefined || dueAt - wanted > graceMs ? undefined : dueAt;
    },
  };
}

function readZone(zone: string): ReturnType<typeof openZone> {
  try {
    return openZone(zone);
  } catch (error) {
    throw new AppError('invalid', `the time zone ${zone} cannot be read`, { cause: error });
  }
}

/**
 * The next `count` beginnings after the instant `after` (exclusive) of fires that come after `firesAfter` (exclusive); fewer when the
 * schedule ends or windows keep everything back. Throws `invalid` for a schedule that cannot be read.
 */
export function forecastBegins(
  walkFires: FireWalk['walkFires'],
  schedule: Schedule,
  times: DueTimes,
  { after, firesAfter, count }: { after: number; firesAfter: number; count: number },
): Forecast {
  const { spreadMs, graceMs, blackout } = times;
  const begins: Begin[] = [];
  const missed: number[] = [];
  if (count < 1) return { spreadMs, begins, missed };
  // A fire that waits at `after` came up since it is black, and waits no longer than the grace. So none that is walked over has begun by then.
  const came = Math.max(blackout.findBlackSince(after + 1) - 1, after - graceMs);
  let barren: { since: number; fires: number } | undefined;
  for (const fireAt of walkFires(schedule, Math.max(came - spreadMs, firesAfter))) {
    const dueAt = times.findDueAt(fireAt);
    const last = begins.at(-1);
    if (dueAt !== undefined && dueAt === last?.dueAt) {
      last.fireAt = fireAt;
      last.standsFor += 1;
      continue;
    }
    // The one after the last is looked at, because until then another fire may come due together with it.
    if (begins.length >= count) break;
    if (dueAt !== undefined) {
      begins.push({ dueAt, fireAt, standsFor: 0 });
      barren = undefined;
      continue;
    }
    if (fireAt + spreadMs <= after) continue;
    if (missed.length < count) missed.push(fireAt);
    barren = { since: barren?.since ?? fireAt, fires: (barren?.fires ?? 0) + 1 };
    if (blackout.coversWeek ? barren.fires >= count : barren.fires >= BARREN_FIRES && fireAt - barren.since > BARREN_MS) break;
  }
  return { spreadMs, begins, missed };
}
