/** What came due since a plan was last looked at. */
import type { DueTimes } from '@holdfast/shared/domain/due-time.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { listFires } from './next-fire.ts';

/** Fires beyond the grace are only counted, and only so far. */
const COUNTED = 2000;
/** One fire a minute over twice the longest grace (a week) and the longest spread, so that the newest is never cut off. */
export const RIPE_FIRES = 15 * 24 * 60;

/**
 * A fire whose time has come, with what becomes of it: `due` begins now, `held` begins when a window ends, `too_old` is beyond the grace,
 * `blackout` is kept back by windows for longer than the grace. Instants are epoch milliseconds.
 */
export type RipeFire = { fireAt: number; fate: 'blackout' } | { fireAt: number; fate: 'due' | 'held' | 'too_old'; dueAt: number };

export interface DueFires {
  /** Fires that may still be within the grace, oldest first. */
  ripe: RipeFire[];
  /** Fires long beyond the grace; `newest` is the last of those counted, or the edge when there were too many. */
  older: { count: number; newest: number };
}

/** Fires that waited as the plan's options changed, with the instant before which each did not come due. */
export type WaitingFires = ReadonlyMap<number, number>;

/** Fires after `baseline` whose time has come at `now`, with what becomes of them. */
export function findDueFires(
  schedule: Schedule,
  times: DueTimes,
  { baseline, now, waiting }: { baseline: number; now: number; waiting: WaitingFires },
): DueFires {
  const come = now - times.spreadMs;
  // A window keeps a fire back by at most the grace, and the grace counts from its end.
  const graceEdge = come - (times.blackout.isEmpty ? 1 : 2) * times.graceMs;
  const [oldestWaiting = come] = waiting.keys();
  const edge = Math.max(baseline, Math.min(graceEdge, oldestWaiting - 1));
  const older = listFires(schedule, baseline, edge, COUNTED);
  const newest = older.length < COUNTED ? (older.at(-1) ?? edge) : edge;
  const clearAt = times.blackout.findClear(now);
  const ripe = listFires(schedule, edge, come, RIPE_FIRES).map((fireAt): RipeFire => {
    const dueAt = findDueAt(fireAt, times, waiting);
    // Where no instant is clear, none is due.
    if (dueAt === undefined || clearAt === undefined) return { fireAt, fate: 'blackout' };
    return { fireAt, dueAt, fate: judge(dueAt, Math.max(dueAt, clearAt), now, times.graceMs) };
  });
  return { ripe, older: { count: older.length, newest } };
}

/** When a fire should begin, given that it may have waited under other options before. */
export function findDueAt(fireAt: number, times: DueTimes, waiting: WaitingFires): number | undefined {
  const dueAt = times.findDueAt(fireAt);
  return dueAt === undefined ? undefined : Math.max(dueAt, waiting.get(fireAt) ?? dueAt);
}

function judge(dueAt: number, beginAt: number, now: number, graceMs: number): RipeFire['fate'] {
  if (now - dueAt >= graceMs) return 'too_old';
  if (beginAt <= now) return 'due';
  return beginAt - dueAt >= graceMs ? 'blackout' : 'held';
}
