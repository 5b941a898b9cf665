/** Plans restic's commands that look into snapshots, or write a part of one to standard output. Pure, like `args.ts`. */
import type { Command } from '@holdfast/shared/adapters/command.ts';
import { isPlainText } from '@holdfast/shared/domain/stored-path.ts';
import { checkSnapshot, plan, type ResticPlace, refuse } from './args.ts';

const FULL_ID = /^[0-9a-f]{64}$/;
/** Letters of arguments that one command may carry: a part of what the system allows. */
const ARGUMENT_CHARS = 512 * 1024;

/** A path inside a snapshot as an argument of restic, which takes only what is UTF-8. */
function checkStored(path: string): string {
  if (!path.startsWith('/') || path.includes('\0')) refuse('a path inside a snapshot is absolute and without NUL');
  if (!isPlainText(path)) refuse('this name is not UTF-8; choose the directory it lies in');
  return path;
}

function checkAll(paths: readonly string[]): string[] {
  const checked = paths.map(checkStored);
  if (checked.reduce((sum, path) => sum + path.length, 0) > ARGUMENT_CHARS) refuse('too many paths for one command');
  return checked;
}

/** One directory by the id of its tree. */
export function planCatTreeById(place: ResticPlace, treeId: string): Command {
  if (!FULL_ID.test(treeId)) refuse('this is not the id of a tree');
  return plan(place, { name: 'cat', args: ['--', 'blob', treeId], noLock: true });
}

/** One directory by its path; only where restic has `treeByPath`. */
export function planCatTreeByPath(place: ResticPlace, snapshotId: string, path: string): Command {
  return plan(place, {
    name: 'cat',
    args: ['--', 'tree', `${checkSnapshot(snapshotId)}:${checkStored(path)}`],
    noLock: true,
  });
}

/** What lies in these directories, without what is deeper. */
export function planListDirectories(place: ResticPlace, snapshotId: string, paths: readonly string[]): Command {
  return plan(place, { name: 'ls', args: ['--', checkSnapshot(snapshotId), ...checkAll(paths)], noLock: true });
}

/** Everything at and below these paths. */
export function planListBelow(place: ResticPlace, snapshotId: string, paths: readonly string[]): Command {
  const asked = paths.includes('/') ? [] : checkAll(paths);
  const args = [...(asked.length === 0 ? [] : ['--recursive']), '--', checkSnapshot(snapshotId), ...asked];
  return plan(place, { name: 'ls', args, noLock: true });
}

/**
 * What in the snapshot has a name with `name` in it, whatever its case. `*` and `?` mean what they mean in a shell, and then the whole name
 * must fit; everything else stands for itself.
 */
export function planFind(place: ResticPlace, snapshotId: string, name: string): Command {
  if (name === '' || /[\0/]/.test(name)) refuse('a name to search for is not empty and has no slash');
  const literal = name.replaceAll(/[\\[\]]/g, (character) => `\\${character}`);
  const pattern = /[*?]/.test(name) ? literal : `*${literal}*`;
  const args = ['--ignore-case', `--snapshot=${checkSnapshot(snapshotId)}`, '--', pattern];
  return plan(place, { name: 'find', args, noLock: true });
}

export function planDiff(place: ResticPlace, olderId: string, newerId: string): Command {
  return plan(place, { name: 'diff', args: ['--', checkSnapshot(olderId), checkSnapshot(newerId)], noLock: true });
}

/** Writes one file, or a directory as an archive, to standard output. */
export function planDumpPath(
  place: ResticPlace,
  input: { snapshotId: string; path: string; archive?: 'tar' | 'zip' | undefined },
): Command {
  const form = input.archive === undefined ? [] : [`--archive=${input.archive}`];
  const args = [...form, '--', checkSnapshot(input.snapshotId), checkStored(input.path)];
  return plan(place, { name: 'dump', args, noLock: true, quiet: true });
}
