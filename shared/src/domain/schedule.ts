/**
 * Schedules. A fire is one instant at which a schedule is due, named by its plan and its UTC millisecond.
 * The computation of instants from a cron expression lives where croner is imported (agent scheduler, server core);
 * this file holds what both must agree on.
 */
import * as z from 'zod';
import { openZone } from './wall-time.ts';

/** Five fields, no seconds, no `@reboot`. The expression itself is checked by croner at the boundary that stores it. */
export const cronSchema = z
  .string()
  .trim()
  .max(200)
  .regex(/^(\S+\s+){4}\S+$/u, 'must have five fields: minute, hour, day of month, month, day of week');

/** Whether this runtime knows the IANA zone. */
export function isKnownZone(zone: string): boolean {
  try {
    openZone(zone);
    return true;
  } catch {
    return false;
  }
}

export const zoneSchema = z.string().max(64).refine(isKnownZone, 'is not a time zone this system knows, such as Europe/Berlin');

export const scheduleSchema = z.strictObject({
  cron: cronSchema,
  /** IANA name; decides what the cron fields mean, daylight saving included. */
  zone: zoneSchema.default('UTC'),
});
export type Schedule = z.infer<typeof scheduleSchema>;

/** What the presets of the plan form offer. */
export const SCHEDULE_PRESETS = [
  { name: 'hourly', cron: '0 * * * *', label: 'Every hour' },
  { name: 'daily', cron: '0 2 * * *', label: 'Every day at 02:00' },
  { name: 'weekly', cron: '0 3 * * 0', label: 'Every Sunday at 03:00' },
  { name: 'monthly', cron: '0 4 1 * *', label: 'On the first of each month at 04:00' },
] as const;
