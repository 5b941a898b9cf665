/**
 * What a restored tree could give to others who reach it: programs that run as their owner, and nodes of devices. Beside what is there nobody
 * relies on them yet, so they come only where somebody asked for them; in their own place they come always.
 */
import { chmod, lchown, lstat, readdir, unlink } from 'node:fs/promises';
import { showName } from '../../../engines/restic/classify.ts';
import type { RestorePart } from '../restore-part.ts';
import { joinBytes } from './restore-staging.ts';

/** Entries that the log names; the rest are counted. */
const NAMED = 200;
const SET_BITS = 0o6000;
const MODE = 0o7777;

interface Dropped {
  setBits: number;
  devices: number;
}

interface Walk {
  /** Capabilities of files are set and taken by root alone. */
  isRoot: boolean;
  dropped: Dropped;
  onDrop(what: string, path: Buffer): void;
}

async function drop(walk: Walk, directory: Buffer): Promise<void> {
  const { dropped, onDrop, isRoot } = walk;
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: 'buffer' })) {
    const path = joinBytes(directory, entry.name);
    if (entry.isDirectory()) await drop(walk, path);
    else if (entry.isBlockDevice() || entry.isCharacterDevice()) {
      await unlink(path);
      dropped.devices += 1;
      onDrop('left out, a device', path);
    } else if (entry.isFile()) {
      const { mode, uid, gid } = await lstat(path);
      // The kernel takes the capabilities from a file that is given to somebody, also to whom it belongs.
      if (isRoot) await lchown(path, uid, gid);
      if ((mode & SET_BITS) === 0) continue;
      await chmod(path, mode & MODE & ~SET_BITS);
      dropped.setBits += 1;
      onDrop('without its setuid and setgid bits', path);
    }
  }
}

/**
 * Takes setuid and setgid bits and capabilities from all files below a private directory, and devices out of it. Directories keep their setgid
 * bit, which only passes on a group. Returns a sentence for the result where there was anything to take; undefined otherwise.
 */
export async function dropPrivileges({ recorder }: Pick<RestorePart, 'recorder'>, staging: string): Promise<string | undefined> {
  const dropped: Dropped = { setBits: 0, devices: 0 };
  let named = 0;
  await drop(
    {
      isRoot: process.geteuid?.() === 0,
      dropped,
      onDrop(what, path) {
        if (named < NAMED) recorder.log('warn', `${what}: ${showName(path.subarray(Buffer.byteLength(staging)).toString())}`);
        named += 1;
      },
    },
    Buffer.from(staging),
  );
  if (named > NAMED) recorder.log('warn', `and ${named - NAMED} more`);
  return describe(dropped);
}

function describe({ setBits, devices }: Dropped): string | undefined {
  const parts = [
    ...(setBits > 0 ? [`${setBits === 1 ? 'one file came' : `${setBits} files came`} without setuid and setgid bits`] : []),
    ...(devices > 0 ? [`${devices === 1 ? 'one device was' : `${devices} devices were`} left out`] : []),
  ];
  if (parts.length === 0) return undefined;
  return `Outside of its place ${parts.join(', and ')}, because nobody asked to keep them`;
}
