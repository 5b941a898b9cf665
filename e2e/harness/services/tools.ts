import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { UnsupportedError } from './identity.ts';
import { tryTool } from './tool-run.ts';

const checkout = join(import.meta.dirname, '../../..');
const programFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const setupHint = 'run "node scripts/setup.ts test"';

/** Which generation of restic: before or after it learned exit codes by cause and `--stdin-from-command` (0.17). */
export type ResticGeneration = 'old' | 'new';

export type ResticTool = { readonly generation: ResticGeneration; readonly version: string; readonly path: string };

/** Finds a program in the system's own folders, else unpacked in the checkout's `.tools`. */
export function findTool(program: string): string | undefined {
  const candidates = programFolders.map((folder) => join(folder, program));
  return [...candidates, ...globSync(join(checkout, '.tools/*/usr/bin', program))].find((path) => existsSync(path));
}

/** @throws UnsupportedError when the program is nowhere. */
export function getTool(program: string): string {
  const path = findTool(program);
  if (path === undefined) throw new UnsupportedError(`${program} is not installed; ${setupHint}.`);
  return path;
}

/** Every restic there is, the system's first; each asked for its version. */
export async function listRestics(): Promise<ResticTool[]> {
  const system = programFolders.map((folder) => join(folder, 'restic')).filter((path) => existsSync(path));
  const tools: ResticTool[] = [];
  for (const path of [...system.slice(0, 1), ...globSync(join(checkout, '.tools/*/usr/bin/restic'))]) {
    const outcome = await tryTool(path, ['version']);
    const version = /^restic (\d+\.\d+\.\d+)/.exec(outcome.stdout)?.[1];
    if (version !== undefined) tools.push({ generation: classifyRestic(version), version, path });
  }
  return tools;
}

export async function findRestic(generation: ResticGeneration): Promise<ResticTool | undefined> {
  return (await listRestics()).find((tool) => tool.generation === generation);
}

/** @throws UnsupportedError when no restic of that generation is installed. */
export async function getRestic(generation: ResticGeneration): Promise<ResticTool> {
  const tool = await findRestic(generation);
  if (tool === undefined) throw new UnsupportedError(`No ${generation} restic is installed; ${setupHint}.`);
  return tool;
}

/** The programs of the newest installed PostgreSQL: `<folder>/postgres`, `initdb`, `psql`, `pg_dump`, … */
export function getPostgresFolder(): string {
  const folders = globSync('/usr/lib/postgresql/*/bin').filter((folder) => existsSync(join(folder, 'postgres')));
  const newest = folders.sort((left, right) => readMajor(left) - readMajor(right)).at(-1);
  if (newest === undefined) throw new UnsupportedError(`No PostgreSQL server is installed; ${setupHint}.`);
  return newest;
}

export function getSftpServer(): string {
  const path = ['/usr/lib/openssh/sftp-server', '/usr/libexec/openssh/sftp-server'].find((candidate) => existsSync(candidate));
  if (path === undefined) throw new UnsupportedError(`sftp-server is not installed; ${setupHint}.`);
  return path;
}

export function getChromium(): string {
  return getTool('chromium-headless-shell');
}

export function getRestServer(): string {
  return getTool('restic-rest-server');
}

export function classifyRestic(version: string): ResticGeneration {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 0 || minor >= 17 ? 'new' : 'old';
}

function readMajor(folder: string): number {
  return Number(/postgresql\/(\d+)/.exec(folder)?.[1] ?? 0);
}
