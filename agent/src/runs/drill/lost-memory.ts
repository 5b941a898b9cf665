/**
 * PostgreSQL marks a running server with a piece of System V shared memory of a few bytes. A server that was killed leaves it, and the system
 * has room for a few thousand of them.
 */
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

const SEGMENTS = '/proc/sysvipc/shm';
/** The file has eight short lines. What lies in the directory is not trusted: it may be anything, and of any length. */
const FILE_BYTES = 4096;
/** The line that names the segment: its key and its number. */
const SEGMENT_LINE = 6;

interface Segment {
  key: number;
  id: number;
}

function readHead(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const head = Buffer.alloc(FILE_BYTES);
    return head.toString('latin1', 0, readSync(file, head, 0, FILE_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

function findNamed(path: string): Segment | undefined {
  try {
    const [key, id] = (readHead(path).split('\n')[SEGMENT_LINE] ?? '').trim().split(/\s+/).map(Number);
    return Number.isSafeInteger(key) && Number.isSafeInteger(id) ? { key: key ?? 0, id: id ?? 0 } : undefined;
  } catch {
    return undefined;
  }
}

/** Segments of this account that nobody uses, by number: with the key under which each was made. Pure. */
export function parseUnused(text: string, uid: number): ReadonlyMap<number, number> {
  const [head = '', ...lines] = text.trim().split('\n');
  const columns = head.trim().split(/\s+/);
  const rows = lines.map((line) => {
    const values = line.trim().split(/\s+/).map(Number);
    return new Map(columns.map((name, place) => [name, values[place] ?? Number.NaN]));
  });
  const unused = rows.filter((row) => row.get('uid') === uid && row.get('nattch') === 0);
  return new Map(unused.map((row) => [row.get('shmid') ?? Number.NaN, row.get('key') ?? Number.NaN]));
}

/** Numbers of segments that servers below `root` left: named by one of them, of this account, in use by nobody. */
export function listLostSegments(root: string, uid: number): readonly number[] {
  try {
    const unused = parseUnused(readFileSync(SEGMENTS, 'latin1'), uid);
    return readdirSync(root).flatMap((entry) => {
      const named = findNamed(join(root, entry, 's/data/postmaster.pid'));
      return named && unused.get(named.id) === named.key ? [named.id] : [];
    });
  } catch {
    // No such directory, or a kernel that does not tell.
    return [];
  }
}
