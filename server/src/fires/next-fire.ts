/** The fires of a schedule: croner does the calendar, on plain wall time; zones and clock changes are `fire-walk.ts`'s. */
import { createFireWalk } from '@holdfast/shared/domain/fire-walk.ts';
import { Cron } from 'croner';

/** Expressions that differ; beyond that the oldest is read again. */
const REMEMBERED_CRONS = 1000;

const known = new Map<string, Cron>();

/** Reading an expression takes as long as some of its fires; what is read says the same ever after. Throws for one that cannot be read. */
export function readCron(expression: string): Cron {
  const found = known.get(expression);
  if (found !== undefined) return found;
  const read = new Cron(expression, { mode: '5-part', utcOffset: 0 });
  const [oldest] = known.size < REMEMBERED_CRONS ? [] : known.keys();
  if (oldest !== undefined) known.delete(oldest);
  known.set(expression, read);
  return read;
}

export const { computeNextFire, listFires, walkFires } = createFireWalk((expression) => {
  const cron = readCron(expression);
  return (wall) => cron.nextRun(new Date(wall))?.getTime();
});
