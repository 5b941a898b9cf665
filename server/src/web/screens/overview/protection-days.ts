/** Days as a strip shows them: how the sources stood, by the hours in which somebody looked. */
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { ProtectionDay } from '../../../store/history.ts';
import type { CalendarDay } from '../../ui/charts.ts';
import { formatPercent } from '../../ui/quantity.ts';

/** Below this part of the sources a day is not green. */
const GOOD_SHARE = 1;
const POOR_SHARE = 0.9;

export type DayLine = CalendarDay & { readonly share?: number | undefined };

/** The mean share of protected ones among those that are switched on; undefined where there was none. */
export function findShare(days: readonly ProtectionDay[]): number | undefined {
  let [good, all] = [0, 0];
  for (const { looks, counts } of days) {
    good += counts.protected / looks;
    all += (counts.protected + counts.at_risk + counts.unprotected + counts.unknown) / looks;
  }
  return all === 0 ? undefined : good / all;
}

/** Each UTC day from `from` on that has begun before `to`, epoch milliseconds; `from` is the beginning of one. */
export function listDays(from: number, to: number, seen: readonly ProtectionDay[]): readonly DayLine[] {
  const byDay = new Map(seen.map((one) => [one.day, one]));
  const first = from / DAY_MS;
  return Array.from({ length: Math.ceil(to / DAY_MS - first) }, (_, index) => {
    const day = first + index;
    const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
    const own = byDay.get(day);
    const share = own && findShare([own]);
    if (share === undefined) return { date, tone: 'quiet' as const, word: 'nobody looked' };
    const tone =
      share >= GOOD_SHARE ? ('protected' as const) : share >= POOR_SHARE ? ('at-risk' as const) : ('unprotected' as const);
    return { date, tone, word: `${formatPercent(share)} protected`, share };
  });
}
