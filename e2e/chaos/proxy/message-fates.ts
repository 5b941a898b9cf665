/** What chance decides for each message of one direction of one connection. */
import { type Seed, scaleToRange } from '../seed.ts';
import type { CutKind, MessageFaults } from './faults.ts';

/** Absent is what does not happen to the message. */
export type Fate = {
  readonly isDropped: boolean;
  readonly delayMs: number | undefined;
  /** How many later messages pass it. */
  readonly reorderBy: number | undefined;
  /** A copy follows after this many later messages; 0 is directly behind it. */
  readonly copyLaterBy: number | undefined;
  readonly pieces: number | undefined;
  /** The part of its bytes, from 0 to 1, that is forwarded before the connection ends. */
  readonly cut: { readonly how: CutKind; readonly fraction: number } | undefined;
};

type Fault = { readonly chance: number };
type Roll = (fault: Fault | undefined) => number | undefined;

const PIECES_DEFAULT = [2, 5] as const;

/**
 * Each fault has a stream of its own and takes two numbers from it for every message, whether it is switched on or not:
 * so the fate of the n-th message depends on the seed, n and the fault's own settings, and on nothing that happens in time.
 */
export function createFates(seed: Seed): (faults: MessageFaults) => Fate {
  const [drop, delay, reorder, duplicate, split, cut] = [
    createRoll(seed.fork('drop')),
    createRoll(seed.fork('delay')),
    createRoll(seed.fork('reorder')),
    createRoll(seed.fork('duplicate')),
    createRoll(seed.fork('split')),
    createRoll(seed.fork('cut')),
  ];
  return (faults) => {
    const [delayed, reordered, copied, pieces, cutAt] = [
      delay(faults.delay),
      reorder(faults.reorder),
      duplicate(faults.duplicate),
      split(faults.split),
      cut(faults.cut),
    ];
    return {
      isDropped: drop(faults.drop) !== undefined,
      delayMs: delayed === undefined ? undefined : scaleToRange(delayed, faults.delay?.ms ?? 0),
      reorderBy: reordered === undefined ? undefined : scaleToRange(reordered, faults.reorder?.by ?? 1),
      copyLaterBy: copied === undefined ? undefined : scaleToRange(copied, faults.duplicate?.later ?? 0),
      pieces: pieces === undefined ? undefined : scaleToRange(pieces, faults.split?.pieces ?? PIECES_DEFAULT),
      cut: cutAt === undefined ? undefined : { how: faults.cut?.how ?? 'reset', fraction: cutAt },
    };
  };
}

/** On a hit, a fraction that scales the fault. */
function createRoll(stream: Seed): Roll {
  return (fault) => {
    const isHit = stream.chance(fault?.chance ?? 0);
    const size = stream.fraction();
    return isHit ? size : undefined;
  };
}

/**
 * Cuts bytes into this many pieces at most, none of them empty, one of the cuts within the first `headerBytes`. The places
 * depend on the seed alone.
 */
export function splitBytes(bytes: Buffer, headerBytes: number, pieces: number, seed: Seed): Buffer[] {
  const cuts = new Set([seed.int([1, Math.max(1, headerBytes - 1)])]);
  for (let tried = 2; tried < pieces; tried += 1) cuts.add(seed.int([1, Math.max(1, bytes.length - 1)]));
  const edges = [0, ...[...cuts].filter((cut) => cut < bytes.length).sort((one, other) => one - other), bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}
