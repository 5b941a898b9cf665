/** libfaketime, as Debian has it: a program that is started with it in LD_PRELOAD lives by another clock. */
import { existsSync, globSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UnsupportedError } from './services/identity.ts';

const SHARED_MEMORY = '/dev/shm';

/**
 * The path of the library, for LD_PRELOAD.
 * @throws UnsupportedError where it is not installed.
 */
export function openFaketime(): string {
  const library = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1').at(0);
  if (library === undefined) throw new UnsupportedError('libfaketime is not installed; run "node scripts/setup.ts test".');
  sweepOfTheDead();
  return library;
}

/**
 * libfaketime keeps two files in shared memory for each process, named by its number. One that is killed leaves them, and the next process of
 * that number would end before it has begun.
 */
export function sweepOfTheDead(): void {
  for (const name of readdirSync(SHARED_MEMORY)) {
    const pid = /^(?:sem\.)?faketime_(?:sem|shm)_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(SHARED_MEMORY, name), { force: true });
  }
}
