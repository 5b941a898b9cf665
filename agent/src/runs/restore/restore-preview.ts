/** What a restore of files would write, and what stands in its place. Looks only; what it says may change until the run. */
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { findParentPath, toStoredBytes } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { BROWSE } from '@holdfast/shared/limits.ts';
import type { RestorePreview } from '@holdfast/shared/protocol/browse.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { BrowseInput, ListedNode } from '../../engines/restic/browse.ts';
import { showName } from '../../engines/restic/classify.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import { findFreeBytes } from './files/restore-room.ts';

/** Looks at the disk at the same time. */
const LOOKS_AT_ONCE = 64;

type FileTarget = Exclude<RestoreTarget, { kind: 'database' }>;

async function findStats(path: string | Buffer): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}

/** What stands in the way of a node, in words; undefined when it can be written or replaced. */
function describeConflict({ path, type }: Pick<ListedNode, 'path' | 'type'>, standing: Stats): string | undefined {
  const here = standing.isDirectory() ? 'a directory' : standing.isSymbolicLink() ? 'a link' : 'a file';
  if (type === 'dir')
    return standing.isDirectory() ? undefined : `${showName(path)} is ${here} here and a directory in the snapshot`;
  return standing.isDirectory() ? `${showName(path)} is a directory here and none in the snapshot` : undefined;
}

interface Counted extends Pick<RestorePreview, 'files' | 'others' | 'bytes' | 'complete'> {
  nodes: ListedNode[];
}

async function countNodes(engine: ResticEngine, input: BrowseInput, paths: readonly string[], keep: boolean): Promise<Counted> {
  const counted: Counted = { files: 0, others: 0, bytes: 0, complete: true, nodes: [] };
  await engine.listBelow({
    ...input,
    paths,
    onNode(node) {
      if (node.type === 'file') {
        counted.files += 1;
        counted.bytes += node.sizeBytes;
      } else if (node.type !== 'dir' && node.type !== 'socket') counted.others += 1;
      if (keep) counted.nodes.push(node);
      counted.complete = counted.files + counted.others < BROWSE.previewedFiles;
      return counted.complete;
    },
  });
  return counted;
}

async function lookAtPlaces(nodes: readonly ListedNode[]): Promise<Pick<RestorePreview, 'existing' | 'conflicts'>> {
  let existing = 0;
  const conflicts: string[] = [];
  const lookAt = async (node: ListedNode) => {
    const standing = await findStats(node.path);
    if (!standing) return;
    const conflict = describeConflict(node, standing);
    if (conflict === undefined) existing += node.type === 'dir' ? 0 : 1;
    else if (conflicts.length < BROWSE.conflicts) conflicts.push(conflict);
  };
  for (let at = 0; at < nodes.length; at += LOOKS_AT_ONCE) await Promise.all(nodes.slice(at, at + LOOKS_AT_ONCE).map(lookAt));
  return { existing, conflicts };
}

async function lookAtNewPlace(target: Exclude<FileTarget, { kind: 'in_place' }>): Promise<string[]> {
  const { kind, path } = target;
  const standing = await findStats(path);
  if (!standing) return [];
  if (kind !== 'directory') return [`${showName(path)} exists`];
  if (!standing.isDirectory()) return [`${showName(path)} is no directory`];
  const entries = await readdir(path).catch(() => ['unreadable']);
  return entries.length > 0 ? [`${showName(path)} is not empty`] : [];
}

/** Reads the listing of the snapshot, not its data. Throws `not_found` for a path the snapshot does not hold. */
export async function previewRestore(engine: ResticEngine, input: BrowseInput, target: RestoreTarget): Promise<RestorePreview> {
  if (target.kind === 'database') throw new AppError('invalid', 'this preview is about files');
  const isInPlace = target.kind === 'in_place';
  const paths = target.kind === 'archive' || target.kind === 'file' ? [target.from] : (target.paths ?? ['/']);
  const { nodes, ...counted } = await countNodes(engine, input, paths, isInPlace);
  if (!isInPlace) {
    const conflicts = await lookAtNewPlace(target);
    const freeBytes = await findFreeBytes(dirname(target.path));
    return { ...counted, existing: 0, conflicts, ...(freeBytes === undefined ? {} : { freeBytes }) };
  }
  const freeBytes = await findFreeBytes(Buffer.from(toStoredBytes(findParentPath(paths[0] ?? '/'))).toString());
  return { ...counted, ...(await lookAtPlaces(nodes)), ...(freeBytes === undefined ? {} : { freeBytes }) };
}
