import type { StageOutcome } from '../../exec/contract.ts';

/** How a Go program ends that crashed, or that its runtime got no memory for; restic itself never chooses it. */
const GO_CRASH = 2;
/** restic, asked by SIGINT to stop. */
const INTERRUPTED = 130;

/** Whether restic was ended from outside or crashed. It then may have left its lock: one that leaves by itself lets go of it. */
export function wasCutShort({ signal, exitCode }: Pick<StageOutcome, 'signal' | 'exitCode'>): boolean {
  return signal !== null || exitCode === INTERRUPTED || exitCode === GO_CRASH;
}
