/** Spans of time as people type them: `24 h`, `90 min`, `1 h 30 min`, `2 d`. */

const UNITS: Readonly<Record<string, number>> = { s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400, day: 86_400, days: 86_400 };
const PIECE = /^(\d{1,9})\s*([a-z]+)\s*/u;

/** Whole seconds; undefined for a text that is no span. A bare number counts in `bareUnit`. */
export function parseSpan(text: string, bareUnit: 'min' | 's'): number | undefined {
  let rest = text.replaceAll('\u00a0', ' ').trim().toLowerCase();
  if (/^\d{1,9}$/u.test(rest)) rest += bareUnit;
  if (rest === '') return undefined;
  let seconds = 0;
  while (rest !== '') {
    const piece = PIECE.exec(rest);
    const unit = UNITS[piece?.[2] ?? ''];
    if (piece === null || unit === undefined) return undefined;
    seconds += Number(piece[1]) * unit;
    rest = rest.slice(piece[0].length);
  }
  return seconds;
}

/** The shortest text that reads back as the same span: `24 h`, `7 d`, `1 h 30 min`. */
export function writeSpan(seconds: number): string {
  if (seconds === 0) return '0 min';
  const days = Math.floor(seconds / 86_400);
  // A day is 24 hours to people, two days are days.
  const hasDays = seconds >= 2 * 86_400;
  const left = hasDays ? seconds - days * 86_400 : seconds;
  const pieces = [
    hasDays ? `${days} d` : '',
    left >= 3600 ? `${Math.floor(left / 3600)} h` : '',
    left % 3600 >= 60 ? `${Math.floor((left % 3600) / 60)} min` : '',
    left % 60 > 0 ? `${left % 60} s` : '',
  ];
  return pieces.filter((piece) => piece !== '').join(' ');
}
