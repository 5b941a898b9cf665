/** What is done to a repository without being asked: how often, in which windows, and in how many parts its data is read. */
import * as z from 'zod';
import { MAINTENANCE } from '../limits.ts';
import { blackoutSchema } from './plan.ts';
import { scheduleSchema } from './schedule.ts';

/** In the order in which they are done when several are due. */
export const DUTIES = ['measure', 'forget', 'prune', 'check'] as const;
export type Duty = (typeof DUTIES)[number];

/** Days between two times; 0: only when a person orders it. */
const daysSchema = z.int().min(0).max(MAINTENANCE.daysMax);

export const routineSchema = z
  .strictObject({
    checkDays: daysSchema.default(7),
    /** All data is read within so many days, a part with each check; 0: checks look at the structure alone. */
    readAllDays: daysSchema.default(90),
    pruneDays: daysSchema.default(7),
    /** Retention through the admin credential. Without one, hosts remove by themselves, and this says nothing. */
    forgetDays: daysSchema.default(1),
    measureDays: daysSchema.default(1),
    /** Checks, prunes and retention begin only inside them; none: at any time. Each may reach over midnight. */
    windows: z.array(blackoutSchema).max(MAINTENANCE.windowsMax).default([]),
    /** Whose clocks the windows go by. */
    zone: scheduleSchema.shape.zone.default('UTC'),
  })
  .refine(({ checkDays, readAllDays }) => readAllDays === 0 || readAllDays >= checkDays, {
    path: ['readAllDays'],
    message: 'must not be less than the days between two checks',
  });
export type Routine = z.infer<typeof routineSchema>;

/** What a new repository begins with. */
export const DEFAULT_ROUTINE: Routine = routineSchema.parse({});

/** In how many parts its data is read, so that all of them fit into the period; 0: no data is read. */
export function countParts({ checkDays, readAllDays }: Pick<Routine, 'checkDays' | 'readAllDays'>): number {
  if (checkDays === 0 || readAllDays === 0) return 0;
  return Math.min(MAINTENANCE.partsMax, Math.max(1, Math.floor(readAllDays / checkDays)));
}

/** Days between two times of a duty; 0: only by hand. */
export function getDutyDays(duty: Duty, routine: Routine): number {
  const days: Readonly<Record<Duty, number>> = {
    measure: routine.measureDays,
    forget: routine.forgetDays,
    prune: routine.pruneDays,
    check: routine.checkDays,
  };
  return days[duty];
}
