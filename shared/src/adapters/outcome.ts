/** How a finished command is told to an adapter, and what the adapter says of it. */
import type { Reason } from '../domain/reason.ts';

export interface ToolOutcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A verdict on a finished command: `ok` may carry warnings; otherwise the reason and what to show. */
export type Verdict = { ok: true; warnings: readonly string[] } | { ok: false; reason: Reason; message: string };
