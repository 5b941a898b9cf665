/** What a database held as it was backed up, and whether a restored one holds the same. Pure. Names are hostile text. */
import * as z from 'zod';
import { RECORD, TEXT } from '../limits.ts';

/** How thoroughly rows are counted while a backup is made: small tables exactly, every table, or none. */
export const ROW_COUNTS = ['small', 'all', 'none'] as const;
export type RowCounts = (typeof ROW_COUNTS)[number];

const shapeSchema = z.string().regex(/^[0-9a-f]{16}$/u, 'must be 16 hexadecimal digits');

const recordedTableSchema = z.object({
  name: z.string().max(RECORD.nameChars),
  /** A digest of its columns, and of the names of its indexes, constraints and triggers. */
  shape: shapeSchema,
  /** Undefined: neither counted nor estimated. */
  rows: z.int().min(0).optional(),
  /** Counted in the very state that was dumped; otherwise the server's own estimate. */
  isExact: z.boolean(),
});
export type RecordedTable = z.infer<typeof recordedTableSchema>;

/** As servers of MariaDB and MySQL name character sets and collations. */
const charsetName = z.string().regex(/^[a-z0-9_]{1,64}$/u);

/** What a database gives to what is made in it and says nothing else. */
export const databaseDefaultsSchema = z.object({ charset: charsetName, collation: charsetName });
export type DatabaseDefaults = z.infer<typeof databaseDefaultsSchema>;

/** What a host recorded of a database while it was dumped. */
export const contentsSchema = z.object({
  /** Of all tables and views; those beyond the limits are in `digest` alone. */
  tableCount: z.int().min(0),
  /** A digest of the names and shapes of all of them. */
  digest: shapeSchema,
  tables: z.array(recordedTableSchema).max(RECORD.tables),
  /** Undefined where the dump says it, or nobody asked. */
  defaults: databaseDefaultsSchema.optional(),
});
export type Contents = z.infer<typeof contentsSchema>;

const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0);

/** What both sides of a comparison put into the digest of a whole database. */
export function describeShapes(tables: readonly Pick<RecordedTable, 'name' | 'shape'>[]): string {
  return tables
    .toSorted(byName)
    .map(({ name, shape }) => `${JSON.stringify(name)} ${shape}`)
    .join('\n');
}

/** A record of bounded size: the first tables by name, as long as their names fit. `digestOf` gives 16 hexadecimal digits. */
export function createContents(
  { tables, defaults }: { tables: readonly RecordedTable[]; defaults?: DatabaseDefaults | undefined },
  digestOf: (text: string) => string,
): Contents {
  const encoder = new TextEncoder();
  const kept: RecordedTable[] = [];
  let bytes = 0;
  for (const { name, shape, rows, isExact } of tables.toSorted(byName)) {
    if (name.length > RECORD.nameChars) continue;
    bytes += encoder.encode(JSON.stringify(name)).length;
    if (kept.length === RECORD.tables || bytes > RECORD.namesBytes) break;
    kept.push({ name, shape, ...(rows === undefined ? {} : { rows }), isExact });
  }
  const whole = { tableCount: tables.length, digest: digestOf(describeShapes(tables)), tables: kept };
  return defaults ? { ...whole, defaults } : whole;
}

/** Files that an operator named: hashed on the host as they were backed up, and to be found again in every drill. */
const canarySchema = z.object({
  path: z.string().startsWith('/').max(TEXT.pathChars),
  sizeBytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/u),
});
export type Canary = z.infer<typeof canarySchema>;
export const canariesSchema = z.array(canarySchema).max(RECORD.canaries);

/** What a host noted as it made a snapshot. */
export const snapshotRecordSchema = z.object({ contents: contentsSchema.optional(), canaries: canariesSchema.optional() });
export type SnapshotRecord = z.infer<typeof snapshotRecordSchema>;

/** One difference between what was recorded and what came back. */
export interface ContentsDifference {
  /** `missing`: what was there did not come; `rows`: an exact number of them is another; `extra`: nobody recorded it; `shape`: the structure. */
  kind: 'missing' | 'rows' | 'extra' | 'shape';
  table: string;
  recorded: string;
  restored: string;
}

/** As a restored database has it: rows are always exact there, where they are known. */
export type FoundTable = Pick<RecordedTable, 'name' | 'shape' | 'rows'>;

export interface ContentsVerdict {
  differences: readonly ContentsDifference[];
  /** Tables whose rows were compared one number with the other. */
  compared: number;
  /** Tables that came back empty although many rows were estimated: worth a look, and no proof of anything. */
  doubtful: readonly ContentsDifference[];
}

/** An estimate above this is never that of an empty table. */
const SURELY_NOT_EMPTY = 1000;

const countRows = (rows: number) => `${rows} ${rows === 1 ? 'row' : 'rows'}`;

function compareTable(recorded: RecordedTable, found: FoundTable, withShapes: boolean): ContentsDifference | undefined {
  const table = recorded.name;
  if (recorded.isExact && recorded.rows !== undefined && found.rows !== undefined && recorded.rows !== found.rows)
    return { kind: 'rows', table, recorded: countRows(recorded.rows), restored: countRows(found.rows) };
  if (withShapes && recorded.shape !== found.shape)
    return { kind: 'shape', table, recorded: `structure ${recorded.shape}`, restored: `structure ${found.shape}` };
  return undefined;
}

/** Shapes are compared only where nothing was left out on purpose; names and exact rows always. */
export function compareContents(
  recorded: Contents,
  found: { digest: string; tables: readonly FoundTable[] },
  { withShapes }: { withShapes: boolean },
): ContentsVerdict {
  const foundByName = new Map(found.tables.map((table) => [table.name, table]));
  const differences: ContentsDifference[] = [];
  const doubtful: ContentsDifference[] = [];
  let compared = 0;
  for (const table of recorded.tables) {
    const back = foundByName.get(table.name);
    if (!back) {
      differences.push({ kind: 'missing', table: table.name, recorded: 'there', restored: 'not there' });
      continue;
    }
    if (table.isExact && table.rows !== undefined && back.rows !== undefined) compared += 1;
    const difference = compareTable(table, back, withShapes);
    if (difference) differences.push(difference);
    const isDoubtful = !table.isExact && back.rows === 0 && (table.rows ?? 0) > SURELY_NOT_EMPTY;
    if (isDoubtful) doubtful.push({ kind: 'rows', table: table.name, recorded: `about ${table.rows} rows`, restored: 'no row' });
  }
  if (recorded.tableCount === recorded.tables.length) {
    const names = new Set(recorded.tables.map(({ name }) => name));
    for (const { name } of found.tables)
      if (!names.has(name)) differences.push({ kind: 'extra', table: name, recorded: 'not there', restored: 'there' });
  } else if (recorded.tableCount !== found.tables.length) {
    const tables = (count: number) => `${count} tables and views`;
    const kind = found.tables.length < recorded.tableCount ? 'missing' : 'extra';
    differences.push({ kind, table: 'all', recorded: tables(recorded.tableCount), restored: tables(found.tables.length) });
  } else if (withShapes && differences.length === 0 && recorded.digest !== found.digest) {
    differences.push({
      kind: 'shape',
      table: 'all',
      recorded: `structure ${recorded.digest}`,
      restored: `structure ${found.digest}`,
    });
  }
  return { differences, compared, doubtful };
}

export function describeDifference({ table, recorded, restored }: ContentsDifference): string {
  return `${table}: ${recorded} recorded, ${restored} restored`;
}

/** `12 tables and views, 10 counted (3002 rows), 2 estimated`. */
export function describeContents({ tableCount, tables }: Contents): string {
  const counted = tables.filter(({ isExact, rows }) => isExact && rows !== undefined);
  const estimated = tables.filter(({ isExact, rows }) => !isExact && rows !== undefined);
  const rows = counted.reduce((sum, table) => sum + (table.rows ?? 0), 0);
  return [
    `${tableCount} tables and views`,
    ...(counted.length > 0 ? [`${counted.length} counted (${countRows(rows)})`] : []),
    ...(estimated.length > 0 ? [`${estimated.length} estimated`] : []),
  ].join(', ');
}
