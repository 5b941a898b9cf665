/** Whether a policy counts buckets that a schedule cannot fill: one for each hour of backups that are made once a day. Pure. */
import { DAY_MS, HOUR_MS } from '../durations.ts';
import { type RetentionPolicy, TIERS, type Tier } from './retention-policy.ts';

/** The longest that a bucket can last; a day has an hour more where clocks go back. */
const LONGEST_MS: Readonly<Record<Exclude<Tier, 'last'>, number>> = {
  hourly: HOUR_MS,
  daily: DAY_MS + HOUR_MS,
  weekly: 7 * DAY_MS + HOUR_MS,
  monthly: 31 * DAY_MS + HOUR_MS,
  yearly: 366 * DAY_MS,
};
const NOUNS: Readonly<Record<Exclude<Tier, 'last'>, string>> = {
  hourly: 'hour',
  daily: 'day',
  weekly: 'week',
  monthly: 'month',
  yearly: 'year',
};

function describeWait(ms: number): string {
  return ms < 2 * DAY_MS ? `${Math.round(ms / HOUR_MS)} hours` : `${Math.round(ms / DAY_MS)} days`;
}

/**
 * What a policy really keeps where it counts hours, days, weeks, months or years that have no more than one backup each by these next fires of
 * the schedule; undefined where it keeps what it says. `fires` are epoch milliseconds, oldest first; fewer than two say nothing.
 */
export function describeTierConflict(policy: RetentionPolicy, fires: readonly number[]): string | undefined {
  const waits = fires.slice(1).map((at, index) => at - (fires[index] ?? at));
  if (policy.kind === 'everything' || waits.length === 0) return undefined;
  const everyMs = Math.min(...waits);
  // One of a kind is the newest backup, whatever it is called.
  const idle = TIERS.filter((tier) => tier !== 'last').filter((tier) => policy[tier] > 1 && everyMs > LONGEST_MS[tier]);
  const [finest] = idle;
  if (finest === undefined) return undefined;
  const named = idle.map((tier) => `${policy[tier]} ${NOUNS[tier]}s`).join(', ');
  const most = Math.max(...idle.map((tier) => policy[tier]));
  const reach = Math.round((most * everyMs) / DAY_MS);
  return `The policy keeps one for each of ${named}, but this schedule fires every ${describeWait(everyMs)} at most: the ${most} newest stay instead, which reach back about ${reach} days. Let it fire every ${NOUNS[finest]}, or choose a policy that does not count ${NOUNS[finest]}s.`;
}
