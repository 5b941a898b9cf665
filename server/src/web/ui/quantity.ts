/**
 * Numbers as people compare them: IEC sizes, rates, durations, counts. Number and unit are joined by a no-break space
 * (U+00A0), so a figure never breaks across lines. What is unknown reads `—`.
 */

const NBSP = '\u00a0';
export const UNKNOWN = '—';
const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

type Quantity = number | null | undefined;

function isKnown(value: Quantity): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Three significant digits, without trailing zeros: `1.4`, `3.58`, `25.6`, `212`. */
function threeDigits(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function sizeParts(bytes: number): readonly [string, string] {
  let value = Math.abs(bytes);
  let unit = 0;
  // 1023.5 would round up to "1024": the next unit begins where rounding would reach it.
  while (value >= 1023.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 ? String(Math.round(value)) : threeDigits(value);
  return [bytes < 0 && text !== '0' ? `−${text}` : text, SIZE_UNITS[unit] ?? 'B'];
}

/** `1.4 GiB`. */
export function formatBytes(bytes: Quantity): string {
  if (!isKnown(bytes)) return UNKNOWN;
  return sizeParts(bytes).join(NBSP);
}

/** `+9.1 GiB`, `−212 MiB`: a change. */
export function formatByteChange(bytes: Quantity): string {
  if (!isKnown(bytes)) return UNKNOWN;
  return `${bytes > 0 ? '+' : ''}${formatBytes(bytes)}`;
}

/** `18.2 of 25.6 GiB`: the unit once where both share it. */
export function formatBytesOf(done: Quantity, total: Quantity): string {
  if (!isKnown(done)) return UNKNOWN;
  if (!isKnown(total)) return formatBytes(done);
  const [doneText, doneUnit] = sizeParts(done);
  const [totalText, totalUnit] = sizeParts(total);
  const start = doneUnit === totalUnit || done === 0 ? doneText : `${doneText}${NBSP}${doneUnit}`;
  return `${start} of ${totalText}${NBSP}${totalUnit}`;
}

/** Bytes per second: `96 MiB/s`. */
export function formatRate(bytesPerSecond: Quantity): string {
  return isKnown(bytesPerSecond) ? `${formatBytes(bytesPerSecond)}/s` : UNKNOWN;
}

/** `0.4 s`, `41 s`, `2 m 15 s`, `3 h 05 m`, `6 d 4 h`. Negative spans read as unknown. */
export function formatDuration(ms: Quantity): string {
  if (!isKnown(ms) || ms < 0) return UNKNOWN;
  if (ms < 9_950) return `${(ms / SECOND_MS).toFixed(1)}${NBSP}s`;
  const seconds = Math.round(ms / SECOND_MS);
  if (seconds < 60) return `${seconds}${NBSP}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return twoUnits(minutes, 'm', seconds % 60, 's', true);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return twoUnits(hours, 'h', minutes % 60, 'm', true);
  return twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h', false);
}

function twoUnits(big: number, bigUnit: string, small: number, smallUnit: string, padded: boolean): string {
  const start = `${big}${NBSP}${bigUnit}`;
  if (small === 0) return start;
  return `${start}${NBSP}${padded ? String(small).padStart(2, '0') : small}${NBSP}${smallUnit}`;
}

/** A span in one coarse unit, for ages and waits: `8 min`, `26 h`, `6 days`. */
export function formatSpan(ms: Quantity): string {
  if (!isKnown(ms)) return UNKNOWN;
  const span = Math.abs(ms);
  if (span < MINUTE_MS) return `${Math.round(span / SECOND_MS)}${NBSP}s`;
  if (span < HOUR_MS) return `${Math.floor(span / MINUTE_MS)}${NBSP}min`;
  if (span < 2 * DAY_MS) return `${Math.floor(span / HOUR_MS)}${NBSP}h`;
  return `${Math.floor(span / DAY_MS)}${NBSP}days`;
}

/** `12,480`. */
export function formatCount(count: Quantity): string {
  if (!isKnown(count)) return UNKNOWN;
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 host`, `31 hosts`: the plural adds an s unless given. */
export function formatNoun(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)}${NBSP}${count === 1 ? singular : plural}`;
}

/** A ratio from 0 to 1 as `71 %`. Never `100 %` before the end, never `0 %` once begun. */
export function formatPercent(ratio: Quantity): string {
  if (!isKnown(ratio)) return UNKNOWN;
  if (ratio > 0 && ratio < 0.01) return `<1${NBSP}%`;
  const percent = ratio < 1 ? Math.min(99, Math.round(ratio * 100)) : Math.round(ratio * 100);
  return `${percent}${NBSP}%`;
}
