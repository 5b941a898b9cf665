/**
 * The ballast: a file of real bytes beside the database that is given up when the disk is full, because then not even a
 * DELETE fits. What it frees is for people (log in, delete, change settings); reports of hosts wait until there is room
 * again, since their agents keep them.
 */
import { rmSync } from 'node:fs';
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import { AppError } from '@holdfast/shared/errors.ts';

const BLOCK_BYTES = 64 * 1024;

export interface Ballast {
  /** Gives the reserve up; called when a write found the disk full. */
  free(): void;
  /** Makes the reserve again when it is gone and there is room for it and as much again. True when it is there afterwards. */
  restore(): Promise<boolean>;
  /** `unavailable` while a reserve that was given up cannot be made again. A disk too small for one from the start passes. */
  guard(): Promise<void>;
}

/** Bytes that neither compress nor deduplicate away: xorshift32 from a fixed seed, no secret. */
function fillBlock(block: Uint32Array<ArrayBuffer>, seed: number): number {
  let state = seed;
  for (let i = 0; i < block.length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block[i] = state;
  }
  return state;
}

async function writeBallast(path: string, bytes: number): Promise<void> {
  const draft = `${path}.making`;
  const file = await open(draft, 'w', 0o600);
  try {
    const block = new Uint32Array(new ArrayBuffer(BLOCK_BYTES));
    let seed = 0x9e3779b9;
    for (let written = 0; written < bytes; written += BLOCK_BYTES) {
      seed = fillBlock(block, seed);
      await file.write(new Uint8Array(block.buffer, 0, Math.min(BLOCK_BYTES, bytes - written)));
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

export function createBallast(options: { path: string; directory: string; bytes: number }): Ballast {
  const { path, directory, bytes } = options;
  let present = false;
  /** The reserve was there and was given up: reports wait until it is back. */
  let owed = false;
  let making: Promise<boolean> | undefined;

  const make = async (): Promise<boolean> => {
    try {
      const known = await stat(path).catch(() => undefined);
      if (known?.size !== bytes) {
        const disk = await statfs(directory);
        if (disk.bavail * disk.bsize < 2 * bytes) return false;
        await writeBallast(path, bytes);
      }
      present = true;
      owed = false;
      return true;
    } catch {
      // No room after all, or no right to write here: the next attempt tells, and the guard says so to its caller.
      await rm(`${path}.making`, { force: true }).catch(() => undefined);
      return false;
    }
  };

  const restore = (): Promise<boolean> => {
    if (present || bytes === 0) return Promise.resolve(true);
    making ??= make().finally(() => {
      making = undefined;
    });
    return making;
  };

  return {
    free() {
      if (!present) return;
      rmSync(path, { force: true });
      present = false;
      owed = true;
    },
    restore,
    async guard() {
      if (!owed || (await restore())) return;
      throw new AppError(
        'unavailable',
        'the disk with the database is full: reports of hosts wait at the hosts; make room on it',
        {
          details: { full: true },
        },
      );
    },
  };
}
