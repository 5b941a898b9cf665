/** How often a drill is due, in words: the same wherever it is said. */
import type { PlanDrills } from '@holdfast/shared/domain/plan-drills.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { describeRuns } from './proof.view.ts';

/** `every Sunday at 03:00, Europe/Berlin, and after 7 clean backups`. */
export function describeDrillRhythm(describe: (schedule: Schedule) => string, { schedule, everyRuns }: PlanDrills): string {
  return [
    ...(schedule === undefined ? [] : [describe(schedule)]),
    ...(everyRuns === undefined ? [] : [describeRuns(everyRuns)]),
  ].join(', and ');
}
