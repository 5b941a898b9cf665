/** Which server, and with which key: from the environment, or from a file that only its owner may read. */
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { createUsageError } from './exit.ts';

export interface CliEnvironment {
  server?: string | undefined;
  key?: string | undefined;
  keyFile?: string | undefined;
  /** Where the login is kept. */
  configDir: string;
}

export interface Login {
  /** Without a slash at the end. */
  server: string;
  key: string;
}

const keySchema = z.string().regex(/^hfk_[A-Za-z0-9_-]{43}$/, 'is not an API key: hfk_ and 43 more characters');
const loginSchema = z.strictObject({ server: z.string().max(2000), key: keySchema });

/** Takes the environment apart once; empty values count as absent. */
export function readCliEnvironment(env: Readonly<Record<string, string | undefined>>): CliEnvironment {
  const find = (name: string) => (env[name] === '' ? undefined : env[name]);
  const home = find('XDG_CONFIG_HOME') ?? join(find('HOME') ?? '/', '.config');
  return {
    server: find('HOLDFAST_SERVER_URL'),
    key: find('HOLDFAST_API_KEY'),
    keyFile: find('HOLDFAST_API_KEY_FILE'),
    configDir: join(home, 'holdfast'),
  };
}

function loginPath({ configDir }: CliEnvironment): string {
  return join(configDir, 'login.json');
}

/** `https://backup.example.com`, or with a path below which the server is served. */
export function parseServer(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw createUsageError(`${text} is not the address of a server, such as https://backup.example.com`);
  }
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '')
    throw createUsageError('the address of a server begins with https:// or http:// and holds no user name');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** Whether the key would cross a network in the clear. */
export function isExposed(server: string): boolean {
  const { protocol, hostname } = new URL(server);
  return protocol === 'http:' && !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

export function parseKey(text: string): string {
  const parsed = keySchema.safeParse(text.trim());
  if (!parsed.success) throw createUsageError('that is not an API key; `holdfast-server api-key create` makes one');
  return parsed.data;
}

/** A file with a secret that others may read is refused: whoever read it once has the key. */
export async function readPrivate(path: string): Promise<string | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw createUsageError(`${path} cannot be read (${error.code})`);
  });
  if (found === undefined) return undefined;
  if ((found.mode & 0o077) !== 0) throw createUsageError(`${path} can be read by others; make it yours alone: chmod 600 ${path}`);
  return await readFile(path, 'utf8');
}

export async function readKeyFile(path: string): Promise<string> {
  const text = await readPrivate(path);
  if (text === undefined) throw createUsageError(`there is no file ${path}`);
  return parseKey(text);
}

async function findStored(environment: CliEnvironment): Promise<Login | undefined> {
  const path = loginPath(environment);
  const text = await readPrivate(path);
  if (text === undefined) return undefined;
  try {
    return loginSchema.parse(JSON.parse(text));
  } catch {
    throw createUsageError(`${path} is damaged; sign in again with holdfast login`);
  }
}

/** The environment wins over the file, so that a script needs no login of its own. */
export async function findLogin(environment: CliEnvironment, options: { server?: string | undefined } = {}): Promise<Login> {
  const stored = await findStored(environment);
  const server = options.server ?? environment.server ?? stored?.server;
  if (server === undefined)
    throw createUsageError(
      'which server? sign in with holdfast login --server URL, or set HOLDFAST_SERVER_URL and HOLDFAST_API_KEY_FILE',
    );
  const address = parseServer(server);
  if (environment.key !== undefined && environment.keyFile !== undefined)
    throw createUsageError('HOLDFAST_API_KEY and HOLDFAST_API_KEY_FILE are both set; one of them is enough');
  const given = environment.key !== undefined ? parseKey(environment.key) : undefined;
  const key = given ?? (environment.keyFile === undefined ? undefined : await readKeyFile(environment.keyFile));
  if (key !== undefined) return { server: address, key };
  // A key is only ever sent to the server it was made for.
  if (stored === undefined || stored.server !== address)
    throw createUsageError(`there is no key for ${address}; sign in with holdfast login --server ${address}`);
  return stored;
}

export async function storeLogin(environment: CliEnvironment, login: Login): Promise<string> {
  const path = loginPath(environment);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  await writeFile(fresh, `${JSON.stringify(login)}\n`, { mode: 0o600, flag: 'wx' });
  await chmod(fresh, 0o600);
  await rename(fresh, path);
  return path;
}

/** Whether there was one. The key itself stays valid at the server until it is revoked there. */
export async function removeLogin(environment: CliEnvironment): Promise<boolean> {
  const path = loginPath(environment);
  const isThere = (await stat(path).catch(() => undefined)) !== undefined;
  await rm(path, { force: true });
  return isThere;
}
