/** Lets few at a time do what is heavy; the others wait in order. */
import { AppError } from '@holdfast/shared/errors.ts';

/** Throws `limit` when as many wait as may. */
export function createTurns(atOnce: number, waitingMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let busy = 0;
  return async (work) => {
    if (busy < atOnce) busy += 1;
    else {
      if (waiting.length >= waitingMax)
        throw new AppError('limit', 'This host is asked too many things at once; try again in a moment');
      // Whoever ends hands its turn over.
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else busy -= 1;
    }
  };
}
