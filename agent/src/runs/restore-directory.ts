/**
 * Restores a tree into a new directory. A target that exists and is not empty is refused; what was created is removed again when the
 * restore fails.
 */
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { createRate } from './rate.ts';
import { RESTORE_STALL_MS, type RestorePart, type RestoreResult } from './restore-part.ts';

/** The directory must be new or empty; it is made with its parents. Returns the topmost directory that this call made. */
async function claimDirectory(path: string): Promise<{ created: string | undefined }> {
  try {
    const entries = await readdir(path);
    if (entries.length > 0) throw createReasonError('target_not_empty', `${path} exists and is not empty`);
    return { created: undefined };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT')
      throw createReasonError('target_refused', `${path} cannot be used as a directory (${code ?? 'unknown error'})`, error);
  }
  try {
    return { created: await mkdir(path, { recursive: true, mode: 0o700 }) };
  } catch (error) {
    throw createReasonError(
      'target_refused',
      `${path} cannot be created (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      error,
    );
  }
}

/**
 * Empties the target and removes the directories made for it, from the inside out. One that holds something else by then stays: another
 * restore may have begun in the same new parent.
 */
async function removeWritten(path: string, created: string | undefined): Promise<void> {
  for (const entry of await readdir(path, { encoding: 'buffer' })) {
    await rm(Buffer.concat([Buffer.from(`${path}/`), entry]), { recursive: true, force: true });
  }
  if (created === undefined) return;
  const top = resolve(created);
  for (let made = resolve(path); made.length >= top.length; made = dirname(made)) {
    try {
      await rmdir(made);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'EBUSY') return;
      if (code !== 'ENOENT') throw error;
    }
  }
}

export async function restoreDirectory(part: RestorePart, path: string): Promise<RestoreResult> {
  const { recorder, tooling } = part;
  recorder.beginStage('preflight');
  const claimed = await claimDirectory(path);
  recorder.endStage('preflight', true);
  recorder.beginStage('restore');
  const rate = createRate(tooling.clock);
  const outcome = await part.engine.restoreTree({
    access: part.repository.access,
    workDir: part.workDir,
    snapshotId: part.engineId,
    target: path,
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
  recorder.endStage('restore', !outcome.failure);
  if (outcome.failure) {
    for (const item of outcome.notRestored) recorder.log('error', `not restored: ${item}`);
    await removeWritten(path, claimed.created);
    recorder.log('info', 'what had been written to the target was removed again');
    throw createReasonError(outcome.failure.reason, outcome.failure.message);
  }
  const bytes = outcome.restored?.bytes ?? 0;
  recorder.log('info', `restored ${outcome.restored?.files ?? 0} files, ${bytes} bytes to ${path}`);
  return { evidence: outcome.evidence, warnings: [], bytes };
}
