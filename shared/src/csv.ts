/** Lines of CSV after RFC 4180, which a table program opens without carrying anything out. Pure. */

/** A table program carries out what begins like a formula: such a text gets an apostrophe before it. */
function writeCell(value: string | number | undefined): string {
  const text = String(value ?? '');
  const safe = /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;
  return /[",\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line, with its end. */
export function writeCsvLine(cells: readonly (string | number | undefined)[]): string {
  return `${cells.map(writeCell).join(',')}\r\n`;
}
