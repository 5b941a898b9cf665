/** One periodic task, and whether it still goes round. */
import type { Log } from '../core/ports.ts';

export interface Task {
  name: string;
  everyMs: number;
  run(): Promise<unknown>;
}

/** No round of any task takes as long, on the largest fleet. */
const STALL_MS = 15 * 60_000;

interface Wheel {
  findStall(): string | undefined;
  stop(): void;
}

/**
 * A task at its interval, never twice at once; a failure is logged and the next round tries again. How long a round has been going on is
 * counted in the beats that it let pass, so that a clock that is set, or a machine that sleeps, is no stall.
 */
export function startWheel({ name, everyMs, run }: Task, log: Log): Wheel {
  let isBusy = false;
  let passed = 0;
  const timer = setInterval(() => {
    if (isBusy) {
      passed += 1;
      return;
    }
    isBusy = true;
    run()
      .catch((error: unknown) => log.error({ area: 'scheduler', task: name, err: error }, 'a periodic task failed'))
      .finally(() => {
        isBusy = false;
        passed = 0;
      });
  }, everyMs);
  return {
    findStall: () => (passed * everyMs >= STALL_MS ? name : undefined),
    stop: () => clearInterval(timer),
  };
}
