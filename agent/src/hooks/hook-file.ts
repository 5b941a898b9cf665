/**
 * Finds a hook and proves that only those who may command this host can have written it.
 *
 * Between a look at a path and its use, the path may come to lead elsewhere. So nothing is judged by its path: the directory is opened, the file is
 * opened inside it without following a link, and both are judged by their descriptors; the descriptor is then what gets
 * executed. Whatever the name leads to meanwhile, the script that runs is the one that was judged.
 */
import { accessSync, closeSync, constants, fstatSync, lstatSync, openSync, realpathSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A descriptor the caller closes, or what to do about it; `missing` where there is nothing of that name. */
export type Opened = { fd: number; problem?: undefined } | { fd?: undefined; problem: string; missing?: boolean };

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const SETS_IDENTITY = 0o6000;

function getErrorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

function isTrustedOwner(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function judgeOwner(path: string, found: Stats): string | undefined {
  if (isTrustedOwner(found.uid)) return undefined;
  return `${path} belongs to user id ${found.uid}, who could change what this host runs. Give it to root: chown root ${path}`;
}

function judgeMode(path: string, found: Stats): string | undefined {
  if ((found.mode & WRITABLE_BY_OTHERS) === 0) return undefined;
  return `${path} can be changed by others. Take that away: chmod go-w ${path}`;
}

function judgeWriters(path: string, found: Stats): string | undefined {
  return judgeOwner(path, found) ?? judgeMode(path, found);
}

/** Who may write to a directory above can put another one in place; not so in a sticky one, where everybody has only their own. */
function judgeAncestors(directory: string): string | undefined {
  for (let path = dirname(directory); ; path = dirname(path)) {
    const found = lstatSync(path);
    const problem = judgeOwner(path, found) ?? ((found.mode & STICKY) === 0 ? judgeMode(path, found) : undefined);
    if (problem !== undefined) return problem;
    if (path === '/') return undefined;
  }
}

/** Opens the directory of hooks when only root and the agent's own user can change what lies in it. */
export function openHookDirectory(directory: string): Opened {
  const path = resolve(directory);
  let fd: number | undefined;
  try {
    const real = realpathSync(path);
    if (real !== path) return { problem: `${path} leads through a symbolic link. Set HOLDFAST_HOOKS_DIR to ${real}` };
    fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const problem = judgeWriters(path, fstatSync(fd)) ?? judgeAncestors(path);
    if (problem === undefined) return { fd };
    closeSync(fd);
    return { problem };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    const code = getErrorCode(error);
    if (code === 'ENOENT') return { problem: `${path} does not exist. Make it: install -d -m 0755 ${path}`, missing: true };
    if (code === 'ENOTDIR') return { problem: `${path} is not a directory` };
    return { problem: `${path} cannot be looked into by the agent (${code})` };
  }
}

function judgeScript(path: string, fd: number): string | undefined {
  const found = fstatSync(fd);
  if (!found.isFile()) return `${path} is not a regular file. Put the script itself there`;
  const writers = judgeWriters(path, found);
  if (writers !== undefined) return writers;
  if ((found.mode & SETS_IDENTITY) !== 0) {
    return `${path} changes its user or group when it starts, and would then outlive a killed agent: chmod ug-s ${path}`;
  }
  try {
    accessSync(`/proc/self/fd/${fd}`, constants.X_OK);
  } catch {
    const mounted = (found.mode & 0o111) === 0 ? '' : ', and see that its file system is not mounted noexec';
    return `${path} cannot be executed by the agent: chmod 0755 ${path}${mounted}`;
  }
  return undefined;
}

/** Opens one hook inside an opened directory. `name` is a plain name; `directory` is only for messages. */
export function openHookFile(directoryFd: number, directory: string, name: string): Opened {
  const path = join(directory, name);
  let fd: number;
  try {
    // Without blocking: opening a FIFO would wait for somebody to write to it.
    fd = openSync(`/proc/self/fd/${directoryFd}/${name}`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const code = getErrorCode(error);
    if (code === 'ENOENT') {
      return { problem: `${path} does not exist. Install the script there: install -m 0755 ${name} ${path}`, missing: true };
    }
    if (code === 'ELOOP') return { problem: `${path} is a symbolic link. Put the script itself there` };
    if (code === 'EACCES') return { problem: `${path} cannot be read by the agent: chmod 0755 ${path}` };
    return { problem: `${path} cannot be opened (${code})` };
  }
  const problem = judgeScript(path, fd);
  if (problem === undefined) return { fd };
  closeSync(fd);
  return { problem };
}
