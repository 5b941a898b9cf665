/** What schedules promise, remembered for as long as it is true: until their next fire has passed. */
import { findLongestWait } from '@holdfast/shared/domain/longest-wait.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { CoreContext } from '../ports.ts';

export interface SchedulePromises {
  /** The longest wait between two of the fires to come, milliseconds; undefined for a schedule that ends or cannot be read. */
  findLongestWait(schedule: Schedule, now: number): number | undefined;
  /** The first fire after `now`, epoch milliseconds; undefined where there is none, or the schedule cannot be read. */
  findNextFire(schedule: Schedule, now: number): number | undefined;
}

interface Remembered {
  waitMs: number | undefined;
  nextAt: number | undefined;
  readAt: number;
}

/** Schedules that differ; beyond that all are read again. */
const REMEMBERED = 20_000;

export function createSchedulePromises(listFires: CoreContext['listFires']): SchedulePromises {
  const known = new Map<string, Map<string, Remembered>>();
  let count = 0;

  function findNext(schedule: Schedule, now: number): number | undefined {
    try {
      return listFires(schedule, now, 1)[0];
    } catch {
      // The plan's own page says that the schedule cannot be read.
      return undefined;
    }
  }

  /** Two steps, because joining zone and expression for each source of a fleet would take longer than all else here. */
  function look(schedule: Schedule, now: number): Remembered {
    let ofZone = known.get(schedule.zone);
    const found = ofZone?.get(schedule.cron);
    if (found !== undefined && now >= found.readAt && (found.nextAt === undefined || now < found.nextAt)) return found;
    const read = { waitMs: findLongestWait(listFires, schedule, now), nextAt: findNext(schedule, now), readAt: now };
    if (found === undefined) count += 1;
    if (count > REMEMBERED) {
      known.clear();
      ofZone = undefined;
      count = 1;
    }
    if (ofZone === undefined) {
      ofZone = new Map();
      known.set(schedule.zone, ofZone);
    }
    ofZone.set(schedule.cron, read);
    return read;
  }

  return {
    findLongestWait: (schedule, now) => look(schedule, now).waitMs,
    findNextFire: (schedule, now) => look(schedule, now).nextAt,
  };
}
