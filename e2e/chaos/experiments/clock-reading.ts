/**
 * An independent reading of what schedules mean: wall clocks as Intl shows them and rules written down as sets of numbers. Nothing of
 * the program's own calendar, zone reader or cron library takes part.
 *
 * - A rule that names its hours is due once for each wall time it names: at the first instant that shows it, or, where clocks go
 *   forward over it, at the first instant after.
 * - A rule of every hour is due at each instant whose wall time it names, as often as it is shown.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A time in which a zone's clocks run without a jump. */
export interface ClockStretch {
  /** The first instant, epoch milliseconds. */
  from: number;
  /** The first instant after it. */
  until: number;
  /** What the clock shows more than UTC. */
  offsetMs: number;
}

/** A schedule twice: as a cron expression, and as what it means. */
export interface Rule {
  cron: string;
  minutes: readonly number[];
  /** Undefined: every hour, which makes it an interval. */
  hours: readonly number[] | undefined;
  /** Whether it is due on a day of the calendar; `month` from 1, `weekday` 0 is Sunday. */
  isDay(day: { date: number; month: number; weekday: number; lastDate: number }): boolean;
}

/** What a clock on the wall shows at each instant of [from, until), both whole UTC days. Two jumps within six hours are not told apart. */
export function readClock(zone: string, from: number, until: number): ClockStretch[] {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  });
  const offsetAt = (instant: number): number => {
    const [, month, date, year, hour, minute] = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+)$/u.exec(format.format(instant)) ?? [];
    return Date.UTC(Number(year), Number(month) - 1, Number(date), Number(hour), Number(minute)) - instant;
  };
  const stretches: ClockStretch[] = [];
  let open = { from, offsetMs: offsetAt(from) };
  for (let instant = from; instant < until; instant += DAY / 4) {
    const next = instant + DAY / 4;
    const offsetMs = offsetAt(next);
    if (offsetMs === open.offsetMs) continue;
    let before = instant;
    let jumped = next;
    while (jumped - before > MINUTE) {
      const middle = Math.floor((before + jumped) / 2 / MINUTE) * MINUTE;
      if (offsetAt(middle) === open.offsetMs) before = middle;
      else jumped = middle;
    }
    stretches.push({ ...open, until: jumped });
    open = { from: jumped, offsetMs };
  }
  return [...stretches, { ...open, until }].filter((stretch) => stretch.from < stretch.until);
}

/** When a rule is due within [from, until), by what the clock shows; rising, each instant once. `clock` covers two days more at each end. */
export function readFires(rule: Rule, clock: readonly ClockStretch[], from: number, until: number): number[] {
  const due = new Set<number>();
  for (let day = Math.floor((from - 2 * DAY) / DAY) * DAY; day < until + 2 * DAY; day += DAY) {
    if (!rule.isDay(readDay(day))) continue;
    for (const hour of rule.hours ?? EVERY_HOUR) {
      for (const minute of rule.minutes) {
        for (const at of findShown(clock, day + hour * HOUR + minute * MINUTE, rule.hours === undefined)) due.add(at);
      }
    }
  }
  return [...due].filter((at) => at >= from && at < until).sort((a, b) => a - b);
}

const EVERY_HOUR = Array.from({ length: 24 }, (_, hour) => hour);

function readDay(day: number): Parameters<Rule['isDay']>[0] {
  const date = new Date(day);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0));
  return { date: date.getUTCDate(), month: date.getUTCMonth() + 1, weekday: date.getUTCDay(), lastDate: last.getUTCDate() };
}

/** At which instants a rule is due for one wall time, written as the epoch milliseconds it would have in UTC. */
function findShown(clock: readonly ClockStretch[], wall: number, isInterval: boolean): number[] {
  const shown: number[] = [];
  for (let index = findNear(clock, wall); index < clock.length; index += 1) {
    const stretch = clock[index];
    if (stretch === undefined || stretch.from + stretch.offsetMs > wall + 2 * DAY) break;
    const at = wall - stretch.offsetMs;
    if (at >= stretch.from && at < stretch.until) shown.push(at);
    else if (!isInterval && shown.length === 0 && isSkipped(clock[index - 1], stretch, wall)) shown.push(stretch.from);
  }
  return isInterval ? shown : shown.slice(0, 1);
}

/** Whether the clock jumped over a wall time as the stretch began. */
function isSkipped(before: ClockStretch | undefined, stretch: ClockStretch, wall: number): boolean {
  if (before === undefined) return false;
  return wall >= before.until + before.offsetMs && wall < stretch.from + stretch.offsetMs;
}

/** The first stretch that ends no earlier than two days before a wall time. */
function findNear(clock: readonly ClockStretch[], wall: number): number {
  let low = 0;
  let high = clock.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((clock[middle]?.until ?? 0) < wall - 2 * DAY) low = middle + 1;
    else high = middle;
  }
  return low;
}
