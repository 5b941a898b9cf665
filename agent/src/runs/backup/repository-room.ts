/**
 * Whether a repository on a disk of this host has room for what a backup is expected to add, asked before anything is read: a dump that fills
 * the disk costs its time, and often the database whose files lie beside it.
 */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { findFreeBytes } from '../../host/free-bytes.ts';

/** What a backup may add, in bytes. */
interface Growth {
  /** Less room than this has never been enough, so nothing is begun. */
  leastBytes: number;
  /** With less room than this, a person should look. */
  likelyBytes: number;
  /** What these figures are, for a sentence. */
  basis: string;
}

/** Earlier backups that are looked at, and how many there must be: the first one adds everything and says nothing of those after it. */
export const GROWTH_HISTORY = { looked: 5, least: 2 } as const;
/** How much more than last time a backup may add before it is a surprise. */
const MARGIN = 1.25;
/** Share of a database's size that its first backup takes at the least: no index is dumped, and what is, is stored compressed. */
const LEAST_SHARE = 1 / 8;

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Rounded to what a person reads at a glance. */
function sayBytes(bytes: number): string {
  if (bytes >= GIB) return `${(bytes / GIB).toFixed(1)} GiB`;
  return bytes >= MIB ? `${(bytes / MIB).toFixed(1)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;
}

/**
 * What the next backup of a source may add to a repository. `added`: what the newest ones added, newest first, at most
 * `GROWTH_HISTORY.looked`; `sourceBytes`: the size of the source, where it tells one. Undefined: nothing can be said. Pure.
 */
export function expectGrowth(added: readonly number[], sourceBytes: number | undefined): Growth | undefined {
  const [newest] = added;
  if (newest === undefined) {
    if (sourceBytes === undefined) return undefined;
    const basis = `its first backup of a database of ${sayBytes(sourceBytes)}`;
    return { leastBytes: sourceBytes * LEAST_SHARE, likelyBytes: sourceBytes, basis };
  }
  if (added.length < GROWTH_HISTORY.least) return undefined;
  // What has shrunk since adds no more than it has.
  const most = sourceBytes ?? Number.POSITIVE_INFINITY;
  const basis = `the last ${added.length} backups of it, the newest of which added ${sayBytes(newest)}`;
  return { leastBytes: Math.min(...added, most), likelyBytes: Math.min(newest * MARGIN, most), basis };
}

export interface RoomLook {
  /** The repository's directory on this host. */
  path: string;
  /** See `expectGrowth`. */
  added: readonly number[];
  sourceBytes: number | undefined;
}

/**
 * Throws `repository_full` where there is surely too little room; gives a sentence where there may be too little. A disk that does not say
 * how much it has left stops nothing.
 */
export async function checkRoom({ path, added, sourceBytes }: RoomLook): Promise<string | undefined> {
  const growth = expectGrowth(added, sourceBytes);
  if (growth === undefined) return undefined;
  const freeBytes = await findFreeBytes(path);
  if (freeBytes === undefined || freeBytes >= growth.likelyBytes) return undefined;
  const left = `The disk of ${path} has ${sayBytes(freeBytes)} left`;
  if (freeBytes < growth.leastBytes)
    throw createReasonError(
      'repository_full',
      `${left}, and this backup needs at least ${sayBytes(growth.leastBytes)}, going by ${growth.basis}. So nothing was read or stored.`,
    );
  return `${left}, and this backup may need ${sayBytes(growth.likelyBytes)}, going by ${growth.basis}. Make room before it is full.`;
}
