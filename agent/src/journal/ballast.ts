/**
 * A file that only takes space. On a full disk SQLite can neither write nor delete; freeing the ballast gives the journal
 * room for the events that matter most.
 */
import { closeSync, constants, fsyncSync, openSync, statfsSync, statSync, unlinkSync, writeSync } from 'node:fs';

const CHUNK = Buffer.alloc(256 * 1024, 0x2e);

export interface Ballast {
  /** Frees the space; false when there was none to free. */
  free(): boolean;
  /** Takes the space again if at least three times as much is available. */
  restore(): void;
}

export function createBallast(path: string, directory: string, sizeBytes: number): Ballast {
  const free = (): boolean => {
    try {
      unlinkSync(path);
      return true;
    } catch {
      // Not there, or it cannot be removed: either way no room was made.
      return false;
    }
  };
  return {
    free,
    restore() {
      if (sizeOf(path) >= sizeBytes) return;
      const { bavail, bsize } = statfsSync(directory);
      if (bavail * bsize < 3 * sizeBytes) return;
      try {
        fill(path, sizeBytes);
      } catch {
        // Half a ballast on a disk that filled up in the meantime would be worse than none.
        free();
      }
    },
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
}

/** Written byte by byte: a sparse file would take no space. */
function fill(path: string, sizeBytes: number): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
  try {
    for (let written = 0; written < sizeBytes; ) {
      written += writeSync(file, CHUNK, 0, Math.min(CHUNK.length, sizeBytes - written));
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
