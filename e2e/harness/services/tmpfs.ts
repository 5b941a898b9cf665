import { chmod } from 'node:fs/promises';
import { requireRoot, UnsupportedError } from './identity.ts';
import { createPrivateDirectory } from './private-directory.ts';
import { tryTool } from './tool-run.ts';

export type TmpfsHandle = {
  /** The mount point; writing beyond its size fails with ENOSPC. */
  readonly path: string;
  stop(): Promise<void>;
};

/**
 * Mounts a file system of `sizeBytes` in memory, for tests of full disks; over the directory `over`, where one is given, which has to be there.
 * @throws UnsupportedError with the reason without root, or where mounting is not allowed (many containers).
 */
export async function startTmpfs(sizeBytes: number, over?: string): Promise<TmpfsHandle> {
  requireRoot('Mounting a tmpfs');
  const home = over === undefined ? await createPrivateDirectory('tmpfs') : { path: over, remove: async () => undefined };
  const mounted = await tryTool('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=0700`, 'holdfast-tmpfs', home.path]);
  if (mounted.code !== 0) {
    await home.remove();
    throw new UnsupportedError(`A tmpfs cannot be mounted here: ${mounted.stderr.trim()}`);
  }
  await chmod(home.path, 0o700);
  let isMounted = true;
  const stop = async (): Promise<void> => {
    if (isMounted) await unmount(home.path);
    isMounted = false;
    await home.remove();
  };
  return { path: home.path, stop };
}

/** A file somebody still holds open only delays the end of a lazily detached file system. */
async function unmount(path: string): Promise<void> {
  const plain = await tryTool('umount', [path]);
  if (plain.code === 0) return;
  const lazy = await tryTool('umount', ['--lazy', path]);
  if (lazy.code !== 0) throw new Error(`${path} cannot be unmounted: ${lazy.stderr.trim()}`);
}
