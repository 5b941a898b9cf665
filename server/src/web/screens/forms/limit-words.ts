/** Limits of runs in words, for a plan and for a host. */
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';

const NBSP = '\u00a0';

export interface LimitFact {
  label: string;
  value: string;
}

/** Those that are set. */
export function listLimitFacts(limits: RunLimits): readonly LimitFact[] {
  const facts: readonly (LimitFact | false)[] = [
    limits.nice !== undefined && { label: 'niceness', value: String(limits.nice) },
    limits.io !== undefined && { label: 'disk', value: limits.io === 'idle' ? 'only when idle' : `${limits.io} class` },
    limits.uploadKiBps !== undefined && { label: 'upload', value: `at most ${limits.uploadKiBps}${NBSP}KiB/s` },
    limits.downloadKiBps !== undefined && { label: 'download', value: `at most ${limits.downloadKiBps}${NBSP}KiB/s` },
    limits.memoryMiB !== undefined && { label: 'memory of each tool', value: `at most ${limits.memoryMiB}${NBSP}MiB` },
  ];
  return facts.filter((fact) => fact !== false);
}
