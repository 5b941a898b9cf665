/**
 * Private directories of runs: 0700, on tmpfs where the host has one, named by the agent alone, removed at the end
 * and swept at the next start.
 */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findStartTime, type ProcessIdentity } from './proc.ts';

/** Magic number of tmpfs in statfs(2). */
const TMPFS = 0x01021994;

export interface WorkDirs {
  readonly root: string;
  readonly onTmpfs: boolean;
  /**
   * Whether a path lies where only agents of this state directory put things: below it, or below the place for private directories that they
   * have under any of the candidates. Looks at names alone, so it holds for what is gone as well.
   */
  owns(path: string): boolean;
  /** A fresh directory; without blanks or user text in its name. */
  create(): string;
  remove(path: string): void;
  /**
   * Removes what an earlier agent of the same state directory left, and leaves what a living process made: a command by hand may be at work. Call
   * once, before the first `create`. Returns how many went.
   */
  sweep(): number;
  /** Removes the root when nothing is in it. */
  close(): void;
}

function isWritableTmpfs(path: string): boolean {
  try {
    if (statfsSync(path).type !== TMPFS) return false;
    rmSync(mkdtempSync(join(path, '.holdfast-')), { recursive: true });
    return true;
  } catch {
    return false;
  }
}

/** Makes or takes over `root`; false when something there is not a directory of ours, as anybody may place in a shared tmpfs. */
function claimRoot(root: string): boolean {
  try {
    mkdirSync(root, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
  }
  const found = lstatSync(root);
  if (!found.isDirectory() || found.uid !== process.geteuid?.()) return false;
  chmodSync(root, 0o700);
  return true;
}

/** Letters and digits alone; `isInUse` reads it. */
const nameOf = ({ pid, startTime }: ProcessIdentity): string => `run-${pid}s${startTime}d`;

function isInUse(name: string): boolean {
  const made = /^run-(\d+)s(\d+)d/.exec(name);
  return made !== null && findStartTime(Number(made[1])) === Number(made[2]);
}

/**
 * `candidates` in order of preference, such as `/run` and `/dev/shm`; falls back to the state directory. `owner` is whose directories are made:
 * this process.
 */
export function openWorkDirs(
  stateDir: string,
  candidates: readonly string[],
  // Whoever asks lives, and so has a start.
  owner: ProcessIdentity = { pid: process.pid, startTime: findStartTime(process.pid) as number },
): WorkDirs {
  // Several agents may share a machine: each state directory has its own root.
  const name = `holdfast-agent-${createHash('sha256').update(stateDir).digest('hex').slice(0, 16)}`;
  const onTmpfs = candidates
    .filter(isWritableTmpfs)
    .map((base) => join(base, name))
    .find(claimRoot);
  const root = onTmpfs ?? join(stateDir, 'work');
  if (onTmpfs === undefined) mkdirSync(root, { recursive: true, mode: 0o700 });
  const places = [resolve(stateDir), ...candidates.map((base) => resolve(base, name))];
  return {
    root,
    onTmpfs: onTmpfs !== undefined,
    owns: (path) => places.some((place) => resolve(path).startsWith(`${place}/`)),
    create() {
      // A command by hand that ended meanwhile may have removed the empty root.
      mkdirSync(root, { recursive: true, mode: 0o700 });
      return mkdtempSync(join(root, nameOf(owner)));
    },
    remove: (path) => rmSync(path, { recursive: true, force: true }),
    sweep() {
      const left = existsSync(root) ? readdirSync(root).filter((name) => !isInUse(name)) : [];
      for (const entry of left) rmSync(join(root, entry), { recursive: true, force: true });
      return left.length;
    },
    close() {
      if (existsSync(root) && readdirSync(root).length === 0) rmdirSync(root);
    },
  };
}
