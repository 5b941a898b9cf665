/** An entry of the audit as a line of a table: the same in a file from the pages and from the command line. Pure. */
import { writeCsvLine } from '../csv.ts';

/** What the API tells of an entry. */
export interface AuditLineEntry {
  no: number;
  /** Epoch milliseconds. */
  at: number;
  actor: { kind: string; id: string; name: string };
  action: string;
  target: { kind: string; id: string; name: string };
  address?: string | undefined;
  requestId?: string | undefined;
  change?: Readonly<Record<string, unknown>> | undefined;
  hash: string;
}

const COLUMNS: readonly (readonly [string, (entry: AuditLineEntry) => string | number | undefined])[] = [
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

/** The first line of the file: the names of its columns. */
export function writeAuditHead(): string {
  return writeCsvLine(COLUMNS.map(([name]) => name));
}

export function writeAuditLine(entry: AuditLineEntry): string {
  return writeCsvLine(COLUMNS.map(([, read]) => read(entry)));
}
