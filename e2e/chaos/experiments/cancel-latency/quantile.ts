/** The smallest of `values` that at least this part of them does not exceed; 0 for none. */
export function findQuantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}
