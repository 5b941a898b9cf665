/** When drills of the sources of a plan are due, and where: for those of them that have no rhythm of their own. The server's alone, no host is told. Pure. */
import * as z from 'zod';
import { idSchema } from './ids.ts';
import { cronSchema } from './schedule.ts';

/** Clean backups that may lie between two drills. */
export const DRILL_RUNS_MAX = 1000;

/** For `refine`: a host alone brings no drill about. */
export const DRILLS_SAY_WHEN = [
  ({ schedule, everyRuns }: { schedule?: unknown; everyRuns?: unknown }) => schedule !== undefined || everyRuns !== undefined,
  'must say when a drill is due',
] as const;

export const planDrillsSchema = z
  .strictObject({
    /**
     * One is due at each fire. The zone is checked as the schedule is saved, by those who can say what is wrong with it: a runtime with another
     * zone database must still be able to read the plan.
     */
    schedule: z.strictObject({ cron: cronSchema, zone: z.string().max(64).default('UTC') }).optional(),
    /** One is due after so many clean backups of the source since its last one began. With a schedule, whichever comes first. */
    everyRuns: z.int().min(1).max(DRILL_RUNS_MAX).optional(),
    /** Another host than the source's own. */
    host: idSchema('host').optional(),
  })
  .refine(...DRILLS_SAY_WHEN);
export type PlanDrills = z.infer<typeof planDrillsSchema>;
