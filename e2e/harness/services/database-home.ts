import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort, isPortFree } from './free-port.ts';
import { isReachableByAll } from './guard.ts';
import { findServiceIdentity, type Identity } from './identity.ts';
import { createPrivateDirectory } from './private-directory.ts';

/** Where a database server keeps its files and who it runs as. */
export type DatabaseHome = {
  readonly path: string;
  readonly port: number;
  readonly password: string;
  readonly identity: Identity | undefined;
  readonly passDirectories: boolean;
  /** False for a directory the caller named: it stays, and the next start finds data, password and port again. */
  readonly isTemporary: boolean;
  remove(): Promise<void>;
};

type Endpoint = { readonly port: number; readonly password: string };

/**
 * Opens the home of a database server: a fresh private directory, or `dir` with what an earlier start left there.
 * A remembered port that is taken by now is replaced by a free one.
 */
export async function openDatabaseHome(purpose: string, accounts: readonly string[], dir?: string): Promise<DatabaseHome> {
  const identity = findServiceIdentity(accounts);
  const temporary = dir === undefined ? await createPrivateDirectory(purpose, identity) : undefined;
  const path = temporary?.path ?? (await openKeptDirectory(dir ?? '', identity));
  const earlier = temporary === undefined ? await findEndpoint(path) : undefined;
  const port = earlier !== undefined && (await isPortFree(earlier.port)) ? earlier.port : await findFreePort();
  const password = earlier?.password ?? randomBytes(18).toString('base64url');
  if (temporary === undefined) await writeFile(join(path, 'endpoint.json'), JSON.stringify({ port, password }), { mode: 0o600 });
  return {
    path,
    port,
    password,
    identity,
    passDirectories: !isReachableByAll(path),
    isTemporary: temporary !== undefined,
    remove: async () => await temporary?.remove(),
  };
}

async function openKeptDirectory(path: string, identity: Identity | undefined): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  if (identity !== undefined) await chown(path, identity.uid, identity.gid);
  return path;
}

async function findEndpoint(path: string): Promise<Endpoint | undefined> {
  const text = await readFile(join(path, 'endpoint.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const stored: unknown = JSON.parse(text);
  if (typeof stored !== 'object' || stored === null || !('port' in stored) || !('password' in stored)) return undefined;
  return { port: Number(stored.port), password: String(stored.password) };
}
