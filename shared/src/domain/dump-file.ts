/**
 * Dump and script files that lie on a host, made by Holdfast or by anybody else: what their first bytes say they are, and what can be done
 * with each kind. Pure; every byte of a head and every text taken from it is hostile.
 */
import * as z from 'zod';
import { TEXT } from '../limits.ts';
import type { RestoreMode } from './restore.ts';
import { storedPathSchema } from './stored-path.ts';

/** Named as the source adapters of the same engines. */
const DUMP_ENGINES = ['postgres', 'mariadb', 'mysql'] as const;
export type DumpEngine = (typeof DUMP_ENGINES)[number];

/** `custom` is what `pg_dump --format=custom` writes; `plain` is SQL. */
const DUMP_FORMATS = ['custom', 'plain'] as const;

export const recognisedDumpSchema = z.object({
  engine: z.enum(DUMP_ENGINES),
  format: z.enum(DUMP_FORMATS),
  /** One of these inside gzip. */
  isGzip: z.boolean(),
  /** Version of the server it was made of, by its own account. */
  serverVersion: z.string().min(1).max(TEXT.nameChars).optional(),
});
export type RecognisedDump = z.infer<typeof recognisedDumpSchema>;

/** A file as it was when it was chosen: one that has another size or time by then is not restored. */
export const chosenDumpSchema = z.object({
  path: storedPathSchema,
  sizeBytes: z.int().min(0),
  /** Last change, epoch milliseconds. */
  modifiedAt: z.int(),
});
export type ChosenDump = z.infer<typeof chosenDumpSchema>;

/** What a file turned out to be: something that can be restored, or why not, as a sentence for people. */
export type DumpLook = { dump: RecognisedDump } | { refusal: string };

const refuse = (refusal: string): DumpLook => ({ refusal });

/** First bytes of what is none of ours but often lies beside dumps, one letter for each byte. */
const PACKED: readonly (readonly [string, string])[] = [
  ['\x28\xb5\x2f\xfd', 'zstd'],
  ['\xfd7zXZ\0', 'xz'],
  ['BZh', 'bzip2'],
  ['PK\x03\x04', 'zip'],
  ['\x04\x22\x4d\x18', 'lz4'],
];
const TAR_MAGIC_AT = 257;
/** Where an archive of PostgreSQL says its format, and how it says `custom` there. */
const ARCHIVE_FORMAT_AT = 10;
const ARCHIVE_CUSTOM = 1;
const PG_PLAIN = /^-- PostgreSQL database dump$/m;
const PG_CLUSTER = /^-- PostgreSQL database cluster dump$/m;
const PG_FROM = /^-- Dumped from database version (\S[^\n]{0,99})$/m;
/** The first line, or the one after the line that keeps clients in their sandbox. */
const MARIADB_HEAD = /^(?:\/\*M!999999\\- [^\n]*\n)?-- MariaDB dump /;
const MYSQL_HEAD = /^-- MySQL dump [^\n]*/;
const SERVER_VERSION = /^-- Server version\t(\S[^\n]{0,99})$/m;

/** Whether a file is gzip; what it holds is for `recogniseDump` to say of what comes out. */
export const isGzip = (head: string): boolean => head.startsWith('\x1f\x8b\x08');

function withVersion(dump: Omit<RecognisedDump, 'serverVersion'>, version: string | undefined): DumpLook {
  // What is no plain word about a version is not passed on.
  const isPlain = version !== undefined && /^[\x20-\x7e]+$/.test(version.trim());
  return { dump: isPlain ? { ...dump, serverVersion: version.trim() } : dump };
}

/** Each family's tool also dumps servers of the other one; the server's own version says whose it is, where that is there. */
function findEngine(byMariadb: boolean, serverVersion: string | undefined): 'mariadb' | 'mysql' {
  if (serverVersion === undefined) return byMariadb ? 'mariadb' : 'mysql';
  return /MariaDB/.test(serverVersion) ? 'mariadb' : 'mysql';
}

function recognisePlain(head: string, inGzip: boolean): DumpLook {
  const text = head.replaceAll('\r\n', '\n');
  if (PG_CLUSTER.test(text))
    return refuse(
      'This is a dump of a whole PostgreSQL server (pg_dumpall), with roles and several databases. Restore it by hand.',
    );
  if (PG_PLAIN.test(text)) return withVersion({ engine: 'postgres', format: 'plain', isGzip: inGzip }, PG_FROM.exec(text)?.[1]);
  const byMariadb = MARIADB_HEAD.test(text);
  if (!byMariadb && !MYSQL_HEAD.test(text)) return refuse('This does not begin as a dump of PostgreSQL, MariaDB or MySQL does.');
  const version = SERVER_VERSION.exec(text)?.[1];
  return withVersion({ engine: findEngine(byMariadb, version), format: 'plain', isGzip: inGzip }, version);
}

/**
 * What a file is by its first bytes, one letter for each byte, after gunzip where `inGzip`. `readVersion` reads the head of a custom archive;
 * undefined there: it is none.
 */
export function recogniseDump(
  head: string,
  inGzip: boolean,
  readVersion: (head: string) => { serverVersion: string } | undefined,
): DumpLook {
  if (head === '') return refuse(inGzip ? 'Nothing comes out of this gzip file.' : 'The file is empty.');
  if (head.startsWith('PGDMP')) {
    if (head.charCodeAt(ARCHIVE_FORMAT_AT) !== ARCHIVE_CUSTOM)
      return refuse('This is a part of a PostgreSQL dump in the format directory or tar. Restore it by hand, with pg_restore.');
    const found = readVersion(head);
    return found
      ? withVersion({ engine: 'postgres', format: 'custom', isGzip: inGzip }, found.serverVersion)
      : refuse('This begins as a PostgreSQL archive and is none, or one of a version nobody knows.');
  }
  if (isGzip(head)) return refuse('This is gzip inside gzip. Unpack it once first.');
  const packed = PACKED.find(([magic]) => head.startsWith(magic))?.[1];
  if (packed !== undefined) return refuse(`This is packed with ${packed}. Unpack it first, or pack it with gzip.`);
  if (head.startsWith('ustar', TAR_MAGIC_AT))
    return refuse(
      'This is a tar file. Dumps of PostgreSQL in the formats tar and directory are restored by hand, with pg_restore.',
    );
  return recognisePlain(head, inGzip);
}

/** Whether a dump can go to a server of this kind of source. A dump of MySQL also goes to MariaDB, not the other way round. */
export function fitsDumpEngine({ engine }: Pick<RecognisedDump, 'engine'>, sourceKind: string): boolean {
  return engine === sourceKind || (engine === 'mysql' && sourceKind === 'mariadb');
}

/** A script of PostgreSQL is carried out as it stands: nothing can be left out of it, or be dropped before. */
const SCRIPT_MODES: readonly RestoreMode[] = ['new', 'replace', 'append'];

/**
 * The ways in which this file can be restored; `modes` are those of the engine at the target, as its adapter names them. MariaDB takes
 * every way but the first from a private database, whatever filled that.
 */
export function listDumpModes(
  dump: Pick<RecognisedDump, 'engine' | 'format'>,
  modes: readonly RestoreMode[],
): readonly RestoreMode[] {
  if (dump.engine !== 'postgres' || dump.format === 'custom') return modes;
  return modes.filter((mode) => SCRIPT_MODES.includes(mode));
}

/**
 * Whether several connections may restore this file (`jobs`): only from an archive that is not packed once more. Nothing but a custom
 * archive knows owners that can be left out, and nothing but a snapshot has roles beside it.
 */
export function listDumpOptions({ format, isGzip: packed }: Pick<RecognisedDump, 'format' | 'isGzip'>): {
  jobs: boolean;
  owners: boolean;
} {
  return { jobs: format === 'custom' && !packed, owners: format === 'custom' };
}

const ENGINE_NAMES: Record<DumpEngine, string> = { postgres: 'PostgreSQL', mariadb: 'MariaDB', mysql: 'MySQL' };

/** For people, such as `PostgreSQL 15.18 script in gzip`. */
export function describeDump({ engine, format, isGzip: packed, serverVersion }: RecognisedDump): string {
  const what = format === 'custom' ? 'archive' : 'script';
  return [ENGINE_NAMES[engine], serverVersion, what, packed ? 'in gzip' : undefined]
    .filter((word) => word !== undefined)
    .join(' ');
}
