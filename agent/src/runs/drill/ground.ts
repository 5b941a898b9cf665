/**
 * Where drills restore to: a private directory each, gone afterwards, also after a crash. What comes out of a backup is not trusted: under an
 * agent that is root it is served by an account without rights, from a directory that this account can reach, and without network.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { listLostSegments } from './lost-memory.ts';

/** Beneath this the path of a socket fits into its address on every system. */
const PATH_BYTES = 78;
/** Whom servers run as that refuse root; every system has it, and nothing of value belongs to it. */
const ACCOUNT = 'nobody';
/** A server that was killed may still be writing as its directory goes. */
const REMOVAL_TRIES = 10;
const REMOVAL_WAIT_MS = 100;

export interface DrillAccount {
  uid: number;
  gid: number;
}

/** A directory of one drill. */
export interface DrillDir {
  /** Only the agent writes here; the account may pass through. */
  path: string;
  /** The account's own. */
  serverDir: string;
}

export interface DrillGround {
  /** Whom throw-away servers run as; undefined: the agent's own account. */
  readonly account: DrillAccount | undefined;
  /** Where programs of servers are looked for, folders separated by `:`. */
  readonly toolPath: string;
  /** Whether a path lies in a directory of a drill of this agent, also one that is gone. */
  owns(path: string): boolean;
  /** Throws `target_refused` where there is no place. */
  create(): DrillDir;
  /** Room for drills, in bytes. */
  measureRoom(): number;
  /** A file in `path` that the account can read and nobody else. */
  writeFile(path: string, content: string): void;
  /** A directory of the drill that only the agent may enter. */
  seclude(dir: DrillDir): string;
  remove(dir: Pick<DrillDir, 'path'>): Promise<void>;
  /** Shared memory that servers of an earlier agent left, to be asked before `sweep`; numbers for ipcrm(1). */
  listLostSegments(): readonly number[];
  /** Removes what an earlier agent left, once its processes are gone; tells how many directories. */
  sweep(): Promise<number>;
}

export interface DrillGroundOptions {
  stateDir: string;
  /** Where to restore to, absolute; chosen by the rights of the agent unless given. */
  drillDir?: string | undefined;
  isRoot: boolean;
  toolPath: string;
}

function findAccount(): DrillAccount | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${ACCOUNT}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** Makes or takes over the directory of all drills; in a place that all may write to, somebody else may have made it. */
function claimRoot(root: string, mode: number): void {
  try {
    mkdirSync(root, { mode, recursive: false });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EEXIST')
      throw createReasonError('target_refused', `${root} cannot be made (${code ?? 'unknown error'})`, error);
    const found = lstatSync(root);
    if (!found.isDirectory() || found.uid !== process.geteuid?.() || (found.mode & 0o022) !== 0)
      throw createReasonError('target_refused', `${root} belongs to somebody else, or others may write to it`);
  }
  // A mask that takes more away than usual would keep the account out.
  chmodSync(root, mode);
}

/** Directories that came out of a backup may forbid their own removal to an ordinary user. */
async function openUp(path: Buffer): Promise<void> {
  const found = await lstat(path);
  if (!found.isDirectory()) return;
  if ((found.mode & 0o700) !== 0o700) await chmod(path, found.mode | 0o700);
  for (const entry of await readdir(path, { withFileTypes: true, encoding: 'buffer' }))
    if (entry.isDirectory()) await openUp(Buffer.concat([path, Buffer.from('/'), entry.name]));
}

function findExisting(path: string): string {
  return existsSync(path) ? path : findExisting(dirname(path));
}

function removeEmpty(path: string): void {
  if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path);
}

async function removeTree(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const options = { recursive: true, force: true, maxRetries: REMOVAL_TRIES, retryDelay: REMOVAL_WAIT_MS };
  try {
    await rm(path, options);
  } catch {
    await openUp(Buffer.from(path));
    await rm(path, options);
  }
}

export function openDrillGround({ stateDir, drillDir, isRoot, toolPath }: DrillGroundOptions): DrillGround {
  // The state directory is closed to the account; each agent of a machine has a place of its own.
  const name = `holdfast-agent-${createHash('sha256').update(stateDir).digest('hex').slice(0, 16)}`;
  const root = isRoot ? join(drillDir ?? '/var/tmp', name) : join(drillDir ?? stateDir, 'drills');
  const account = isRoot ? findAccount() : undefined;
  return {
    account,
    toolPath,
    owns: (path) => resolve(path).startsWith(`${resolve(root)}/`),
    create() {
      if (isRoot && account === undefined)
        throw createReasonError('target_refused', `There is no account ${ACCOUNT} on this host to run a throw-away server as`);
      if (Buffer.byteLength(root) > PATH_BYTES)
        throw createReasonError(
          'target_refused',
          `${root} is too long a path for a socket; set HOLDFAST_DRILL_DIR to a shorter one`,
        );
      if (/[\s,'"\\]/.test(root))
        throw createReasonError('target_refused', `${root} has characters that a server cannot be given; set HOLDFAST_DRILL_DIR`);
      claimRoot(root, isRoot ? 0o711 : 0o700);
      const path = mkdtempSync(join(root, 'd-'));
      const serverDir = join(path, 's');
      mkdirSync(serverDir, { mode: 0o700 });
      if (account) {
        chownSync(serverDir, account.uid, account.gid);
        chmodSync(path, 0o711);
      }
      return { path, serverDir };
    },
    measureRoom() {
      const { bavail, bsize } = statfsSync(findExisting(root));
      return bavail * bsize;
    },
    writeFile(path, content) {
      rmSync(path, { force: true });
      const file = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600);
      try {
        if (account) fchownSync(file, account.uid, account.gid);
        writeSync(file, content);
      } finally {
        closeSync(file);
      }
    },
    seclude({ path }) {
      const secluded = join(path, 'f');
      mkdirSync(secluded, { mode: 0o700 });
      return secluded;
    },
    async remove({ path }) {
      await removeTree(path);
      removeEmpty(root);
    },
    listLostSegments: () => listLostSegments(root, account?.uid ?? process.geteuid?.() ?? 0),
    async sweep() {
      const left = existsSync(root) && lstatSync(root).isDirectory() ? readdirSync(root) : [];
      for (const entry of left) await removeTree(join(root, entry));
      removeEmpty(root);
      return left.length;
    },
  };
}
