/**
 * Randomness that can be repeated. The generator is xoshiro128++ 1.0 by David Blackman and Sebastiano Vigna (2019,
 * public domain, with "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 47:4); its state is the first half of
 * the SHA-256 of the seed and of the names that lead to the stream. Not for secrets.
 */
import { createHash } from 'node:crypto';

/** A value, or a lowest and a highest one, both possible. */
export type Range = number | readonly [lowest: number, highest: number];

/** One stream of random choices, all of them given by the seed and the stream's name. */
export type Seed = {
  /** Seed and names, `42/agent/kills`: what makes the same stream again. */
  readonly name: string;
  /** From 0 up to but not including 1, with 32 bits of chance. */
  fraction(): number;
  /** A whole number from a range. @throws RangeError when the range is not of whole numbers, empty, or wider than 2^32 - 1. */
  int(range: Range): number;
  /** True with this probability. Takes one number from the stream whatever the probability is. */
  chance(probability: number): boolean;
  /** @throws RangeError on an empty list. */
  pick<T>(items: readonly T[]): T;
  /** A new list in any order, each as likely (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /**
   * The stream of this name below this one. It depends on the names alone and not on what was drawn, so that a new source
   * of faults does not shift the others; the same name gives the same stream from its beginning again.
   */
  fork(name: string): Seed;
};

/** The root of all choices of one run. A number and its decimal text are the same seed. */
export function createSeed(seed: number | string): Seed {
  return createStream(escapeName(String(seed)));
}

/** Yields 32 random bits at each call. The state is four words, not all of them zero. */
export function createXoshiro128PlusPlus(state: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  if ((a | b | c | d) === 0) throw new RangeError('a state of zeros yields zeros for ever');
  return () => {
    const result = (rotate((a + d) | 0, 7) + a) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

/** Where a fraction from 0 up to 1 falls in a range of whole numbers. @throws RangeError as `int` does. */
export function scaleToRange(fraction: number, range: Range): number {
  const [lowest, highest] = typeof range === 'number' ? [range, range] : range;
  const width = highest - lowest + 1;
  if (!Number.isSafeInteger(lowest) || !Number.isSafeInteger(highest) || width < 1 || width > 2 ** 32) {
    throw new RangeError(`no whole numbers from ${lowest} to ${highest}, or too many`);
  }
  return lowest + Math.floor(fraction * width);
}

function createStream(name: string): Seed {
  const digest = createHash('sha256').update(name).digest();
  const next = createXoshiro128PlusPlus([0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as [number, number, number, number]);
  const fraction = (): number => next() / 2 ** 32;
  const int = (range: Range): number => scaleToRange(fraction(), range);
  const at = <T>(items: readonly T[], index: number): T => {
    if (index >= items.length) throw new RangeError('nothing to pick from');
    return items[index] as T;
  };
  return {
    name,
    fraction,
    int,
    chance: (probability) => fraction() < probability,
    pick: (items) => at(items, Math.floor(fraction() * items.length)),
    shuffle(items) {
      const mixed = [...items];
      for (let last = mixed.length - 1; last > 0; last -= 1) {
        const other = int([0, last]);
        const moved = at(mixed, last);
        mixed[last] = at(mixed, other);
        mixed[other] = moved;
      }
      return mixed;
    },
    fork: (child) => createStream(`${name}/${escapeName(child)}`),
  };
}

/** Keeps `fork('a/b')` apart from `fork('a').fork('b')`. */
function escapeName(name: string): string {
  return name.replaceAll(/[%/]/g, encodeURIComponent);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
