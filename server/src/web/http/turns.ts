/**
 * Pages take turns: each is made in one go, from a store that answers at once, so many of them asked for together would keep agents'
 * events waiting until the last one is done. Between two of them everybody else is heard.
 */
export interface Turns {
  /** Resolves at once when nobody went in this turn of the event loop; else in a later one, in the order of asking. */
  take(): Promise<void>;
}

export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  let isTaken = false;
  const passOn = (): void => {
    const next = waiting.shift();
    if (next === undefined) {
      isTaken = false;
      return;
    }
    setImmediate(passOn);
    next();
  };
  return {
    take() {
      if (isTaken) return new Promise((resolve) => void waiting.push(resolve));
      isTaken = true;
      setImmediate(passOn);
      return Promise.resolve();
    },
  };
}
