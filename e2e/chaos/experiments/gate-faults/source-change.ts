/** Files that change and vanish while they are backed up. Each must come back as it was at some moment, and all others as they were. */
import { appendFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Seed } from '../../seed.ts';
import type { Truth } from './sources.ts';

const CHANGES = 8;

/** Reads all files below a folder, by their path in it. */
async function readAll(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(files.map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'latin1')] as const)),
  );
}

/** Changes files one after the other until the run has ended or enough have changed; gives what a backup may hold. */
export async function changeTree(
  tree: string,
  seed: Seed,
  hasEnded: () => boolean,
  record: (what: string, facts: object) => void,
): Promise<Truth> {
  const held = await readAll(tree);
  /** For each changed file, whether it may be found so. */
  const changed = new Map<string, (found: string | undefined) => boolean>();
  for (const path of seed.shuffle([...held.keys()]).slice(0, CHANGES)) {
    if (hasEnded()) break;
    const before = held.get(path) ?? '';
    const full = join(tree, path);
    const act = seed.pick(['remove', 'replace', 'append'] as const);
    const added = `changed ${seed.int([0, 2 ** 31])}\n`.repeat(50);
    if (act === 'remove') {
      changed.set(path, (found) => found === undefined || found === before);
      await rm(full);
    } else if (act === 'replace') {
      changed.set(path, (found) => found === before || found === added);
      await writeFile(`${full}.new`, added);
      changed.set(`${path}.new`, (found) => found === undefined || added.startsWith(found));
      await rename(`${full}.new`, full);
    } else {
      changed.set(path, (found) => found !== undefined && found.length >= before.length && (before + added).startsWith(found));
      await appendFile(full, added);
    }
    record(act, { path });
    await pause(seed.int([1, 60]));
  }
  return {
    async compare(folder) {
      const found = await readAll(join(folder, tree)).catch(() => new Map<string, string>());
      const isRight = (path: string): boolean => changed.get(path)?.(found.get(path)) ?? held.get(path) === found.get(path);
      const wrong = [...new Set([...held.keys(), ...found.keys()])].filter((path) => !isRight(path));
      return wrong.length === 0 ? undefined : `${wrong.length} files are as they never were, the first is ${wrong[0]}`;
    },
  };
}
