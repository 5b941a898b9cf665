/** The fires of a schedule: croner does the calendar, on plain wall time; zones and clock changes are `fire-walk.ts`'s. */
import { createFireWalk } from '@holdfast/shared/domain/fire-walk.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { Cron } from 'croner';

export const { computeNextFire, listFires, walkFires } = createFireWalk((expression) => {
  const cron = new Cron(expression, { mode: '5-part', utcOffset: 0 });
  return (wall) => cron.nextRun(new Date(wall))?.getTime();
});

/** The next `count` fires after an instant, oldest first; throws `invalid` for a schedule that cannot be read. */
export const listNextFires = (schedule: Schedule, after: number, count: number): number[] =>
  walkFires(schedule, after).take(count).toArray();
