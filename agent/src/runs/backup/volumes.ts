/**
 * A disk or share that is not mounted looks like an empty directory, and its backup is green and empty. What was mounted in a tree at its last
 * clean backup has to be there again.
 */
import { readFile, realpath } from 'node:fs/promises';
import { RECORD } from '@holdfast/shared/limits.ts';
import type { EngineFailure } from '../../engines/restic/classify.ts';
import { isPartOf, listVolumes, type Tree } from './mounts.ts';

const MOUNTINFO = '/proc/self/mountinfo';
const NAMED = 5;

export interface VolumesWatch {
  /** Called when the backup is over: what was mounted all the while, and what should have been and was not. */
  finish(): Promise<{ volumes: readonly string[]; gap?: EngineFailure | undefined }>;
}

function describe(missing: readonly string[]): EngineFailure {
  const named = missing.slice(0, NAMED).join(', ');
  const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more places` : '';
  const message = `Nothing is mounted at ${named}${more}, where a file system was at the last clean backup of this source; what it held is not in this one`;
  return { reason: 'volume_missing', message };
}

/** Looks before the backup reads the tree. `known`: what was mounted at the last clean backup of the source. */
export async function watchVolumes(given: Tree, known: readonly string[]): Promise<VolumesWatch> {
  // Links on the way to a path lead to other file systems than its name does.
  const paths = await Promise.all(given.paths.map((path) => realpath(path).catch(() => path)));
  const tree = { ...given, paths };
  const before = listVolumes(await readFile(MOUNTINFO, 'utf8'), tree);
  const wanted = [...new Set([...known.filter((point) => isPartOf(tree, point)), ...before.volumes])].toSorted();
  return {
    async finish() {
      const after = listVolumes(await readFile(MOUNTINFO, 'utf8'), tree);
      const missing = wanted.filter((point) => !before.present.has(point) || !after.present.has(point));
      const volumes = before.volumes.slice(0, RECORD.volumes);
      return missing.length === 0 ? { volumes } : { volumes, gap: describe(missing) };
    },
  };
}
