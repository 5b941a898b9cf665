import { AppError } from '@holdfast/shared/errors.ts';

/** Lets a few pieces of heavy work run at once, a few more wait in line, and turns the rest away. */
export interface HashGate {
  /** Runs the work when its turn comes. Throws `limit` at once when the line is full. */
  pass<T>(work: () => Promise<T>): Promise<T>;
}

export function createHashGate(limits: { concurrent: number; waiting: number }): HashGate {
  let running = 0;
  const line: (() => void)[] = [];
  const leave = (): void => {
    const next = line.shift();
    // The place is handed over, so nobody can slip in between.
    if (next === undefined) running -= 1;
    else next();
  };
  return {
    async pass(work) {
      if (running < limits.concurrent) running += 1;
      else if (line.length < limits.waiting) await new Promise<void>((resolve) => line.push(resolve));
      else throw new AppError('limit', 'too many passwords are being checked at once: try again in a few seconds');
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
