/**
 * Pages take turns: each is made in one go, from a store that answers at once, so many of them asked for together would keep agents'
 * events waiting until the last one is done. Between two of them everybody else is heard.
 */
export interface Turns {
  /** For somebody who waits for a page. Resolves at once when nobody went in this turn of the event loop; else in a later one. */
  take(): Promise<void>;
  /**
   * For what pages look up by themselves. Resolves in a later turn, so that all who ask for the same in this one are known by then;
   * while people wait too, they and looks go by turns.
   */
  takeLater(): Promise<void>;
}

type Pass = () => void;

export function createTurns(): Turns {
  const people: Pass[] = [];
  const looks: Pass[] = [];
  let isTaken = false;
  let wasLook = false;
  const passOn = (): void => {
    const [first, second] = wasLook ? [people, looks] : [looks, people];
    const queue = first.length > 0 ? first : second;
    const next = queue.shift();
    if (next === undefined) {
      isTaken = false;
      return;
    }
    wasLook = queue === looks;
    setImmediate(passOn);
    next();
  };
  const begin = (): void => {
    isTaken = true;
    wasLook = false;
    setImmediate(passOn);
  };
  return {
    take() {
      if (isTaken) return new Promise((resolve) => void people.push(resolve));
      begin();
      return Promise.resolve();
    },
    takeLater() {
      if (!isTaken) begin();
      return new Promise((resolve) => void looks.push(resolve));
    },
  };
}
