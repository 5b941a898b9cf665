/** The order of `holdfast restore`: which snapshot or file, where to, and how, as the API takes it. */
import type { Command } from 'commander';
import * as z from 'zod';
import type { Client } from './client.ts';
import { createUsageError } from './exit.ts';
import { checkId, findThing } from './find.ts';
import { parseInstant } from './instant.ts';

const snapshotSchema = z.looseObject({ id: z.string(), host: z.string(), source: z.string() });
const sourceSchema = z.looseObject({ kind: z.string(), host: z.string() });
const adaptersSchema = z.looseObject({
  sources: z.array(z.looseObject({ kind: z.string(), restoresTo: z.enum(['directory', 'database']) })),
});

export interface RestoreOptions {
  newestOf?: string;
  asOf?: string;
  file?: string;
  host?: string;
  toDirectory?: string;
  include?: readonly string[];
  inPlace?: string;
  toFile?: string;
  archive?: string;
  toDatabase?: string;
  throughSource?: string;
  connectAs?: string;
  passwordFile?: string;
  mode?: string;
  table?: readonly string[];
  repository?: string;
  understood?: boolean;
  confirm?: string;
  /** False: what would be overwritten is not backed up first. */
  safetyBackup: boolean;
  endSessions?: boolean;
  readFirst?: boolean;
  acceptOlderServer?: boolean;
  acceptLittleRoom?: boolean;
  keepPrivileges?: boolean;
  jobs?: string;
  roles?: string;
  /** False: everything belongs to the restoring user. */
  owners: boolean;
  limit?: string;
}

export function addRestoreOptions(command: Command): Command {
  return command
    .argument('[snapshot]', 'its id')
    .option('--newest-of <source>', 'the newest good snapshot of this source, instead of an id')
    .option('--as-of <instant>', 'with --newest-of: as it was then, such as 2d, 2026-11-20 or 2026-11-20T02:00Z')
    .option('--file <path>', 'a dump file that lies on the host, instead of a snapshot')
    .option('--host <host>', 'the host that writes it; the one it comes from unless given')
    .option('--to-directory <path>', 'files: a directory that does not exist or is empty')
    .option('--include <path...>', 'files: only these paths of the snapshot')
    .option('--in-place <host>', 'files: put the included paths back where they were; the name of the host, as consent')
    .option('--to-file <path>', 'files: the one included file under this name; with --archive a directory as one file')
    .option('--archive <format>', 'files: with --to-file: tar or zip')
    .option('--to-database <name>', 'databases: the database that is restored into')
    .option('--through-source <source>', 'databases: the source whose connection is used; its own unless given')
    .option('--connect-as <user>', 'databases: as this user of the server, for this restore alone; asks for the password')
    .option('--password-file <file>', 'with --connect-as: a file with the password that only you can read')
    .option('--mode <mode>', 'databases: new, replace, clean, append, schema_only, data_only or tables')
    .option('--table <table...>', 'databases: with --mode tables, as name or schema.name')
    .option('--end-sessions', 'databases: end other sessions in it, where the mode needs it for itself')
    .option('--read-first', 'databases: read the whole backup before anything is made')
    .option('--accept-older-server', 'databases: into a server older than the one that was dumped')
    .option('--jobs <number>', 'databases: bring the dump to the host’s disk first and restore it through so many connections')
    .option('--roles <which>', 'databases: make missing roles first: needed or all')
    .option('--no-owners', 'databases: without owners and grants')
    .option('--accept-little-room', 'onto a disk that seems too small')
    .option('--keep-privileges', 'files: into a new directory with setuid bits, capabilities and devices as they were')
    .option('--limit <kib>', 'read the repository no faster than this, in KiB/s')
    .option('--repository <repository>', 'with --file: where the safety backup goes; that of the source’s plans unless given')
    .option('--understood', 'databases: consent to change one that exists')
    .option('--no-safety-backup', 'do not back up first what is overwritten: a database, or files with --in-place')
    .option('--confirm <name>', 'databases: the name of the database once more, where the mode changes what is in it');
}

function parseTable(text: string): { schema?: string; name: string } {
  const dot = text.indexOf('.');
  return dot > 0 ? { schema: text.slice(0, dot), name: text.slice(dot + 1) } : { name: text };
}

function parseCount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw createUsageError(`${flag} takes a whole number from 1 on`);
}

/** `options` of the order; undefined where nothing is wished. */
function writeTerms(options: RestoreOptions): object | undefined {
  const { endSessions, readFirst, acceptOlderServer, acceptLittleRoom, keepPrivileges, roles, owners, safetyBackup } = options;
  const terms = {
    endSessions,
    readFirst,
    acceptOlderServer,
    acceptLittleRoom,
    keepPrivileges,
    roles,
    jobs: parseCount('--jobs', options.jobs),
    downloadKiBps: parseCount('--limit', options.limit),
    ...(owners ? {} : { owners }),
    ...(safetyBackup ? {} : { safetyBackup }),
  };
  return Object.values(terms).some((value) => value !== undefined) ? terms : undefined;
}

/** What would be passed over in silence otherwise. */
function refuseGiven(options: RestoreOptions, names: Readonly<Partial<Record<keyof RestoreOptions, string>>>, why: string): void {
  const isGiven = (value: unknown, name: string) => (name === 'owners' ? value === false : value !== undefined);
  for (const [name, flag] of Object.entries(names))
    if (isGiven(options[name as keyof RestoreOptions], name)) throw createUsageError(`${flag} ${why}`);
}

const FOR_DATABASES = {
  toDatabase: '--to-database',
  throughSource: '--through-source',
  connectAs: '--connect-as',
  mode: '--mode',
  table: '--table',
  understood: '--understood',
  confirm: '--confirm',
  endSessions: '--end-sessions',
  readFirst: '--read-first',
  acceptOlderServer: '--accept-older-server',
  jobs: '--jobs',
  roles: '--roles',
  owners: '--no-owners',
} as const;
const FOR_FILES = {
  toDirectory: '--to-directory',
  include: '--include',
  inPlace: '--in-place',
  toFile: '--to-file',
  archive: '--archive',
  keepPrivileges: '--keep-privileges',
} as const;

/** What is restored, as an order names it, and what it was made of. */
interface Subject {
  snapshot: string | object;
  source: string;
  kind: string;
  /** The host that made it. */
  host: string;
}

async function findSubject(client: Client, id: string | undefined, options: RestoreOptions, now: number): Promise<Subject> {
  const { newestOf, asOf } = options;
  if ((id === undefined) === (newestOf === undefined))
    throw createUsageError('name a snapshot by its id, or --newest-of a source');
  if (newestOf === undefined) {
    if (asOf !== undefined) throw createUsageError('--as-of goes with --newest-of a source');
    const { id: snapshot, host, source } = await client.get(snapshotSchema, `/snapshots/${checkId(id ?? '')}`);
    const { kind } = await client.get(sourceSchema, `/sources/${checkId(source)}`);
    return { snapshot, source, kind, host };
  }
  const at = asOf === undefined ? undefined : parseInstant('as-of', asOf, now);
  const source = await findThing(client, 'source', newestOf);
  const { kind, host } = await client.get(sourceSchema, `/sources/${checkId(source)}`);
  return { snapshot: at === undefined ? { newest: true, source } : { asOf: at, source }, source, kind, host };
}

type Order = Readonly<{ path: string; body: object }>;

async function writeDatabaseOrder(client: Client, order: object, source: string, options: RestoreOptions): Promise<Order> {
  refuseGiven(options, FOR_FILES, 'is for files, and this is a snapshot of a database');
  if (options.toDatabase === undefined)
    throw createUsageError('this is a snapshot of a database: say where with --to-database NAME');
  const through = options.throughSource === undefined ? source : await findThing(client, 'source', options.throughSource);
  const tables = options.table?.map(parseTable);
  const target = { kind: 'database', source: through, database: options.toDatabase, mode: options.mode, tables };
  const { understood, confirm: databaseName } = options;
  return { path: '/restores', body: { ...order, target, understood, databaseName, options: writeTerms(options) } };
}

/** Where files go; a choice that fits no way is a wrong use. */
function writeFilesOrder(order: object, options: RestoreOptions): Order {
  const { confirm, inPlace, toDirectory, toFile, archive, include, safetyBackup } = options;
  if (confirm !== undefined) throw createUsageError('--confirm is for databases; files go back with --in-place HOST');
  refuseGiven(options, FOR_DATABASES, 'is for databases, and this is a snapshot of files');
  if (!safetyBackup && inPlace === undefined)
    throw createUsageError('--no-safety-backup goes with --in-place HOST, or with a database');
  if ([inPlace, toDirectory, toFile].filter((place) => place !== undefined).length !== 1)
    throw createUsageError('this is a snapshot of files: say where with --to-directory PATH, --to-file PATH or --in-place HOST');
  if (archive !== undefined && toFile === undefined) throw createUsageError('--archive goes with --to-file PATH');
  if (options.keepPrivileges === true && toDirectory === undefined)
    throw createUsageError('--keep-privileges goes with --to-directory PATH; in place they come as they were');
  const terms = { options: writeTerms(options) };
  if (inPlace !== undefined) {
    if (include === undefined) throw createUsageError('--in-place needs --include: the paths that are put back');
    const target = { kind: 'in_place', paths: include };
    return { path: '/restores/files', body: { ...order, target, hostName: inPlace, ...terms } };
  }
  if (toFile !== undefined) {
    const [from, ...more] = include ?? [];
    if (from === undefined || more.length > 0)
      throw createUsageError('--to-file takes one --include: the file, or with --archive the directory, that it is made of');
    const target =
      archive === undefined ? { kind: 'file', path: toFile, from } : { kind: 'archive', format: archive, path: toFile, from };
    return { path: '/restores/files', body: { ...order, target, ...terms } };
  }
  if (include === undefined)
    return { path: '/restores', body: { ...order, target: { kind: 'directory', path: toDirectory }, ...terms } };
  return {
    path: '/restores/files',
    body: { ...order, target: { kind: 'directory', path: toDirectory, paths: include }, ...terms },
  };
}

/** What a file of a host cannot do without is a wrong use. */
async function writeDumpOrder(client: Client, options: RestoreOptions): Promise<Order> {
  const { file, host, toDatabase, throughSource, repository, mode, table, understood, confirm } = options;
  refuseGiven(options, FOR_FILES, 'is for files of a snapshot');
  if (host === undefined || toDatabase === undefined || throughSource === undefined)
    throw createUsageError('--file needs --host, --to-database and --through-source: where it lies and where it goes');
  const source = await findThing(client, 'source', throughSource);
  const body = {
    file: { path: file },
    host: await findThing(client, 'host', host),
    target: { kind: 'database', source, database: toDatabase, mode, tables: table?.map(parseTable) },
    repository: repository === undefined ? undefined : await findThing(client, 'repository', repository),
    understood,
    databaseName: confirm,
    options: writeTerms(options),
  };
  return { path: '/restores', body };
}

/** The path of the end-point and its body; `now` is what an age is counted from. What cannot be is a wrong use, and nobody is asked to start it. */
export async function writeRestoreOrder(
  client: Client,
  id: string | undefined,
  options: RestoreOptions,
  now: number,
): Promise<Order> {
  const { file, newestOf, asOf, repository, connectAs, passwordFile } = options;
  if (passwordFile !== undefined && connectAs === undefined)
    throw createUsageError('--password-file goes with --connect-as USER');
  if (file !== undefined) {
    if (id !== undefined || newestOf !== undefined || asOf !== undefined)
      throw createUsageError('name a snapshot or a file, not both');
    return writeDumpOrder(client, options);
  }
  if (repository !== undefined) throw createUsageError('--repository goes with --file');
  const { snapshot, source, kind, host: madeOn } = await findSubject(client, id, options, now);
  const { sources } = await client.get(adaptersSchema, '/adapters');
  const restoresTo = sources.find((adapter) => adapter.kind === kind)?.restoresTo ?? 'directory';
  const host = options.host === undefined ? madeOn : await findThing(client, 'host', options.host);
  const order = { snapshot, host };
  return restoresTo === 'database' ? writeDatabaseOrder(client, order, source, options) : writeFilesOrder(order, options);
}
