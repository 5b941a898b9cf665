/** Every benchmark, in the order in which they run: quiet ones first, before databases fill the caches. */
import { createBackupSpeed, createRestoreSpeed } from './database-speed.ts';
import type { Benchmark } from './figure.ts';

export const BENCHMARKS: readonly Benchmark[] = [
  createBackupSpeed('postgres'),
  createBackupSpeed('mariadb'),
  createRestoreSpeed('postgres'),
  createRestoreSpeed('mariadb'),
];

/** Benchmarks with a figure whose name begins with `only`; all of them without it. Throws when there is none. */
export function selectBenchmarks(benchmarks: readonly Benchmark[], only: string | undefined): readonly Benchmark[] {
  if (only === undefined) return benchmarks;
  const selected = benchmarks.filter((benchmark) => benchmark.figures.some((name) => name.startsWith(only)));
  if (selected.length > 0) return selected;
  const names = benchmarks.flatMap((benchmark) => benchmark.figures);
  throw new Error(`no figure is called ${only}; there are: ${names.join(', ')}`);
}
