/**
 * Restores files of a snapshot into a new directory: all of them or the chosen ones. A target that exists and is not empty is refused. Everything
 * is written and counted in a private directory inside the target first; what was written is removed again when the restore fails.
 */
import { lstat, mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { isPlainText } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { showName } from '../engines/restic/classify.ts';
import type { RestoreTreeOutcome } from '../engines/restic/restore.ts';
import { createRate } from './rate.ts';
import { inStage, RESTORE_STALL_MS, type RestorePart, type RestoreResult } from './restore-part.ts';
import {
  describeCode,
  emptyDirectory,
  joinBytes,
  makeDirectory,
  nameStaging,
  removeMade,
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

/** Everything out of the private directory into the one around it; what is carried on after a crash comes by the same way. */
export async function placeStaged(staging: string, path: string): Promise<void> {
  for (const entry of await readdir(staging, { encoding: 'buffer' })) {
    const place = joinBytes(path, entry);
    const standing = await lstat(place).catch(() => undefined);
    if (standing) throw createReasonError('target_not_empty', `${showName(place.toString())} exists`);
    await rename(joinBytes(staging, entry), place);
  }
  await rmdir(staging);
}

export async function restoreDirectory(part: RestorePart, path: string, paths?: readonly string[]): Promise<RestoreResult> {
  const { recorder } = part;
  const claimed = await inStage(recorder, 'preflight', () => claimDirectory(path));
  try {
    const outcome = await inStage(recorder, 'restore', async () => {
      const staging = joinBytes(path, nameStaging(recorder.run)).toString();
      await mkdir(staging, { mode: 0o700 });
      const written = await writeTree(part, staging, paths);
      if (part.signal.aborted) throw createReasonError('cancelled', 'The restore was cancelled');
      const { files = 0, bytes: size = 0 } = written.restored ?? {};
      part.remember?.({ made: [], placing: { files, bytes: size } });
      await placeStaged(staging, path);
      return written;
    });
    const bytes = outcome.restored?.bytes ?? 0;
    recorder.log('info', `restored ${outcome.restored?.files ?? 0} files, ${bytes} bytes to ${path}`);
    return { evidence: outcome.evidence, warnings: [], bytes };
  } catch (error) {
    await emptyDirectory(path).catch(() => undefined);
    await removeMade(path, claimed.created);
    part.remember?.(undefined);
    recorder.log('info', 'what had been written to the target was removed again');
    throw error;
  }
}
