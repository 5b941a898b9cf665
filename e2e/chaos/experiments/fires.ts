/** Fires over all time zones and many years, compared with an independent reading of the rules. */
import { listFires } from '@holdfast/agent/scheduler/next-fire.ts';
import { type ClockStretch, type Rule, readClock, readFires } from './clock-reading.ts';

const DAY = 24 * 3_600_000;
/** Far enough around a change of clocks to see the last night before it and the first after it. */
const AROUND_MS = 3 * DAY;
const FIRST_YEAR = 2026;
const FINDINGS = 20;

const anyDay = () => true;

/** Rules that name their hours: each is looked at over all the years in every zone. */
const FIXED: readonly Rule[] = [
  { cron: '30 2 * * *', minutes: [30], hours: [2], isDay: anyDay },
  { cron: '0 0 * * *', minutes: [0], hours: [0], isDay: anyDay },
  { cron: '15,45 1-3 * * 0,6', minutes: [15, 45], hours: [1, 2, 3], isDay: ({ weekday }) => weekday === 0 || weekday === 6 },
  { cron: '59 23 * * MON-FRI', minutes: [59], hours: [23], isDay: ({ weekday }) => weekday >= 1 && weekday <= 5 },
  // A day of the month and a day of the week: either will do.
  { cron: '0 3 13 * 5', minutes: [0], hours: [3], isDay: ({ date, weekday }) => date === 13 || weekday === 5 },
  { cron: '30 1 31 * *', minutes: [30], hours: [1], isDay: ({ date }) => date === 31 },
  { cron: '30 0 29 2 *', minutes: [30], hours: [0], isDay: ({ date, month }) => date === 29 && month === 2 },
  { cron: '0 1 L * *', minutes: [0], hours: [1], isDay: ({ date, lastDate }) => date === lastDate },
  {
    cron: '*/20 */2 * 3,4,9,10,11 7',
    minutes: [0, 20, 40],
    hours: [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22],
    isDay: ({ month, weekday }) => weekday === 0 && [3, 4, 9, 10, 11].includes(month),
  },
];

/** Rules of every hour: over all the years once for each history of clocks, and around each change in every zone. */
const INTERVALS: readonly Rule[] = [
  { cron: '0 * * * *', minutes: [0], hours: undefined, isDay: anyDay },
  { cron: '10,40 */1 * * *', minutes: [10, 40], hours: undefined, isDay: anyDay },
];

export interface FireCheck {
  /** Fires compared. */
  tried: number;
  /** Fires skipped, fires doubled and fires that no rule names. */
  bad: number;
  /** The first of what was bad. */
  findings: readonly string[];
}

/**
 * Compares the agent's fires with a reading of the clock, in all zones the runtime knows unless some are named, from 2026 on.
 * All of them over ten years take some minutes on one core.
 */
export function checkAllZones(options: { years: number; zones?: readonly string[] }): FireCheck {
  const from = Date.UTC(FIRST_YEAR);
  const until = Date.UTC(FIRST_YEAR + options.years);
  const findings: string[] = [];
  const histories = new Set<string>();
  let tried = 0;
  let bad = 0;
  const compare = (rule: Rule, zone: string, clock: readonly ClockStretch[], start: number, end: number): void => {
    const expected = readFires(rule, clock, start, end);
    const found = listFires({ cron: rule.cron, zone }, start - 1, end - 1, expected.length + 1000);
    const faults = findFaults(expected, found);
    tried += expected.length;
    bad += faults.length;
    for (const fault of faults) if (findings.length < FINDINGS) findings.push(`"${rule.cron}" in ${zone}: ${fault}`);
  };
  for (const zone of options.zones ?? Intl.supportedValuesOf('timeZone')) {
    const clock = readClock(zone, from - 4 * DAY, until + 4 * DAY);
    for (const rule of FIXED) compare(rule, zone, clock, from, until);
    const history = JSON.stringify(clock);
    const isNew = !histories.has(history);
    histories.add(history);
    const [everyHour, halfHours] = INTERVALS;
    if (isNew && everyHour) compare(everyHour, zone, clock, from, until);
    for (const { from: change } of clock.slice(1)) {
      if (change < from || change >= until) continue;
      for (const rule of isNew ? [halfHours] : INTERVALS)
        if (rule) compare(rule, zone, clock, change - AROUND_MS, change + AROUND_MS);
    }
  }
  return { tried, bad, findings };
}

/** What differs between two rising lists of instants; a repeat in `found` is a doubled fire. */
export function findFaults(expected: readonly number[], found: readonly number[]): string[] {
  const name = (at: number) => new Date(at).toISOString();
  const wanted = new Set(expected);
  const got = new Set(found);
  return [
    ...expected.filter((at) => !got.has(at)).map((at) => `skipped ${name(at)}`),
    ...found.filter((at) => !wanted.has(at)).map((at) => `fired without reason ${name(at)}`),
    ...found
      .filter((at, index) => index > 0 && at <= (found[index - 1] ?? at))
      .map((at) => `doubled or out of order ${name(at)}`),
  ];
}
