import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Identity } from './identity.ts';
import { tryTool } from './tool-run.ts';

export type PrivateDirectory = { readonly path: string; remove(): Promise<void> };

const prefix = 'holdfast-svc';

/**
 * Makes a 0700 directory under the system's temporary folder, owned by `owner` when given. Its name carries the process that
 * made it, so that directories of killed tests are recognised and removed by the next one.
 */
export async function createPrivateDirectory(purpose: string, owner?: Identity): Promise<PrivateDirectory> {
  await removeAbandonedDirectories();
  const path = await mkdtemp(join(tmpdir(), `${prefix}-${getNamespace()}-${process.pid}-${purpose}-`));
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  return { path, remove: () => removeDirectory(path) };
}

/** Removes a directory, patiently: a dying process may still be writing into it. */
export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

async function removeAbandonedDirectories(): Promise<void> {
  const pattern = new RegExp(`^${prefix}-${getNamespace()}-([0-9]+)-`);
  for (const name of readdirSync(tmpdir())) {
    const maker = pattern.exec(name)?.[1];
    if (maker === undefined || existsSync(`/proc/${maker}`)) continue;
    if (isMounted(join(tmpdir(), name))) await tryTool('umount', ['--lazy', join(tmpdir(), name)]);
    await removeDirectory(join(tmpdir(), name)).catch(() => undefined);
  }
}

function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `);
}

/** Process numbers mean nothing outside their namespace; a shared temporary folder may be seen from several. */
function getNamespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
}
