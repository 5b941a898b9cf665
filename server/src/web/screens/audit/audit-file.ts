/** Entries of the audit as a file: CSV for tables, JSON lines for programs. */
import { writeAuditHead, writeAuditLine } from '@holdfast/shared/domain/audit-lines.ts';
import type { AuditEntry } from '../../../store/trail.ts';

/** Page by page as they are read. In CSV the first line names the columns; JSON lines hold all that the API tells of an entry. */
export async function* writeAudit(pages: AsyncIterable<readonly AuditEntry[]>, format: 'csv' | 'ndjson'): AsyncGenerator<string> {
  if (format === 'csv') yield writeAuditHead();
  for await (const entries of pages) {
    if (entries.length === 0) continue;
    const lines =
      format === 'csv'
        ? entries.map(writeAuditLine)
        : entries.map(({ tenant: _tenant, ...entry }) => `${JSON.stringify(entry)}\n`);
    yield lines.join('');
  }
}
