/** Whether something grows, from samples over time. Pure. */

export type Sample = { readonly atMs: number; readonly value: number };

/** Windows whose lowest sample stands for them: what is held, without what waits to be collected. */
const WINDOWS = 20;

/**
 * Growth an hour: the least-squares line through the lowest sample of each of twenty equal windows of time.
 * @throws RangeError when the samples lie in fewer than two windows, because one point has no slope.
 */
export function computeHourlySlope(samples: readonly Sample[]): number {
  const floors = findFloors(samples);
  if (floors.length < 2) throw new RangeError('a slope needs samples over time');
  const meanAt = floors.reduce((sum, { atMs }) => sum + atMs, 0) / floors.length;
  const meanValue = floors.reduce((sum, { value }) => sum + value, 0) / floors.length;
  const spread = floors.reduce((sum, { atMs }) => sum + (atMs - meanAt) ** 2, 0);
  const shared = floors.reduce((sum, { atMs, value }) => sum + (atMs - meanAt) * (value - meanValue), 0);
  return (shared / spread) * 3_600_000;
}

function findFloors(samples: readonly Sample[]): readonly Sample[] {
  const times = samples.map(({ atMs }) => atMs);
  const from = Math.min(...times);
  const width = Math.max(1, (Math.max(...times) - from) / WINDOWS);
  const floors = new Map<number, Sample>();
  for (const sample of samples) {
    const window = Math.min(WINDOWS - 1, Math.floor((sample.atMs - from) / width));
    const known = floors.get(window);
    if (known === undefined || sample.value < known.value) floors.set(window, sample);
  }
  return [...floors.values()];
}

/** How much higher the lowest of the last third is than the lowest of the first third; 0 when it fell. */
export function measureGrowth(values: readonly number[]): number {
  if (values.length < 2) throw new RangeError('growth needs two values at least');
  const third = Math.max(1, Math.floor(values.length / 3));
  return Math.max(0, Math.min(...values.slice(-third)) - Math.min(...values.slice(0, third)));
}
