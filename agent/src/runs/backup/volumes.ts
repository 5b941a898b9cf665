/**
 * A disk or share that is not mounted looks like an empty directory, and its backup is green and empty. What was mounted in a tree at its last
 * clean backup has to be there again.
 */
import { opendir, readFile, realpath } from 'node:fs/promises';
import { RECORD } from '@holdfast/shared/limits.ts';
import type { EngineFailure } from '../../engines/restic/classify.ts';
import { isPartOf, listVolumes, type Tree } from './mounts.ts';

const MOUNTINFO = '/proc/self/mountinfo';
const NAMED = 5;
/** A share that is mounted when somebody enters its directory is waited for so long. */
const ENTER_MS = 10_000;

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

/** Exports below an export of NFS are mounted as they are entered, and go again when nobody was there for a while. */
async function enter(point: string): Promise<void> {
  const entered = opendir(point).then(
    (directory) => directory.close(),
    () => undefined,
  );
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ENTER_MS);
  });
  await Promise.race([entered, patience]);
  clearTimeout(timer);
}

async function look(tree: Tree, known: readonly string[]) {
  const read = async () => listVolumes(await readFile(MOUNTINFO, 'utf8'), tree);
  const seen = await read();
  const away = known.filter((point) => !seen.present.has(point));
  if (away.length === 0) return seen;
  await Promise.all(away.map(enter));
  return read();
}

/** Looks before the backup reads the tree. `known`: what was mounted at the last clean backup of the source. */
export async function watchVolumes(given: Tree, known: readonly string[]): Promise<VolumesWatch> {
  // Links on the way to a path lead to other file systems than its name does.
  const paths = await Promise.all(given.paths.map((path) => realpath(path).catch(() => path)));
  const tree = { ...given, paths };
  const expected = known.filter((point) => isPartOf(tree, point));
  const before = await look(tree, expected);
  const wanted = [...new Set([...expected, ...before.volumes])].toSorted();
  return {
    async finish() {
      const after = await look(tree, wanted);
      const missing = wanted.filter((point) => !before.present.has(point) || !after.present.has(point));
      const volumes = before.volumes.slice(0, RECORD.volumes);
      return missing.length === 0 ? { volumes } : { volumes, gap: describe(missing) };
    },
  };
}
