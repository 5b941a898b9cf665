import type { PhaseResult } from './verdicts.ts';

export type PhaseName = 'lint' | 'types' | 'unit' | 'integration' | 'e2e';

export type PhaseContext = {
  readonly root: string;
  /** Receives logs and reports; exists. */
  readonly outputFolder: string;
  /** When not empty, only test files whose path contains one of these run. */
  readonly filters: readonly string[];
  /** What is left of the time for the whole run. */
  readonly remainingMs: () => number;
  /** Where tests make their temporary files; in the system's folder when undefined. */
  readonly scratch?: string | undefined;
};

export type Phase = {
  readonly name: PhaseName;
  readonly title: string;
  readonly isQuick: boolean;
  /** False when there is nothing yet that the phase could run. */
  readonly exists: (context: PhaseContext) => boolean;
  readonly run: (context: PhaseContext) => Promise<PhaseResult>;
};
