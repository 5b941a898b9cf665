/**
 * Restores files of a snapshot into a new directory: all of them or the chosen ones. A target that exists and is not empty is refused. Everything
 * is written and counted in a private directory inside the target first. When the restore fails, what it wrote is removed again, and nothing else.
 */
import { lstat, mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { isPlainText } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { showName } from '../../../engines/restic/classify.ts';
import type { RestoreTreeOutcome } from '../../../engines/restic/restore.ts';
import { createRate } from '../../rate.ts';
import { inStage, RESTORE_STALL_MS, type RestorePart, type RestoreResult } from '../restore-part.ts';
import { dropPrivileges } from './restore-privileges.ts';
import { assertRoomFor, measureChosen } from './restore-room.ts';
import {
  describeCode,
  joinBytes,
  makeDirectory,
  type NotedEntry,
  nameStaging,
  noteEntry,
  removeMade,
  removeNoted,
  removeUnchosen,
} from './restore-staging.ts';

/** The directory must be new or empty; it is made with its parents. Returns the topmost directory that this call made. */
async function claimDirectory(path: string): Promise<{ created: string | undefined }> {
  try {
    const entries = await readdir(path);
    if (entries.length > 0) throw createReasonError('target_not_empty', `${path} exists and is not empty`);
    return { created: undefined };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const code = describeCode(error);
    if (code !== 'ENOENT') throw createReasonError('target_refused', `${path} cannot be used as a directory (${code})`, error);
  }
  return { created: await makeDirectory(path) };
}

/** Restores into an existing, empty directory and compares what is there with the snapshot. Throws when it is not the same. */
export async function writeTree(
  part: RestorePart,
  into: string,
  paths: readonly string[] | undefined,
): Promise<RestoreTreeOutcome> {
  const { recorder, tooling } = part;
  const rate = createRate(tooling.clock);
  const outcome = await part.engine.restoreTree({
    access: part.repository.access,
    workDir: part.workDir,
    snapshotId: part.engineId,
    target: into,
    includes: paths,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
    onProgress: ({ bytes, totalBytes, files }) =>
      recorder.progress({
        stage: 'restore',
        bytes,
        totalBytes: totalBytes ?? part.sizeBytes,
        bytesPerSecond: rate.look(bytes),
        ...(files === undefined ? {} : { files }),
      }),
    onLog: (level, text) => recorder.log(level, text),
  });
  if (outcome.failure) {
    for (const item of outcome.notRestored) recorder.log('error', `not restored: ${item}`);
    throw createReasonError(outcome.failure.reason, outcome.failure.message);
  }
  if (paths && !paths.every(isPlainText)) await removeUnchosen(Buffer.from(into), paths);
  return outcome;
}

async function refuseTaken(place: Buffer): Promise<void> {
  const standing = await lstat(place).catch(() => undefined);
  if (standing) throw createReasonError('target_not_empty', `${showName(place.toString())} exists`);
}

/**
 * Everything out of the private directory into the one around it; what is carried on after a crash comes by the same way. Nothing is moved
 * when a name is taken before the first move. `onPlaced` hears of each entry that has taken its place, also when a later one cannot.
 */
export async function placeStaged(
  staging: string,
  path: string,
  onPlaced: (entry: NotedEntry) => void = () => undefined,
): Promise<void> {
  const names = await readdir(staging, { encoding: 'buffer' });
  for (const name of names) await refuseTaken(joinBytes(path, name));
  for (const name of names) {
    const place = joinBytes(path, name);
    const from = joinBytes(staging, name);
    const entry = await noteEntry(from);
    await refuseTaken(place);
    await rename(from, place);
    onPlaced({ ...entry, path: place });
  }
  await rmdir(staging);
}

/** Takes away what this restore made, and nothing that others have put there meanwhile. Throws nothing. */
async function takeBack({ recorder }: RestorePart, path: string, own: readonly NotedEntry[], created?: string): Promise<void> {
  const left = await removeNoted(own);
  for (const entry of left) recorder.log('error', `could not be removed: ${showName(entry.path.toString())}`);
  await removeMade(path, created).catch((error: unknown) =>
    recorder.log('error', `${showName(path)} could not be removed (${describeCode(error)})`),
  );
  if (left.length === 0) recorder.log('info', 'what had been written to the target was removed again');
  const others = await readdir(path).catch(() => []);
  if (others.length > left.length) recorder.log('info', 'what others have put there meanwhile was left as it is');
}

export interface DirectoryWish {
  path: string;
  /** Left out: everything. */
  paths?: readonly string[] | undefined;
  /** Setuid and setgid bits, capabilities of files and devices come as they were; otherwise without, which the result says. */
  keepPrivileges: boolean;
}

/** Restores into a directory that is new or empty. Throws a reason, `cancelled` among them; what was placed by then is taken away again. */
export async function restoreDirectory(
  part: RestorePart,
  { path, paths, keepPrivileges }: DirectoryWish,
): Promise<RestoreResult> {
  const { recorder } = part;
  const claimed = await inStage(recorder, 'preflight', async () => {
    const directory = await claimDirectory(path);
    try {
      await assertRoomFor(part, path, await measureChosen(part, paths));
      return directory;
    } catch (error) {
      await removeMade(path, directory.created).catch(() => undefined);
      throw error;
    }
  });
  const own: NotedEntry[] = [];
  try {
    const { written: outcome, remark } = await inStage(recorder, 'restore', async () => {
      const staging = joinBytes(path, nameStaging(recorder.run)).toString();
      await mkdir(staging, { mode: 0o700 });
      own.push(await noteEntry(Buffer.from(staging)));
      const written = await writeTree(part, staging, paths);
      const remark = keepPrivileges ? undefined : await dropPrivileges(part, staging);
      if (part.signal.aborted) throw createReasonError('cancelled', 'The restore was cancelled');
      const { files = 0, bytes: size = 0 } = written.restored ?? {};
      part.remember?.({ made: [], placing: { files, bytes: size } });
      await placeStaged(staging, path, (entry) => own.push(entry));
      return { written, remark };
    });
    const bytes = outcome.restored?.bytes ?? 0;
    recorder.log('info', `restored ${outcome.restored?.files ?? 0} files, ${bytes} bytes to ${path}`);
    return { evidence: outcome.evidence, warnings: remark === undefined ? [] : [remark], bytes };
  } catch (error) {
    // First, so that an agent that is killed here does not take what others put there for what it had placed.
    part.remember?.(undefined);
    await takeBack(part, path, own, claimed.created);
    throw error;
  }
}
