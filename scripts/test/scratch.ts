import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const GIBIBYTE = 1024 ** 3;
/** What the tests of a whole run keep at once at most is a third of it. */
const ROOM_BYTES = 6 * GIBIBYTE;
/** No run takes that long: whatever made an older folder was killed. */
const ABANDONED_MS = 3_600_000;
const PREFIX = 'holdfast-tests-';

export type Scratch = {
  readonly path: string;
  remove(): void;
};

/**
 * A folder in memory for the temporary files of tests, so that they do not wait for a disk at each `fsync`: what they ask does not depend on
 * it. Programs that are killed lose no more there than on a disk, and whether something is synchronised is asked of the system calls.
 * Undefined where memory has no room for it or starts no programs; the system's own folder then serves.
 */
export function findScratch(memory = '/dev/shm', roomBytes = ROOM_BYTES): Scratch | undefined {
  if (!existsSync(memory)) return undefined;
  removeAbandoned(memory);
  const { bavail, bsize } = statfsSync(memory);
  if (Math.min(bavail * bsize, readAvailableMemory()) < roomBytes) return undefined;
  const path = mkdtempSync(join(memory, PREFIX));
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  // Services that run as accounts of their own pass through it.
  chmodSync(path, 0o755);
  if (startsPrograms(path)) return { path, remove };
  remove();
  return undefined;
}

/** Without what other programs would have to give back. */
function readAvailableMemory(): number {
  const kibibytes = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

function startsPrograms(path: string): boolean {
  const program = join(path, 'program');
  writeFileSync(program, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  const { status } = spawnSync(program);
  rmSync(program);
  return status === 0;
}

function removeAbandoned(memory: string): void {
  for (const name of readdirSync(memory).filter((entry) => entry.startsWith(PREFIX))) {
    const path = join(memory, name);
    try {
      if (Date.now() - statSync(path).mtimeMs > ABANDONED_MS) rmSync(path, { recursive: true, force: true });
    } catch {
      // Somebody else's, or in use: it stays.
    }
  }
}

/** What makes a process put its temporary files there. */
export function placeScratch(path: string | undefined): Record<string, string> {
  return path === undefined ? {} : { TMPDIR: path };
}
