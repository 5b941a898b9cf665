/**
 * Drain: for a while a host takes no new runs. What runs ends; fires and orders wait in its queue, restores as well. It is part of the
 * signed spec and has an end of its own, so that it works and ends without the server, and a forgotten one never costs a backup.
 */
import * as z from 'zod';
import { DRAIN } from '../limits.ts';

/** How long to drain, for forms and end-points. */
export const drainMinutesSchema = z.int('must be a whole number').min(1).max(DRAIN.minutesMax);

/** Instants are epoch milliseconds. */
export const drainSchema = z.object({ since: z.int().min(0), until: z.int().min(0) });
export type Drain = z.infer<typeof drainSchema>;

/**
 * Whether the drain holds at `now`. One that would last longer than any drain may, because the clock is far behind that of the server, does
 * not hold at all: a wrong clock must not keep a host from its backups.
 */
export function isDraining(drain: Drain | undefined, now: number): drain is Drain {
  return drain !== undefined && now < drain.until && drain.until - now <= DRAIN.minutesMax * 60_000 + DRAIN.clockApartMs;
}
