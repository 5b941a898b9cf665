/** What a command prints: JSON for programs, aligned text for people. Results go to standard output, all else to standard error. */

/** Where a command reads and writes; the process's own in `main.ts`. */
export interface Terminal {
  out(text: string): void;
  error(text: string): void;
  /** All of standard input. */
  readInput(): Promise<string>;
  /** A line that a person at a terminal is asked for and that is not shown; where nobody sits at one, all of standard input. */
  readSecret(question: string): Promise<string>;
}

/** Control characters of hostile names would move the cursor or colour the terminal. */
export function sanitise(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}

export function printLine(terminal: Terminal, text: string): void {
  terminal.out(`${sanitise(text)}\n`);
}

export function note(terminal: Terminal, text: string): void {
  terminal.error(`${sanitise(text)}\n`);
}

/** Rows under their headings, columns aligned. */
export function printTable(terminal: Terminal, headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [headings, ...rows].map((row) => row.map(sanitise));
  const widths = headings.map((_, column) => all.reduce((width, row) => Math.max(width, (row[column] ?? '').length), 0));
  for (const row of all) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    terminal.out(`${cells.join('  ').trimEnd()}\n`);
  }
}

const LISTED = 4;

/** One value of a reply in a cell or after a label. */
export function showValue(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) {
    const shown = value.slice(0, LISTED).map(showValue).join(', ');
    return value.length > LISTED ? `${shown} and ${value.length - LISTED} more` : shown;
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** `2026-11-20 09:00:00Z`; empty where there is no instant. */
export function showInstant(value: unknown): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) return '';
  return `${new Date(value).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

export function showBytes(value: unknown): string {
  if (typeof value !== 'number') return '';
  let [amount, unit] = [value, 0];
  while (amount >= 1024 && unit < UNITS.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return `${unit === 0 ? amount : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** The fields of one thing, a line each; instants and sizes as people read them. */
export function printThing(terminal: Terminal, thing: Readonly<Record<string, unknown>>): void {
  const shown = Object.entries(thing).filter(([, value]) => value !== undefined && value !== null);
  const width = shown.reduce((widest, [name]) => Math.max(widest, name.length), 0);
  for (const [name, value] of shown) {
    const text = /(?:At|Until|Since)$/.test(name) ? showInstant(value) : /Bytes$|^bytes$/.test(name) ? showBytes(value) : '';
    printLine(terminal, `${name.padEnd(width)}  ${text === '' ? showValue(value) : text}`);
  }
}
