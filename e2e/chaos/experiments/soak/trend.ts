/** Whether something grows, from samples over time. Pure. */

export type Sample = { readonly atMs: number; readonly value: number };

const HOUR_MS = 3_600_000;

/**
 * Growth an hour: the median of the slopes between every two samples (Theil and Sen), so that neither single steps up or down nor a
 * quarter of wild samples decide.
 * @throws RangeError when there are no two samples at different times, because one point has no slope.
 */
export function computeHourlySlope(samples: readonly Sample[]): number {
  const slopes = samples.flatMap((from, index) =>
    samples.slice(index + 1).flatMap((to) => (to.atMs === from.atMs ? [] : [(to.value - from.value) / (to.atMs - from.atMs)])),
  );
  if (slopes.length === 0) throw new RangeError('a slope needs samples over time');
  return computeMedian(slopes) * HOUR_MS;
}

function computeMedian(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] = sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1, middle + 1);
  return (low + high) / 2;
}

/** How much higher the lowest of the last third is than the lowest of the first third; 0 when it fell. */
export function measureGrowth(values: readonly number[]): number {
  if (values.length < 2) throw new RangeError('growth needs two values at least');
  const third = Math.max(1, Math.floor(values.length / 3));
  return Math.max(0, Math.min(...values.slice(-third)) - Math.min(...values.slice(0, third)));
}
