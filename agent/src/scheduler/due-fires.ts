/** What came due since a plan was last looked at. */
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { listFires } from './next-fire.ts';

/** Fires beyond the grace are only counted, and only so far. */
const COUNTED = 2000;
/** One fire a minute over the longest grace anyone sets (a week), so that the newest is never cut off. */
const RECENT = 7 * 24 * 60;

export interface DueFires {
  /** Fires within the grace, oldest first. */
  recent: number[];
  /** Fires beyond the grace; `newest` is the last of those counted, or the edge of the grace when there were too many. */
  older: { count: number; newest: number };
}

/** Fires in (baseline, now], split at `now - graceMs`. All instants are epoch milliseconds. */
export function findDueFires(schedule: Schedule, baseline: number, now: number, graceMs: number): DueFires {
  const edge = Math.max(baseline, now - graceMs);
  const older = listFires(schedule, baseline, edge, COUNTED);
  const newest = older.length < COUNTED ? (older.at(-1) ?? edge) : edge;
  return { recent: listFires(schedule, edge, now, RECENT), older: { count: older.length, newest } };
}
