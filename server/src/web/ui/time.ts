/** Instants: what they are relative to now, with the exact moment and its zone on hover. */
import { type Html, html } from '../html.ts';
import { formatSpan, UNKNOWN } from './quantity.ts';

/** Where a page's reader stands in time. `now` and all instants are epoch milliseconds; `zone` is an IANA name. */
export type Clockface = { readonly now: number; readonly zone: string };

type Instant = number | null | undefined;

const DAY_MS = 86_400_000;
/** Beyond this an instant reads as a date. */
const RELATIVE_LIMIT_MS = 90 * DAY_MS;

type Format = 'stamp' | 'date' | 'clock' | 'minute' | 'offset';
const OPTIONS: Readonly<Record<Format, Intl.DateTimeFormatOptions>> = {
  stamp: {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  },
  date: { year: 'numeric', month: '2-digit', day: '2-digit' },
  clock: { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23' },
  minute: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  offset: { timeZoneName: 'shortOffset' },
};

// Making an Intl formatter costs about as much as rendering a page; one per zone and shape is kept.
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(format: Format, zone: string): Intl.DateTimeFormat {
  const key = `${format} ${zone}`;
  const known = formatters.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('sv-SE', { ...OPTIONS[format], timeZone: isZone(zone) ? zone : 'UTC' });
  formatters.set(key, made);
  return made;
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function isKnown(at: Instant): at is number {
  return typeof at === 'number' && Number.isFinite(at) && Math.abs(at) <= 8.64e15;
}

/** The zone's offset at an instant: `UTC+1`, `UTC`. */
export function formatOffset(at: number, zone: string): string {
  const part = formatterOf('offset', zone)
    .formatToParts(at)
    .find((piece) => piece.type === 'timeZoneName');
  return (part?.value ?? 'UTC').replace('GMT', 'UTC').replace('−', '-').replace(/\+0$/, '');
}

/** `UTC+1 · Berlin`, for the side bar. */
export function formatZone(face: Clockface): string {
  const city = face.zone.split('/').at(-1)?.replaceAll('_', ' ') ?? '';
  const offset = formatOffset(face.now, face.zone);
  return city === '' || city === 'UTC' ? offset : `${offset} · ${city}`;
}

/** `2026-11-20 09:00:00 UTC+1`. */
export function formatStamp(at: Instant, zone: string): string {
  return isKnown(at) ? `${formatterOf('stamp', zone).format(at)} ${formatOffset(at, zone)}` : UNKNOWN;
}

/** `2026-11-20`. */
export function formatDate(at: Instant, zone: string): string {
  return isKnown(at) ? formatterOf('date', zone).format(at) : UNKNOWN;
}

/** `09:00:41.007`, for logs. */
export function formatClock(at: Instant, zone: string): string {
  return isKnown(at) ? formatterOf('clock', zone).format(at).replace(',', '.') : UNKNOWN;
}

/** `09:00`. */
export function formatMinute(at: Instant, zone: string): string {
  return isKnown(at) ? formatterOf('minute', zone).format(at) : UNKNOWN;
}

/** `now`, `41 s ago`, `in 8 min`, `26 h ago`, `6 days ago`; a date beyond 90 days. */
export function formatRelative(at: Instant, face: Clockface): string {
  if (!isKnown(at)) return UNKNOWN;
  const ms = at - face.now;
  if (Math.abs(ms) >= RELATIVE_LIMIT_MS) return formatDate(at, face.zone);
  if (Math.abs(ms) < 5_000) return 'now';
  return ms < 0 ? `${formatSpan(ms)} ago` : `in ${formatSpan(ms)}`;
}

/** `today 09:00:00`, `yesterday 09:00:00`, else the date and time. */
export function formatDay(at: Instant, face: Clockface): string {
  if (!isKnown(at)) return UNKNOWN;
  const [date = '', time = ''] = formatterOf('stamp', face.zone).format(at).split(' ');
  if (date === formatDate(face.now, face.zone)) return `today ${time}`;
  if (date === formatDate(face.now - DAY_MS, face.zone)) return `yesterday ${time}`;
  if (date === formatDate(face.now + DAY_MS, face.zone)) return `tomorrow ${time}`;
  return `${date} ${time}`;
}

/** Relative, ticking in the browser; the stamp on hover. `missing` is what an absent instant reads (`never`). */
export function relativeTime(at: Instant, face: Clockface, missing: string = UNKNOWN): Html {
  if (!isKnown(at)) return html`<span class="quiet">${missing}</span>`;
  return html`<time datetime="${new Date(at).toISOString()}" title="${formatStamp(at, face.zone)}" data-tick>${formatRelative(at, face)}</time>`;
}

/** The day and time, with the zone on hover. */
export function dayTime(at: Instant, face: Clockface, missing: string = UNKNOWN): Html {
  if (!isKnown(at)) return html`<span class="quiet">${missing}</span>`;
  return html`<time datetime="${new Date(at).toISOString()}" title="${formatStamp(at, face.zone)}">${formatDay(at, face)}</time>`;
}

/** The whole stamp with its zone. */
export function stampTime(at: Instant, face: Clockface, missing: string = UNKNOWN): Html {
  if (!isKnown(at)) return html`<span class="quiet">${missing}</span>`;
  return html`<time datetime="${new Date(at).toISOString()}">${formatStamp(at, face.zone)}</time>`;
}
