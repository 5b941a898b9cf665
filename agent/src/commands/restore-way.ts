/** Where a restore by hand goes, and how: what a person wrote as a target of the protocol, or in one line why it is none. */
import { isAbsolute, resolve } from 'node:path';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import {
  type ChosenTable,
  chosenTableSchema,
  getModeRule,
  RESTORE_MODES,
  type RestoreMode,
} from '@holdfast/shared/domain/restore.ts';
import { dropCovered } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ARCHIVE_FORMATS, type RestoreTarget, restoreTargetSchema } from '@holdfast/shared/protocol/events.ts';
import type { RestoreWishes } from './restore-wishes.ts';

type Wish = keyof RestoreWishes;

/** As it is written on the command line. */
const SPELLED: Readonly<Record<Wish, string>> = {
  list: '--list',
  source: '--source',
  throughSource: '--through-source',
  connectAs: '--connect-as',
  passwordFile: '--password-file',
  repository: '--repository',
  snapshot: '--snapshot',
  file: '--file',
  to: '--to',
  path: '--path',
  inPlace: '--in-place',
  toFile: '--to-file',
  archive: '--archive',
  toDatabase: '--to-database',
  mode: '--mode',
  table: '--table',
  understood: '--understood',
  confirm: '--confirm',
  endSessions: '--end-sessions',
  safetyBackup: '--no-safety-backup',
  readFirst: '--read-first',
  acceptOlderServer: '--accept-older-server',
  acceptLittleRoom: '--accept-little-room',
  jobs: '--jobs',
  roles: '--roles',
  owners: '--no-owners',
  limit: '--limit',
};

const DATABASE_WISHES: readonly Wish[] = [
  ...(['throughSource', 'toDatabase', 'mode', 'table', 'understood', 'endSessions', 'readFirst'] as const),
  ...(['acceptOlderServer', 'jobs', 'roles', 'owners', 'connectAs', 'passwordFile'] as const),
];
const FILE_WISHES: readonly Wish[] = ['to', 'path', 'inPlace', 'toFile', 'archive'];
const PLACES = ['to', 'toFile', 'inPlace'] as const;

/** Whether a person said so: what is on unless said otherwise, and the newest snapshot, are nobody's wish. */
function isGiven(wishes: RestoreWishes, wish: Wish): boolean {
  const value = wishes[wish];
  if (wish === 'owners' || wish === 'safetyBackup') return value === false;
  return value !== undefined && value !== false && !(wish === 'snapshot' && value === 'latest');
}

/** Throws `invalid` for the first of these that was given, which would be passed over in silence otherwise. */
export function refuseWishes(wishes: RestoreWishes, foreign: readonly Wish[], why: string): void {
  const wrong = foreign.find((wish) => isGiven(wishes, wish));
  if (wrong !== undefined) throw new AppError('invalid', `${SPELLED[wrong]} ${why}`);
}

/** Into which database, and how. */
export interface DatabaseWay {
  kind: 'database';
  database: string;
  mode: RestoreMode;
  tables: readonly ChosenTable[];
}

function parseMode(text: string | undefined): RestoreMode {
  const mode = RESTORE_MODES.find((known) => known === (text ?? 'new'));
  if (mode === undefined) throw new AppError('invalid', `--mode must be one of ${RESTORE_MODES.join(', ')}`);
  return mode;
}

/** Where the engine has schemas, one stands before the first dot. */
function parseTable(text: string, hasSchemas: boolean): ChosenTable {
  const dot = hasSchemas ? text.indexOf('.') : -1;
  const parsed = chosenTableSchema.safeParse(
    dot > 0 ? { schema: text.slice(0, dot), name: text.slice(dot + 1) } : { name: text },
  );
  if (parsed.success) return parsed.data;
  throw new AppError('invalid', '--table takes the name of a table, or schema.name');
}

/** What may change a database that exists is said twice: that it is understood, and the name. */
function checkConsent(mode: RestoreMode, database: string, { understood, confirm }: RestoreWishes): void {
  if (!getModeRule(mode).changesExisting) return;
  if (understood !== true || confirm === undefined)
    throw new AppError(
      'invalid',
      `--mode ${mode} changes what is in the database ${database}: say --understood, and give its name once more with --confirm NAME`,
    );
  if (confirm !== database)
    throw new AppError('invalid', `--confirm must be the name of the database that is changed, ${database}`);
}

/** Throws `invalid` with one line for what cannot be done, or not without consent. `hasSchemas`: tables of this engine lie in some. */
export function decideDatabase(wishes: RestoreWishes, hasSchemas: boolean): DatabaseWay {
  const { toDatabase: database, table } = wishes;
  if (database === undefined)
    throw new AppError('invalid', 'this source is a database: say under which new name with --to-database NAME');
  refuseWishes(wishes, FILE_WISHES, 'is for files, and this is a database');
  if (!/^[^\u0000-\u001f\u007f]{1,255}$/u.test(database))
    throw new AppError('invalid', '--to-database must be one line of at most 255 letters');
  const mode = parseMode(wishes.mode);
  const tables = (table ?? []).map((text) => parseTable(text, hasSchemas));
  if ((mode === 'tables') !== tables.length > 0)
    throw new AppError(
      'invalid',
      mode === 'tables' ? '--mode tables needs the tables, each with --table NAME' : '--table is for --mode tables',
    );
  checkConsent(mode, database, wishes);
  return { kind: 'database', database, mode, tables };
}

export type FilesTarget = Exclude<RestoreTarget, { kind: 'database' }>;

const toAbsolute = (path: string): string => (isAbsolute(path) ? path : resolve(path));

/** As a target, unchecked. */
function describePlace(wishes: RestoreWishes, hostName: string): object {
  const { to, toFile, archive, confirm } = wishes;
  const paths = wishes.path && dropCovered(wishes.path);
  if (toFile === undefined) refuseWishes(wishes, ['archive'], 'goes with --to-file FILE');
  if (wishes.inPlace === true) {
    if (paths === undefined) throw new AppError('invalid', '--in-place needs --path: what is put back where it was');
    if (confirm !== hostName)
      throw new AppError(
        'invalid',
        `files that stand there are replaced: give the name of this host, ${hostName}, with --confirm NAME`,
      );
    return { kind: 'in_place', paths };
  }
  refuseWishes(wishes, ['confirm', 'safetyBackup'], 'goes with --in-place, or with a database');
  if (to !== undefined) return { kind: 'directory', path: toAbsolute(to), ...(paths ? { paths } : {}) };
  const [from, ...more] = paths ?? [];
  if (from === undefined || more.length > 0)
    throw new AppError('invalid', '--to-file takes one --path: the file or directory of the snapshot that it is made of');
  const path = toAbsolute(toFile ?? '');
  if (archive === undefined) return { kind: 'file', path, from };
  const format = ARCHIVE_FORMATS.find((known) => known === archive);
  if (format === undefined) throw new AppError('invalid', `--archive must be one of ${ARCHIVE_FORMATS.join(', ')}`);
  return { kind: 'archive', path, format, from };
}

/** Throws `invalid` with one line for what cannot be done, or not without consent. `hostName`: as the server calls this host. */
function decidePlace(wishes: RestoreWishes, hostName: string): FilesTarget {
  refuseWishes(wishes, DATABASE_WISHES, 'is for databases, and this source is a tree of files');
  const [one, other] = PLACES.filter((place) => isGiven(wishes, place));
  if (one === undefined)
    throw new AppError(
      'invalid',
      'this source is a tree of files: say where to with --to DIRECTORY, --to-file FILE or --in-place',
    );
  if (other !== undefined)
    throw new AppError('invalid', `${SPELLED[one]} and ${SPELLED[other]} are two places: give one of them`);
  const parsed = restoreTargetSchema.safeParse(describePlace(wishes, hostName));
  if (parsed.success && parsed.data.kind !== 'database') return parsed.data;
  const [issue] = parsed.error?.issues ?? [];
  const field = issue?.path[0] === 'path' ? SPELLED[one] : '--path';
  throw new AppError('invalid', `${field}: ${issue?.message ?? 'is not well-formed'}`);
}

/** What is wished of a snapshot of such a source. Throws `invalid` likewise. */
export function decideWay(wishes: RestoreWishes, kind: string, hostName: string): DatabaseWay | FilesTarget {
  const { restore } = getSourceAdapter(kind);
  return restore ? decideDatabase(wishes, restore.planSchemas !== undefined) : decidePlace(wishes, hostName);
}
