/** Limits that come from more than one side. */
import type { RunLimits } from './plan.ts';

const IO_ORDER = ['normal', 'low', 'idle'] as const;

function pick<T>(one: T | undefined, other: T | undefined, choose: (one: T, other: T) => T): T | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : choose(one, other);
}

/** What holds where both do: of each limit the tighter one. Pure. */
export function combineLimits(one: RunLimits, other: RunLimits): RunLimits {
  const limits: RunLimits = {
    nice: pick(one.nice, other.nice, Math.max),
    io: pick(one.io, other.io, (a, b) => (IO_ORDER.indexOf(a) > IO_ORDER.indexOf(b) ? a : b)),
    uploadKiBps: pick(one.uploadKiBps, other.uploadKiBps, Math.min),
    downloadKiBps: pick(one.downloadKiBps, other.downloadKiBps, Math.min),
    memoryMiB: pick(one.memoryMiB, other.memoryMiB, Math.min),
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
