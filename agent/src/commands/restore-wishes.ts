/** What a person wishes of a restore by hand, and what has to be looked up for it. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { DOWNLOAD_KIBPS_MAX, RESTORE_JOBS, type RestoreOptions, ROLE_CHOICES } from '@holdfast/shared/domain/restore.ts';
import { findTags } from '@holdfast/shared/domain/snapshot.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { StoredGlobals } from '@holdfast/shared/protocol/restore-roles.ts';
import type { StoredSnapshot } from '../engines/restic/parse.ts';
import type { RestorePart } from '../runs/restore/restore-part.ts';

export interface RestoreWishes {
  list?: boolean;
  source?: string;
  /** Of the same engine, whose connection is used; left out: that of the source itself. */
  throughSource?: string;
  /** As this user of the server, whose password is asked for or lies in a file. */
  connectAs?: string;
  passwordFile?: string;
  /** The one that is looked into, by name or id; where a safety backup goes. */
  repository?: string;
  snapshot?: string;
  /** A dump file of this host in place of a snapshot. */
  file?: string;
  /** Files: a new directory. */
  to?: string;
  /** Files: of these only. */
  path?: readonly string[];
  /** Files: where they were. */
  inPlace?: boolean;
  /** Files: one of them, or a directory as an archive, as a new file. */
  toFile?: string;
  archive?: string;
  toDatabase?: string;
  mode?: string;
  table?: readonly string[];
  /** A person knows that this changes a database. */
  understood?: boolean;
  /** The name of what is changed, once more. */
  confirm?: string;
  endSessions?: boolean;
  /** False: what is overwritten is not backed up before. */
  safetyBackup?: boolean;
  readFirst?: boolean;
  acceptOlderServer?: boolean;
  acceptLittleRoom?: boolean;
  /** Through so many connections, by way of this host's disk. */
  jobs?: string;
  roles?: string;
  /** False: everything belongs to the restoring user. */
  owners?: boolean;
  /** KiB a second. */
  limit?: string;
}

function parseCount(option: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new AppError('invalid', `${option} must be a whole number from 1 to ${most}`);
}

/** Throws `invalid` with one line for what no restore can do. */
export function parseOptions(wishes: RestoreWishes): RestoreOptions {
  const { jobs, roles, owners, limit, endSessions, safetyBackup, readFirst, acceptOlderServer, acceptLittleRoom } = wishes;
  const choice = ROLE_CHOICES.find((known) => known === roles);
  if (roles !== undefined && choice === undefined)
    throw new AppError('invalid', `--roles must be one of ${ROLE_CHOICES.join(', ')}`);
  return {
    owners: owners !== false,
    jobs: parseCount('--jobs', jobs, RESTORE_JOBS),
    downloadKiBps: parseCount('--limit', limit, DOWNLOAD_KIBPS_MAX),
    roles: choice,
    endSessions,
    safetyBackup,
    readFirst,
    acceptOlderServer,
    acceptLittleRoom,
  };
}

/** What the stored dump has in bytes, so that progress has an end and room can be compared. */
export async function measureDump(
  { engine, repository, workDir, engineId, signal }: RestorePart,
  fileName: string,
): Promise<number> {
  let sizeBytes = 0;
  await engine.listBelow({
    access: repository.access,
    workDir,
    snapshotId: engineId,
    signal,
    paths: [`/${fileName}`],
    onNode(node) {
      sizeBytes = node.sizeBytes;
      return true;
    },
  });
  return sizeBytes;
}

/** The roles that the run which made the data stored beside it. Throws the engine's reason where the repository cannot be listed. */
export async function findGlobals(part: RestorePart, snapshot: StoredSnapshot): Promise<StoredGlobals | undefined> {
  const { run, source } = findTags(snapshot.tags) ?? {};
  if (run === undefined || source === undefined) return undefined;
  const tags = [`run:${run}`, `source:${source}`, 'role:globals'];
  const { access } = part.repository;
  const listed = await part.engine.listSnapshots({ access, workDir: part.workDir, tags });
  if (listed.failure) throw createReasonError(listed.failure.reason, listed.failure.message);
  const [found] = listed.snapshots;
  const fileName = found?.paths[0]?.replace(/^\//, '');
  return found === undefined || fileName === undefined ? undefined : { engineId: found.engineId, fileName };
}
