/** Finds the programs a throw-away server is made of. They belong to server packages, which most hosts with a client do not need. */
import { accessSync, constants, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import type { DatabaseDrill, DrillProgram } from '@holdfast/shared/adapters/drill.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';

/** Where Debian keeps the major versions of PostgreSQL, `<folder>/<major>/bin`. */
const VERSIONS = '/usr/lib/postgresql';
/** A plain user's path leaves these out, and servers lie in them. */
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/libexec'] as const;

/** Absolute paths. */
export interface ServerPrograms {
  /** Undefined where the folder says nothing of a version. */
  major: number | undefined;
  find(program: DrillProgram): string | undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** MariaDB also goes by MySQL's names, which are links to its programs. */
function isItself(path: string, program: DrillProgram): boolean {
  return !program.startsWith('mysql') || !basename(realpathSync(path)).startsWith('mariadb');
}

function findIn(folders: readonly string[], program: DrillProgram): string | undefined {
  return folders.map((folder) => join(folder, program)).find((path) => isExecutable(path) && isItself(path, program));
}

/** Newest version first. */
function listVersions(root: string): ServerPrograms[] {
  let majors: number[] = [];
  try {
    majors = readdirSync(root)
      .filter((entry) => /^\d{1,3}$/.test(entry))
      .map(Number);
  } catch {
    // No version is installed.
  }
  return majors
    .toSorted((one, other) => other - one)
    .map((major) => ({ major, find: (program) => findIn([join(root, String(major), 'bin')], program) }));
}

/** All complete sets of programs, newest version first. */
function listComplete(drill: DatabaseDrill, toolPath: string, root: string): readonly ServerPrograms[] {
  const folders = [...toolPath.split(':').filter((folder) => isAbsolute(folder)), ...SERVER_FOLDERS];
  const found: readonly ServerPrograms[] = drill.isVersioned
    ? listVersions(root)
    : [{ major: undefined, find: (program) => findIn(folders, program) }];
  return found.filter(({ find }) => drill.programs.every((program) => find(program) !== undefined));
}

export interface ProgramSearch {
  drill: DatabaseDrill;
  /** Folders in the order in which they are searched, separated by `:`. */
  toolPath: string;
  versionsFolder?: string | undefined;
}

/** The newest complete set. @throws `tool_missing` with what to install. */
export function getNewestPrograms({ drill, toolPath, versionsFolder = VERSIONS }: ProgramSearch): ServerPrograms {
  const [newest] = listComplete(drill, toolPath, versionsFolder);
  if (newest) return newest;
  throw createReasonError('tool_missing', `This host has no programs of a server to restore to. ${drill.advice}`);
}

/** The oldest complete set that is not older than `major`. @throws `tool_missing` with what to install. */
export function getProgramsFor({ drill, toolPath, versionsFolder = VERSIONS }: ProgramSearch, major: number): ServerPrograms {
  const fitting = listComplete(drill, toolPath, versionsFolder).filter((found) => (found.major ?? 0) >= major);
  const oldest = fitting.at(-1);
  if (oldest) return oldest;
  throw createReasonError(
    'tool_missing',
    `The dump was made of version ${major}, and this host has no programs of a server that new. ${drill.advice}`,
  );
}
