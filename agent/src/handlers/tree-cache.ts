/** Directories of snapshots that were read a moment ago, in memory: a start of restic costs half a second, and pages come one after another. */
import type { Clock } from '@holdfast/shared/clock.ts';
import { findParentPath, splitStoredPath } from '@holdfast/shared/domain/stored-path.ts';
import type { KnownTrees } from '../engines/restic/browse.ts';
import type { TreeNode } from '../engines/restic/tree-parse.ts';

export interface TreeCacheLimits {
  cachedEntries: number;
  cachedMs: number;
}

export interface TreeCache {
  /** Undefined when it is not known, or no longer. */
  find(engineId: string, path: string): readonly TreeNode[] | undefined;
  /** What readers of one snapshot may know and leave. */
  of(engineId: string): KnownTrees;
}

interface Kept {
  nodes: readonly TreeNode[];
  at: number;
}

/** The id of a snapshot is the hash of its record, so it names the same content in every repository. */
export function createTreeCache(clock: Pick<Clock, 'monotonicMs'>, limits: TreeCacheLimits): TreeCache {
  const kept = new Map<string, Kept>();
  let entries = 0;
  const weigh = ({ nodes }: Kept) => nodes.length + 1;

  const drop = (key: string) => {
    const old = kept.get(key);
    if (old && kept.delete(key)) entries -= weigh(old);
  };
  const find: TreeCache['find'] = (engineId, path) => {
    const key = `${engineId}${path}`;
    const one = kept.get(key);
    if (!one) return undefined;
    drop(key);
    if (clock.monotonicMs() - one.at > limits.cachedMs) return undefined;
    // Looked at last, so it goes last.
    kept.set(key, one);
    entries += weigh(one);
    return one.nodes;
  };
  return {
    find,
    of: (engineId) => ({
      findTreeId(path) {
        const name = splitStoredPath(path).at(-1);
        return find(engineId, findParentPath(path))?.find(({ entry }) => entry.name === name)?.treeId;
      },
      remember(path, nodes) {
        const key = `${engineId}${path}`;
        drop(key);
        const one: Kept = { nodes, at: clock.monotonicMs() };
        kept.set(key, one);
        entries += weigh(one);
        for (const oldest of kept.keys()) {
          if (entries <= limits.cachedEntries) break;
          drop(oldest);
        }
      },
    }),
  };
}
