/** Which faults are tried, on what. Pure: the seed and the effort give everything. */
import type { Effort } from '../../experiment.ts';
import type { Seed } from '../../seed.ts';
import type { Fault } from './fault.ts';
import { SOURCE_KINDS } from './sources.ts';
import { STORAGE_KINDS, type StorageKind } from './storages.ts';
import type { Drawn } from './try.ts';

/** sftp and S3 take longer to start than a selection may. */
const QUICK_STORAGES: readonly StorageKind[] = ['local', 'rest'];

/**
 * `count` tries numbered from `from`. Each kind of fault has its turn before any has a second one; source and repository come from the try's own stream,
 * so that a try can be made again alone.
 */
export function drawTries(seed: Seed, effort: Effort, faults: readonly Fault[], count: number, from = 0): readonly Drawn[] {
  const storages = effort === 'selection' ? QUICK_STORAGES : STORAGE_KINDS;
  const isPossible = ({ storages: own, isSlow }: Fault): boolean =>
    (own === undefined || own.some((kind) => storages.includes(kind))) && !(effort === 'selection' && isSlow);
  const possible = faults.filter(isPossible);
  const drawn: Drawn[] = [];
  for (let index = from; index < from + count; index += 1) {
    const round = Math.floor((index - from) / possible.length);
    const fault = seed.fork(`round ${round}`).shuffle(possible)[(index - from) % possible.length];
    if (fault === undefined) break;
    const own = seed.fork(String(index));
    const sourceKind = own.fork('source').pick(fault.sources ?? SOURCE_KINDS);
    const storageKind = own.fork('storage').pick((fault.storages ?? STORAGE_KINDS).filter((kind) => storages.includes(kind)));
    drawn.push({ index, seed: own, fault, sourceKind, storageKind });
  }
  return drawn;
}
