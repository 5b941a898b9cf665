/**
 * One agent per state directory. The lock is an exclusive transaction on an empty SQLite file: the kernel drops it when
 * the process ends, however it ends, so there is nothing stale to clean up. Whoever holds it writes its process id
 * beside it.
 */
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '@holdfast/shared/errors.ts';
import { isBusy, toJournalError } from './fault.ts';

export interface StateLock {
  release(): void;
}

/** Holds an empty file, made when absent, until it is released or this process ends. Undefined when another process, or this one, holds it. */
export function holdFile(path: string): StateLock | undefined {
  let file: DatabaseSync | undefined;
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
    file = new DatabaseSync(path, { timeout: 0 });
    // Without a rollback journal the lock needs no space, so that it can be had on a full disk.
    file.exec('PRAGMA journal_mode = MEMORY');
    file.exec('BEGIN EXCLUSIVE');
    return { release: () => file?.close() };
  } catch (error) {
    file?.close();
    if (!isBusy(error)) throw toJournalError(error, path);
    return undefined;
  }
}

/** Throws `conflict` at once when another process, or this one, holds the lock of `stateDir`. */
export function lockStateDir(stateDir: string, pid: number): StateLock {
  const holderPath = join(stateDir, 'agent.pid');
  const lock = holdFile(join(stateDir, 'agent.lock'));
  if (!lock)
    throw new AppError(
      'conflict',
      `another agent${describeHolder(holderPath)} already works with the state directory ${stateDir}. ` +
        'Stop it first, or give this one its own directory with HOLDFAST_STATE_DIR.',
    );
  noteHolder(holderPath, pid);
  return lock;
}

function noteHolder(path: string, pid: number): void {
  try {
    writeFileSync(path, `${pid}\n`, { mode: 0o600 });
  } catch {
    // The holder's process id only makes a message better; a full disk must not stop the agent over it.
  }
}

function describeHolder(path: string): string {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^\d{1,10}$/u.test(text) ? ` (process ${text})` : '';
  } catch {
    // The holder's process id only makes the message better.
    return '';
  }
}
