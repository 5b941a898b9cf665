/** Whether an expression and a zone make a schedule, and if not, what to change. */
import { cronSchema, isKnownZone } from '@holdfast/shared/domain/schedule.ts';
import { FIELD_NAMES } from './cron-fields.ts';
import { computeNextFire, readCron } from './next-fire.ts';

export type CronCheck = { ok: true } | { ok: false; field: 'cron' | 'zone'; message: string };

const LIMITS: Record<string, string> = {
  minute: '0 to 59',
  hour: '0 to 23',
  'day of month': '1 to 31',
  month: '1 to 12 or JAN to DEC',
  'day of week': '0 to 7 or SUN to SAT (0 and 7 are Sunday)',
};

/** Checks what a person typed. `from` (epoch milliseconds) is where the search for a first fire begins. */
export function checkCron(expression: string, zone: string, from: number): CronCheck {
  if (zone.length > 64 || !isKnownZone(zone)) {
    return {
      ok: false,
      field: 'zone',
      message: `"${zone.slice(0, 64)}" is not a time zone this system knows, such as Europe/Berlin`,
    };
  }
  const text = expression.trim();
  if (!cronSchema.safeParse(text).success) return { ok: false, field: 'cron', message: describeShape(text) };
  if (!isReadable(text)) return { ok: false, field: 'cron', message: describeFault(text) };
  if (computeNextFire({ cron: text, zone }, from) === undefined) {
    return { ok: false, field: 'cron', message: `"${text}" never comes: there is no such date` };
  }
  return { ok: true };
}

function describeFault(text: string): string {
  const fields = text.split(/\s+/u);
  for (const [index, field] of fields.entries()) {
    // One field at a time, between stars, says which one is wrong.
    const alone = FIELD_NAMES.map((_, place) => (place === index ? field : '*')).join(' ');
    if (isReadable(alone)) continue;
    const name = FIELD_NAMES[index] ?? 'field';
    return `"${field}" is no ${name}: it takes ${LIMITS[name]}, lists (1,2), ranges (1-5), steps (*/2) or *`;
  }
  return `"${text}" is not a cron expression`;
}

function describeShape(text: string): string {
  const count = text === '' ? 0 : text.split(/\s+/u).length;
  if (text.length > 200) return 'the expression is longer than 200 letters';
  if (text.startsWith('@')) return `"${text}" is not understood: write five fields, such as 0 2 * * * for every day at 02:00`;
  const extra = count === 6 ? '; seconds are not used here' : '';
  return `five fields are needed (${FIELD_NAMES.join(', ')}) and ${count} were given${extra}`;
}

function isReadable(cron: string): boolean {
  try {
    readCron(cron);
    return true;
  } catch {
    // croner says no; the caller says it in the user's words.
    return false;
  }
}
