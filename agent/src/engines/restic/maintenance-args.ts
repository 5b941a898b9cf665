/** Plans restic's command lines for the upkeep of a repository. Pure. */
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { plan, type ResticPlace } from './args.ts';

function scopeArgs(scope: CheckScope): string[] {
  if (scope.kind === 'structure') return [];
  return scope.kind === 'everything' ? ['--read-data'] : [`--read-data-subset=${scope.part}/${scope.of}`];
}

/** restic reads indexes and trees into a cache of its own below `place.cacheDir`, and takes the repository for itself meanwhile. */
export function planCheck(place: ResticPlace, scope: CheckScope): Command {
  return plan(place, { name: 'check', args: scopeArgs(scope) });
}

/** Removes what no snapshot needs, and rewrites packs until unused data is at most so many percent of what is used. */
export function planPrune(place: ResticPlace, maxUnusedPercent: number): Command {
  return plan(place, { name: 'prune', args: [`--max-unused=${maxUnusedPercent}%`] });
}

/** Bytes in storage of the data that snapshots need. */
export function planRawStats(place: ResticPlace): Command {
  return plan(place, { name: 'stats', args: ['--mode=raw-data'], noLock: true });
}
