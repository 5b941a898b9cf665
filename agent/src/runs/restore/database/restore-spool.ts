/**
 * A dump on this host's disk, for tools that jump about in it or read it several times. Reading it from the repository is what authenticates
 * it, so nothing else has been touched when it is there. The file loses its name as soon as it is open: when the restore ends, or the agent is
 * killed with all it started, the room is free again.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { createRate } from '../../rate.ts';
import { describeCode } from '../files/restore-staging.ts';
import { inStage, RESTORE_STALL_MS } from '../restore-part.ts';
import type { StoredDump } from './dump-origin.ts';
import type { DatabaseRestorePart } from './restore-ask.ts';

/** What the disk keeps beside a dump, so that nobody else on it runs out. */
const RESERVE_BYTES = 64 * 1024 * 1024;

export interface Spool {
  /** Open for reading; the holder's to close. */
  descriptor: number;
  sizeBytes: number;
  evidence: Evidence;
}

/** What a child sees of the descriptor that it got as its first one besides the usual three. */
export const INHERITED_PATH = '/proc/self/fd/3';

function findExisting(path: string): string {
  try {
    statSync(path);
    return path;
  } catch {
    return path === '/' ? path : findExisting(dirname(path));
  }
}

/** The disk that dumps wait on: its number, and what is free of it. */
export function measureSpoolDisk(spoolDir: string): { device: number; freeBytes: number } {
  const place = findExisting(spoolDir);
  const { bavail, bsize } = statfsSync(place);
  return { device: statSync(place).dev, freeBytes: bavail * bsize };
}

/** Throws `disk_full` where the dump would not fit; `alsoNeeded` is what else goes to the same disk. */
export function checkSpoolRoom({ tooling, recorder, sizeBytes }: DatabaseRestorePart, alsoNeeded = 0): void {
  const { freeBytes } = measureSpoolDisk(tooling.spoolDir);
  const needed = sizeBytes + alsoNeeded + RESERVE_BYTES;
  const server = alsoNeeded === 0 ? '' : `, ${alsoNeeded} of them for the database server on the same disk`;
  if (freeBytes < needed)
    throw createReasonError(
      'disk_full',
      `${tooling.spoolDir} has ${freeBytes} bytes free, and the dump needs ${needed} there${server}. Let it stream instead, or name a roomier place with HOLDFAST_SPOOL_DIR`,
    );
  recorder.log('info', `${tooling.spoolDir} has ${freeBytes} bytes free; the dump needs ${needed} there${server}`);
}

/** A new file without a name. */
function openNameless(spoolDir: string): number {
  try {
    mkdirSync(spoolDir, { recursive: true, mode: 0o700 });
    const own = mkdtempSync(join(spoolDir, 'dump-'));
    try {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      return openSync(join(own, 'database.dump'), flags, 0o600);
    } finally {
      rmSync(own, { recursive: true, force: true });
    }
  } catch (error) {
    throw createReasonError('target_refused', `No file can be made in ${spoolDir} (${describeCode(error)})`, error);
  }
}

async function fill(
  part: DatabaseRestorePart,
  { engine, repository, engineId, fileName }: StoredDump,
  to: number,
): Promise<void> {
  const { recorder, tooling, sizeBytes } = part;
  const rate = createRate(tooling.clock);
  const failure = await engine.dumpPath({
    access: repository.access,
    workDir: part.workDir,
    snapshotId: engineId,
    signal: part.signal,
    path: `/${fileName}`,
    to,
    stallMs: RESTORE_STALL_MS,
    onBytes: (bytes) =>
      recorder.progress({
        stage: 'read',
        bytes: Math.min(bytes, sizeBytes),
        totalBytes: sizeBytes,
        bytesPerSecond: rate.look(bytes),
      }),
    onLog: (level, text) => recorder.log(level, text),
  });
  if (part.signal.aborted) throw createReasonError('cancelled', 'Cancelled before anything was changed');
  if (failure) throw createReasonError(failure.reason, `${failure.message.replace(/\.$/u, '')}. Nothing was changed`);
  const written = fstatSync(to).size;
  if (written === sizeBytes) return;
  throw createReasonError('snapshot_damaged', `${written} bytes came out of the snapshot, which has ${sizeBytes}`);
}

/** The first pass. Throws when the snapshot cannot be read to its end, or does not fit; then nothing is left. */
export function spoolDump(part: DatabaseRestorePart, stored: StoredDump): Promise<Spool> {
  return inStage(part.recorder, 'read', async () => {
    const writing = openNameless(part.tooling.spoolDir);
    try {
      await fill(part, stored, writing);
      const seen = `The whole snapshot was read and authenticated before anything was changed: ${part.sizeBytes} bytes, as it was stored.`;
      part.recorder.log('info', seen);
      // Opened anew, so that every reader has a place of its own in it.
      const descriptor = openSync(`/proc/self/fd/${writing}`, constants.O_RDONLY);
      return { descriptor, sizeBytes: part.sizeBytes, evidence: { check: 'fully_read', ok: true, seen } };
    } finally {
      closeSync(writing);
    }
  });
}

/** Removes what an agent left that died between making a file and taking its name away; returns how many. */
export function sweepSpool(spoolDir: string): number {
  const left = listDumps(spoolDir);
  for (const name of left) rmSync(join(spoolDir, name), { recursive: true, force: true });
  return left.length;
}

function listDumps(spoolDir: string): string[] {
  try {
    return readdirSync(spoolDir).filter((name) => /^dump-[A-Za-z0-9]{6}$/.test(name));
  } catch {
    return [];
  }
}
