/** Statistics of small samples, pure. */

/** The middle value; of an even number the mean of the two in the middle. Throws on an empty list. */
export function computeMedian(values: readonly number[]): number {
  const sorted = sortNumbers(values);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return at(sorted, Math.floor(middle));
  return (at(sorted, middle - 1) + at(sorted, middle)) / 2;
}

/**
 * The smallest value that at least `percent` of all values do not exceed (nearest rank: always a value that was measured).
 * Throws on an empty list and outside 0 < percent <= 100.
 */
export function computePercentile(values: readonly number[], percent: number): number {
  if (!(percent > 0 && percent <= 100)) throw new RangeError(`no percentile is ${percent}`);
  const sorted = sortNumbers(values);
  return at(sorted, Math.ceil((percent / 100) * sorted.length) - 1);
}

/** Two measurements taken one after the other under the same conditions. */
export type Pair = { readonly ours: number; readonly theirs: number };

export type PairedRatio = {
  /** The median of the pairs' own ratios, which a slow minute that hits both sides of a pair does not move. */
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
};

/** How many times as long ours takes, pair by pair. Throws on an empty list or a measurement that is not positive. */
export function comparePairs(pairs: readonly Pair[]): PairedRatio {
  const ratios = pairs.map(({ ours, theirs }) => {
    if (!(ours > 0 && theirs > 0)) throw new RangeError('a duration is not positive');
    return ours / theirs;
  });
  return { median: computeMedian(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
}

/** Rounds to at most `digits` decimals. */
export function roundTo(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

function sortNumbers(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError('no values were measured');
  return [...values].sort((one, other) => one - other);
}

function at(sorted: readonly number[], index: number): number {
  const value = sorted[index];
  if (value === undefined) throw new RangeError(`no value at ${index}`);
  return value;
}
