/** What the API needs of the room that knows when schedules are due; the composition root hands it in. */
import type {
  checkCron,
  describeCron,
  describeMissingDates,
  listClockChanges,
  listNextBegins,
  listNextFires,
} from '../../fires/fires.ts';

export interface FireCalendar {
  checkCron: typeof checkCron;
  describeCron: typeof describeCron;
  describeMissingDates: typeof describeMissingDates;
  listClockChanges: typeof listClockChanges;
  listNextBegins: typeof listNextBegins;
  listNextFires: typeof listNextFires;
}
