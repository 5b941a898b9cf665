/**
 * Wall time and instants of a time zone. A wall time is written as the epoch milliseconds it would have if it were UTC.
 * Zones come from Temporal, so the rules are those of the runtime's own time zone tables. (Intl.DateTimeFormat reads the same tables,
 * but brings calendars and number formats with it: some 7 MB that an idle agent would hold for nothing.)
 */
import { DAY_MS } from '../durations.ts';

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
  /** The instant since which the zone has had the offset that it has at `at`; minus infinity where it never had another. */
  steadySince(at: number): number;
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
  // Temporal also takes whole instants that name a zone in brackets; a zone is what comes back as it went in.
  if (zoneAt(0, zone).timeZoneId.toLowerCase() !== zone.toLowerCase())
    throw new RangeError(`${zone} is not the name of a time zone`);

  const offsetMs = (at: number): number => zoneAt(Math.floor(at), zone).offsetNanoseconds / 1e6;

  return {
    offsetMs,
    // A change at the very instant is the one since which its offset holds.
    steadySince: (at) =>
      zoneAt(Math.floor(at) + 1, zone).getTimeZoneTransition('previous')?.epochMilliseconds ?? Number.NEGATIVE_INFINITY,
    readWall(wall) {
      const early = wall - offsetMs(wall - DAY_MS);
      const late = wall - offsetMs(wall + DAY_MS);
      const valid = [...new Set([early, late])].filter((at) => at + offsetMs(at) === wall).sort((a, b) => a - b);
      const [first, second] = valid;
      if (first === undefined) return { kind: 'never', resumesAt: findChange(zone, Math.min(early, late)) };
      return second === undefined ? { kind: 'once', at: first } : { kind: 'twice', first, second };
    },
  };
}

const zoneAt = (at: number, zone: string) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);

/**
 * The first instant after `before` at which the zone changes its offset. Only asked where one lies ahead: the offset of the day after a wall time,
 * taken from that wall time, gave an instant at which the zone has another offset, and no offset reaches a day.
 */
function findChange(zone: string, before: number): number {
  const change = zoneAt(before, zone).getTimeZoneTransition('next') as Temporal.ZonedDateTime;
  return change.epochMilliseconds;
}
