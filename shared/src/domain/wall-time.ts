/**
 * Wall time and instants of a time zone. A wall time is written as the epoch milliseconds it would have if it were UTC.
 * Zones come from Intl, so the rules are those of the runtime's own time zone tables.
 */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** More names than there are zones, so that odd spellings cannot make the cache grow for ever. */
const CACHED_ZONES = 1000;

/** What a wall time means in a zone: one instant, two (clocks went back over it) or none (clocks went forward over it). */
export type WallReading =
  | { kind: 'once'; at: number }
  | { kind: 'twice'; first: number; second: number }
  | { kind: 'never'; resumesAt: number };

export interface ZoneReader {
  /** What has to be added to an instant to get the wall time, in milliseconds. */
  offsetMs(at: number): number;
  /** For `never`, `resumesAt` is the first instant after the gap. */
  readWall(wall: number): WallReading;
}

const readers = new Map<string, ZoneReader>();

/** The reader of an IANA zone; a RangeError for a zone this runtime does not know. */
export function openZone(zone: string): ZoneReader {
  const known = readers.get(zone);
  if (known) return known;
  const reader = createZoneReader(zone);
  if (readers.size >= CACHED_ZONES) readers.clear();
  readers.set(zone, reader);
  return reader;
}

function createZoneReader(zone: string): ZoneReader {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });

  const offsetMs = (at: number): number => {
    const whole = Math.floor(at / 1000) * 1000;
    const field: Record<string, number> = {};
    for (const part of format.formatToParts(whole)) field[part.type] = Number(part.value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = field;
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  };

  /** The first instant in (before, until] with another offset than `before` has. */
  const findChange = (before: number, until: number): number => {
    const offset = offsetMs(before);
    let low = before;
    let high = until;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (offsetMs(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  };

  return {
    offsetMs,
    readWall(wall) {
      const early = wall - offsetMs(wall - DAY);
      const late = wall - offsetMs(wall + DAY);
      const valid = [...new Set([early, late])].filter((at) => at + offsetMs(at) === wall).sort((a, b) => a - b);
      const [first, second] = valid;
      if (first === undefined) return { kind: 'never', resumesAt: findChange(Math.min(early, late), Math.max(early, late)) };
      return second === undefined ? { kind: 'once', at: first } : { kind: 'twice', first, second };
    },
  };
}
