/** What a policy keeps of a year of imagined backups, by the planner itself: how many, and from which weeks. Pure. */
import { planRetention, type RetentionSnapshot } from '@holdfast/shared/domain/retention.ts';
import type { RetentionPolicy } from '@holdfast/shared/domain/retention-policy.ts';
import { DAY_MS, HOUR_MS } from '@holdfast/shared/durations.ts';
import { formatCount } from '../../ui/quantity.ts';
import { formatDate } from '../../ui/time.ts';
import type { YearView } from './retention-year.view.ts';

const DAYS = 365;
const RHYTHMS = [
  { label: 'one a day', everyMs: DAY_MS },
  { label: 'one an hour', everyMs: HOUR_MS },
] as const;

/** Good backups, the newest now, of a size nobody knows. */
function imagineBackups(now: number, everyMs: number): readonly RetentionSnapshot[] {
  const count = Math.floor((DAYS * DAY_MS) / everyMs);
  return Array.from({ length: count }, (_, index) => ({
    id: String(index),
    createdAt: now - index * everyMs,
    storedBytes: 0,
    standing: 'good',
    isProven: false,
    isPinned: false,
  }));
}

/** When those that stay were made, newest first. */
function listKept(policy: RetentionPolicy, backups: readonly RetentionSnapshot[], now: number, zone: string): readonly number[] {
  const { decisions } = planRetention(backups, { policy, now, zone, isNewestRunClean: true });
  return decisions.flatMap(({ verdict, snapshot }) => (verdict === 'keep' ? [snapshot.createdAt] : []));
}

/** The weeks of the year, oldest first, with how many of their daily backups stay. */
function listWeeks(kept: readonly number[], now: number, zone: string): YearView['weeks'] {
  const weeks = Math.ceil(DAYS / 7);
  const ages = kept.map((at) => Math.floor((now - at) / (7 * DAY_MS)));
  return Array.from({ length: weeks }, (_, index) => {
    const age = weeks - 1 - index;
    const stay = ages.filter((one) => one === age).length;
    const made = Math.min(7, DAYS - age * 7);
    return { date: `week before ${formatDate(now - age * 7 * DAY_MS, zone)}`, stay, made };
  });
}

/** @throws RangeError for a zone this runtime does not know. */
export function imagineYear(policy: RetentionPolicy, now: number, zone: string): YearView {
  const lines = RHYTHMS.map(({ label, everyMs }) => {
    const backups = imagineBackups(now, everyMs);
    const kept = listKept(policy, backups, now, zone);
    const oldestDays = Math.floor((now - (kept.at(-1) ?? now)) / DAY_MS);
    return { label, kept, made: backups.length, oldestDays };
  });
  const [daily] = lines;
  return {
    lines: lines.map(({ label, kept, made, oldestDays }) => ({
      label,
      text: `about ${formatCount(kept.length)} of ${formatCount(made)}, the oldest ${formatCount(oldestDays)} days old`,
    })),
    sentence: `Keeps about ${formatCount(daily?.kept.length ?? 0)} snapshots of one a day.`,
    weeks: listWeeks(daily?.kept ?? [], now, zone),
    hasSizeRule: policy.kind === 'rules' && policy.maxTotalBytes > 0,
  };
}
