/** What schedules promise, remembered: reading one takes a thousand times as long as looking it up. */
import { findLongestWait } from '@holdfast/shared/domain/longest-wait.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { CoreContext } from '../core/ports.ts';

export interface Promised {
  /** The longest wait between two of the next fires; undefined for a schedule that ends or cannot be read. */
  everyMs?: number | undefined;
  nextAt?: number | undefined;
}

export interface Calendar {
  look(schedule: Schedule): Promised;
  /** Readings so far that were not remembered. */
  countReadings(): number;
}

/** Schedules that differ; beyond that the oldest is read again. */
const REMEMBERED = 50_000;

export function createCalendar({ listFires, clock }: Pick<CoreContext, 'listFires' | 'clock'>): Calendar {
  const known = new Map<string, Promised & { readAt: number }>();
  let readings = 0;

  function findNext(schedule: Schedule, now: number): number | undefined {
    try {
      return listFires(schedule, now, 1)[0];
    } catch {
      // The plan's own page says that the schedule cannot be read.
      return undefined;
    }
  }

  return {
    countReadings: () => readings,
    look(schedule) {
      const now = clock.now();
      const key = `${schedule.zone} ${schedule.cron}`;
      const found = known.get(key);
      const isFresh = found !== undefined && now >= found.readAt && now - found.readAt < DAY_MS;
      if (isFresh && (found.nextAt === undefined || found.nextAt > now)) return found;
      readings += 1;
      const nextAt = findNext(schedule, now);
      const promised = isFresh
        ? { ...found, nextAt }
        : { everyMs: findLongestWait(listFires, schedule, now), nextAt, readAt: now };
      known.delete(key);
      known.set(key, promised);
      if (known.size > REMEMBERED) known.delete(known.keys().next().value ?? key);
      return promised;
    },
  };
}
