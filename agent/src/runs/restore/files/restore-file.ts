/**
 * Brings one file of a snapshot, or a directory as an archive, into a new file on the host. restic writes it into a file of another name beside
 * it; the name appears only when everything is there.
 */
import { constants, type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { showName } from '../../../engines/restic/classify.ts';
import { createRate } from '../../rate.ts';
import { inStage, RESTORE_STALL_MS, type RestorePart, type RestoreResult } from '../restore-part.ts';
import { assertRoomFor } from './restore-room.ts';
import { describeCode, joinBytes, makeDirectory, nameStaging, removeMade } from './restore-staging.ts';

type OneFileTarget = Extract<RestoreTarget, { kind: 'archive' | 'file' }>;

interface Stored {
  files: number;
  bytes: number;
}

/** What lies at the path; throws where it is not what was asked for. */
async function findStored(part: RestorePart, { kind, from }: OneFileTarget): Promise<Stored> {
  const stored: Stored = { files: 0, bytes: 0 };
  let type: string | undefined = from === '/' ? 'dir' : undefined;
  await part.engine.listBelow({
    access: part.repository.access,
    workDir: part.workDir,
    snapshotId: part.engineId,
    signal: part.signal,
    paths: [from],
    onNode(node) {
      type ??= node.type;
      if (node.type === 'file') {
        stored.files += 1;
        stored.bytes += node.sizeBytes;
      }
      return true;
    },
  });
  const wanted = kind === 'archive' ? 'dir' : 'file';
  if (type !== wanted)
    throw new AppError('invalid', `${showName(from)} is ${wanted === 'dir' ? 'no directory' : 'no file'} in the snapshot`);
  return stored;
}

async function refuseStanding(path: string): Promise<void> {
  const standing = await lstat(path).catch(() => undefined);
  if (standing) throw createReasonError('target_not_empty', `${showName(path)} exists`);
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw createReasonError('target_refused', `${showName(path)} cannot be created (${describeCode(error)})`, error);
  }
}

/** Gives the finished file its name, which nobody else may have taken meanwhile. */
async function giveName(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path);
    await unlink(draft);
  } catch (error) {
    const code = describeCode(error);
    if (code === 'EEXIST') await refuseStanding(path);
    // Some file systems know no second name for a file.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    await refuseStanding(path);
    await rename(draft, path);
  }
}

async function write(part: RestorePart, target: OneFileTarget, stored: Stored, draft: string): Promise<number> {
  const { recorder } = part;
  const file = await openNew(draft);
  const rate = createRate(part.tooling.clock);
  try {
    const failure = await part.engine.dumpPath({
      access: part.repository.access,
      workDir: part.workDir,
      snapshotId: part.engineId,
      signal: part.signal,
      path: target.from,
      archive: target.kind === 'archive' ? target.format : undefined,
      to: file.fd,
      stallMs: RESTORE_STALL_MS,
      onBytes: (bytes) =>
        recorder.progress({
          stage: 'restore',
          bytes: Math.min(bytes, stored.bytes),
          totalBytes: stored.bytes,
          bytesPerSecond: rate.look(bytes),
        }),
      onLog: (level, text) => recorder.log(level, text),
    });
    if (failure) throw createReasonError(failure.reason, failure.message);
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

function prove(target: OneFileTarget, stored: Stored, sizeBytes: number): Evidence[] {
  const ended: Evidence = { check: 'exit_codes', ok: true, seen: 'restic read and authenticated every byte, and ended well.' };
  if (target.kind === 'archive') return [ended];
  const ok = sizeBytes === stored.bytes;
  const seen = `The file has ${sizeBytes} bytes; the snapshot says ${stored.bytes}.`;
  if (!ok) throw createReasonError('restore_failed', seen);
  return [ended, { check: 'target_verified', ok, seen }];
}

export async function restoreOneFile(part: RestorePart, target: OneFileTarget): Promise<RestoreResult> {
  const { recorder } = part;
  const { path } = target;
  const directory = dirname(path);
  const draft = joinBytes(directory, nameStaging(recorder.run)).toString();
  const { stored, created } = await inStage(recorder, 'preflight', async () => {
    await refuseStanding(path);
    const found = await findStored(part, target);
    await assertRoomFor(part, directory, found.bytes);
    return { stored: found, created: await makeDirectory(directory) };
  });
  try {
    const { sizeBytes, evidence } = await inStage(recorder, 'restore', async () => {
      const written = await write(part, target, stored, draft);
      const proof = prove(target, stored, written);
      await giveName(draft, path);
      return { sizeBytes: written, evidence: proof };
    });
    const what = target.kind === 'archive' ? `${stored.files} files as one ${target.format} archive` : 'one file';
    recorder.log('info', `wrote ${what}, ${sizeBytes} bytes, to ${showName(path)}`);
    return { evidence, warnings: [], bytes: sizeBytes };
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    await removeMade(directory, created);
    recorder.log('info', 'what had been written was removed again');
    throw error;
  }
}
