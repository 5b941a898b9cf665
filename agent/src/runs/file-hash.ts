/** Hashes of files on the host, read without following a link in the last place and without waiting for anything. */
import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const CHUNK_BYTES = 1024 * 1024;

const openPlain = (path: string) => open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);

async function hashOpen(file: FileHandle, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES, signal }))
    digest.update(chunk as Buffer);
  return digest.digest('hex');
}

export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  const file = await openPlain(path);
  try {
    return await hashOpen(file, signal);
  } finally {
    await file.close();
  }
}

/** The hash of a plain file that `fits` both before and after it was read; undefined if it does not, is gone, or may not be read. */
export async function hashSteady(
  path: string,
  fits: (found: BigIntStats) => boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const file = await openPlain(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const isSame = async () => {
      const found = await file.stat({ bigint: true });
      return found.isFile() && fits(found);
    };
    if (!(await isSame())) return undefined;
    const digest = await hashOpen(file, signal);
    return (await isSame()) ? digest : undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  } finally {
    await file.close();
  }
}
