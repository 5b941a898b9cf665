/** How much room there is at a place. */
import { statfs } from 'node:fs/promises';
import { REPOSITORY_LOOKS } from '@holdfast/shared/limits.ts';

/** Settles as `work` does, or as undefined after `REPOSITORY_LOOKS.lookMs` and where it fails: a mount that is gone may answer never. */
export async function findInTime<T>(work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), REPOSITORY_LOOKS.lookMs);
  try {
    return await Promise.race([work, promise]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function readFreeBytes(path: string): Promise<number | undefined> {
  const { bavail, bsize, blocks } = await statfs(path);
  return blocks === 0 ? undefined : bavail * bsize;
}

/** Bytes that an ordinary user may still write there; undefined where nothing is there, nobody answers, or its file system counts none. */
export function findFreeBytes(path: string): Promise<number | undefined> {
  return findInTime(readFreeBytes(path));
}
