/** What a restore into a database looks at before anything is made or changed. */
import { stat, statfs } from 'node:fs/promises';
import type { Config } from '@holdfast/shared/adapters/field.ts';
import type { TargetState } from '@holdfast/shared/adapters/source.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import { getModeRule, isParallelMode } from '@holdfast/shared/domain/restore.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { assertDoable } from './host-dump.ts';
import { type DatabaseRestorePart, inspect } from './restore-ask.ts';
import { checkSpoolRoom, measureSpoolDisk } from './restore-spool.ts';

/** Indexes and the server's own overhead come on top of what a dump holds. */
const ROOM_RATIO = 1.1;

export interface CheckedTarget {
  target: TargetState;
  /** The newer one of the server and of what the dump came from: its tools understand both. */
  toolVersion: string;
}

/** Whether the server's files lie on a disk of this host, as far as the address tells. */
function isOnThisHost(config: Config): boolean {
  const host = config['host'];
  return host === undefined || (typeof host === 'string' && (host.startsWith('/') || /^(?:localhost|127\.|::1$)/.test(host)));
}

/** Room where the server keeps its files, in bytes; undefined where this host cannot know. */
export async function findFreeBytes(config: Config, target: TargetState): Promise<number | undefined> {
  if (target.filesAt === undefined || !target.filesAt.startsWith('/') || !isOnThisHost(config)) return undefined;
  try {
    const disk = await statfs(target.filesAt);
    return disk.bavail * disk.bsize;
  } catch {
    // A container or another mount: what the server calls its directory is none here.
    return undefined;
  }
}

function checkPlace(part: DatabaseRestorePart, target: TargetState): void {
  const rule = getModeRule(part.mode);
  if (rule.target === 'empty' && target.exists && !target.empty)
    throw createReasonError('target_not_empty', `The database ${part.database} exists and is not empty`);
  if (rule.target === 'existing' && !target.exists)
    throw createReasonError('target_refused', `There is no database ${part.database} on this server`);
}

/** Throws `target_refused` for what a swap would leave behind, in the target or in what was restored. */
export function checkMovable({ mode, database, restore }: DatabaseRestorePart, { fixed = 0 }: TargetState, whose: string): void {
  if (mode !== 'replace' || fixed === 0 || restore.planTake) return;
  throw createReasonError(
    'target_refused',
    `${whose} has ${fixed} views, triggers, routines, events or references from other databases, which cannot be moved with the tables, so ${database} stays as it is`,
  );
}

/** Whether the way is kept from its last step by sessions in the target, so that they may be ended for it. */
export function isHeldBySessions({ mode, restore }: Pick<DatabaseRestorePart, 'mode' | 'restore'>): boolean {
  if (!restore.planEndSessions) return false;
  // Where sessions only wait, it is tables in use that keep others from their place.
  return getModeRule(mode).needsAlone || (mode === 'tables' && restore.sessionsOnlyWait === true);
}

function checkSessions(part: DatabaseRestorePart, { sessions }: TargetState): void {
  if (sessions === 0 || !isHeldBySessions(part)) return;
  if (part.restore.sessionsOnlyWait === true && part.options.endSessions !== true) return;
  const text = sessions === 1 ? '1 other session is' : `${sessions} other sessions are`;
  if (part.options.endSessions !== true) throw createReasonError('sessions_open', `${text} open in ${part.database}`);
  part.recorder.log('warn', `${text} open in ${part.database} and will be ended`);
}

/** What of `needed` bytes for the server goes to the disk that dumps wait on. */
async function findSharedBytes({ tooling }: DatabaseRestorePart, { filesAt }: TargetState, needed: number): Promise<number> {
  if (filesAt === undefined) return 0;
  const { dev } = await stat(filesAt).catch(() => ({ dev: undefined }));
  return dev === measureSpoolDisk(tooling.spoolDir).device ? needed : 0;
}

/** Throws `disk_full` where the server has no room for a dump of so many bytes, as far as this host sees. */
export async function assertRoom(part: DatabaseRestorePart, target: TargetState, dumpBytes: number): Promise<void> {
  const free = await findFreeBytes(part.connection.input.config, target);
  const needed = part.mode === 'schema_only' ? 0 : Math.round(dumpBytes * ROOM_RATIO);
  if (part.options.jobs !== undefined && !part.file)
    checkSpoolRoom(part, free === undefined ? 0 : await findSharedBytes(part, target, needed));
  if (free === undefined) return part.recorder.log('info', 'how much room the server has cannot be seen from this host');
  if (free < needed && part.options.acceptLittleRoom !== true)
    throw createReasonError('disk_full', `The server has ${free} bytes free, and the restore needs about ${needed}`);
  part.recorder.log('info', `the server has ${free} bytes free; the restore needs about ${needed}`);
}

/** What the dump says of where it came from. One that says nothing may still go where nothing is changed and nobody spoke of versions. */
async function readVersion(part: DatabaseRestorePart): Promise<string | undefined> {
  try {
    return await part.origin.readVersion(part);
  } catch (thrown) {
    const isAsked = part.options.acceptOlderServer !== undefined || getModeRule(part.mode).changesExisting;
    if (isAsked || findReason(toAppError(thrown)) !== 'target_refused') throw thrown;
    return undefined;
  }
}

/** The version whose tools understand both sides. */
async function checkVersions(part: DatabaseRestorePart, serverVersion: string): Promise<string> {
  const dumpedFrom = await readVersion(part);
  if (dumpedFrom === undefined || !part.restore.head.isOlder(serverVersion, dumpedFrom)) return serverVersion;
  const text = `The server is version ${serverVersion}, and the dump came from the newer ${dumpedFrom}`;
  if (part.options.acceptOlderServer !== true) throw createReasonError('server_older', text);
  part.recorder.log('warn', text);
  return dumpedFrom;
}

function checkJobs({ restore, mode }: DatabaseRestorePart, jobs: number): void {
  if (!restore.planRestoreFile) throw new AppError('unsupported', 'dumps of this kind of database only stream');
  if (jobs > 1 && !isParallelMode(mode))
    throw new AppError('invalid', 'this way is one transaction, and so one connection: it takes no more than one job');
}

/**
 * How a target that is there, empty, goes back to being so unless all of it comes: one transaction is taken back, what was listed before is
 * dropped. Undefined where it is not there, or is no empty one that is filled.
 */
export type FillsHow = 'in_one' | 'listed' | undefined;

export function findFillsHow({ restore, mode }: DatabaseRestorePart, { exists }: Pick<TargetState, 'exists'>): FillsHow {
  if (!exists || getModeRule(mode).target !== 'empty') return undefined;
  return restore.fillsInOne === true ? 'in_one' : 'listed';
}

function checkOneConnection(part: DatabaseRestorePart, target: TargetState): void {
  const { jobs = 1 } = part.options;
  if (jobs === 1 || findFillsHow(part, target) !== 'in_one') return;
  throw createReasonError(
    'target_refused',
    `The database ${part.database} exists, so it is filled in one transaction, through one connection: take the name of a database that is not there, or 1 connection`,
  );
}

/** Throws why the restore must not begin; what it returns the restore goes by. */
export async function checkTarget(part: DatabaseRestorePart): Promise<CheckedTarget> {
  const { recorder, restore, mode } = part;
  if (part.file) assertDoable(part.file, restore, mode, part.options);
  if (!restore.modes.includes(mode))
    throw new AppError('unsupported', `databases of this kind are not restored in the mode ${mode} by this agent`);
  if (mode === 'tables' && part.tables.length === 0) throw new AppError('invalid', 'no table was chosen');
  if (part.options.jobs !== undefined) checkJobs(part, part.options.jobs);
  if (part.options.endSessions === true && !restore.planEndSessions)
    throw new AppError('unsupported', 'sessions in databases of this kind are not ended');
  const target = await inspect(part, part.database, part.signal);
  checkPlace(part, target);
  checkOneConnection(part, target);
  checkMovable(part, target, 'The database');
  const toolVersion = await checkVersions(part, target.serverVersion);
  checkSessions(part, target);
  await assertRoom(part, target, part.sizeBytes);
  const state = target.exists ? (target.empty ? 'exists and is empty' : `has ${target.tables} tables`) : 'is new';
  recorder.log('info', `pre-flight: server ${target.serverVersion}, database ${state}`);
  return { target, toolVersion };
}
