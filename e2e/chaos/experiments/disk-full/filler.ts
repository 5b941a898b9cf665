/** Takes all room of a disk, and whatever is given up on it afterwards, until told to leave it. */
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';

export type Filler = {
  /** Bytes taken so far. */
  readonly takenBytes: number;
  /** Gives everything back. */
  release(): void;
};

const PIECES = [1024 * 1024, 64 * 1024, 4096, 512] as const;
/** Room that is given up meanwhile, such as a reserve, is taken within this. */
const REFILL_MS = 10;

export function fillDisk(path: string): Filler {
  const file = openSync(path, 'a', 0o600);
  let takenBytes = 0;
  const fill = (): void => {
    for (const size of PIECES) {
      const piece = Buffer.alloc(size, 1);
      try {
        for (;;) takenBytes += writeSync(file, piece);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  };
  fill();
  const timer = setInterval(fill, REFILL_MS);
  return {
    get takenBytes() {
      return takenBytes;
    },
    release() {
      clearInterval(timer);
      closeSync(file);
      unlinkSync(path);
    },
  };
}
