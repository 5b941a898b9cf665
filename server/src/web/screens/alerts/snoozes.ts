/** How long alerts can be put off from the pages. */
import { HOUR_MS } from '@holdfast/shared/durations.ts';

/** In hours. */
export const SNOOZES = [
  { value: '1', label: 'one hour' },
  { value: '8', label: '8 hours' },
  { value: '24', label: 'a day' },
  { value: '168', label: 'a week' },
] as const;
/** What forms propose. */
export const SNOOZE_HOURS = '8';

/** Epoch milliseconds; undefined for what is no choice. */
export function findSnoozeEnd(hours: string, now: number): number | undefined {
  const chosen = SNOOZES.find(({ value }) => value === hours);
  return chosen === undefined ? undefined : now + Number(chosen.value) * HOUR_MS;
}
