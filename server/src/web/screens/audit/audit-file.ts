/** Entries of the audit as a file: CSV for tables, JSON lines for programs. */
import type { AuditEntry } from '../../../store/trail.ts';

const COLUMNS: readonly (readonly [string, (entry: AuditEntry) => string | number | undefined])[] = [
  ['no', ({ no }) => no],
  ['at', ({ at }) => new Date(at).toISOString()],
  ['actor kind', ({ actor }) => actor.kind],
  ['actor id', ({ actor }) => actor.id],
  ['actor', ({ actor }) => actor.name],
  ['action', ({ action }) => action],
  ['target kind', ({ target }) => target.kind],
  ['target id', ({ target }) => target.id],
  ['target', ({ target }) => target.name],
  ['address', ({ address }) => address],
  ['request id', ({ requestId }) => requestId],
  ['change', ({ change }) => (change === undefined ? undefined : JSON.stringify(change))],
  ['hash', ({ hash }) => hash],
];

/** A table program carries out what begins like a formula: such a text gets an apostrophe before it. */
function writeCell(value: string | number | undefined): string {
  const text = String(value ?? '');
  const safe = /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;
  return /[",\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function writeRow(cells: readonly (string | number | undefined)[]): string {
  return `${cells.map(writeCell).join(',')}\r\n`;
}

/** Page by page as they are read. In CSV the first line names the columns; JSON lines hold all that the API tells of an entry. */
export async function* writeAudit(pages: AsyncIterable<readonly AuditEntry[]>, format: 'csv' | 'ndjson'): AsyncGenerator<string> {
  if (format === 'csv') yield writeRow(COLUMNS.map(([name]) => name));
  for await (const entries of pages) {
    if (entries.length === 0) continue;
    const lines =
      format === 'csv'
        ? entries.map((entry) => writeRow(COLUMNS.map(([, read]) => read(entry))))
        : entries.map(({ tenant: _tenant, ...entry }) => `${JSON.stringify(entry)}\n`);
    yield lines.join('');
  }
}
