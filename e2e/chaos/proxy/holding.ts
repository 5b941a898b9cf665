/** Things held back until enough others have passed them, or until their time is up. */

export type HoldingOptions<T> = {
  readonly letGo: (item: T, kept: { readonly overtakers: number; readonly heldMs: number }) => void;
  /** While it says no, nothing is let go; `pass` is then called when that is over. */
  readonly mayLetGo: () => boolean;
  readonly monotonicMs: () => number;
  readonly maxItems: number;
  readonly maxBytes: number;
};

export type Holding<T> = {
  /** False, and nothing is held, when that would be beyond a limit. `overtakers` is how many must pass first. */
  hold(item: T, terms: { readonly overtakers: number; readonly sizeBytes: number; readonly holdMs: number }): boolean;
  /** Something went by: counts for everything held, and lets go, in the order of coming, what has seen enough. */
  pass(): void;
  letAllGo(): void;
  /** Forgets everything and stops the timer; gives what was held. */
  clear(): T[];
  readonly sizeBytes: number;
};

type Entry<T> = {
  readonly item: T;
  readonly sizeBytes: number;
  readonly since: number;
  readonly until: number;
  overtakersLeft: number;
  overtakers: number;
};

export function createHolding<T>({ letGo, mayLetGo, monotonicMs, maxItems, maxBytes }: HoldingOptions<T>): Holding<T> {
  let entries: Entry<T>[] = [];
  let sizeBytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const letEntriesGo = (isDue: (entry: Entry<T>) => boolean): void => {
    const now = monotonicMs();
    const due = entries.filter(isDue);
    entries = entries.filter((entry) => !due.includes(entry));
    sizeBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    for (const { item, overtakers, since } of due) letGo(item, { overtakers, heldMs: now - since });
  };

  const letDueGo = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (!mayLetGo()) return;
    const now = monotonicMs();
    letEntriesGo((entry) => entry.overtakersLeft <= 0 || entry.until <= now);
    if (entries.length > 0) wakeAt(Math.min(...entries.map((entry) => entry.until)), now);
  };

  const wakeAt = (until: number, now: number): void => {
    timer = setTimeout(letDueGo, Math.max(1, Math.ceil(until - now)));
  };

  return {
    hold(item, { overtakers, sizeBytes: added, holdMs }) {
      if (entries.length >= maxItems || sizeBytes + added > maxBytes) return false;
      const since = monotonicMs();
      entries.push({ item, sizeBytes: added, since, until: since + holdMs, overtakersLeft: overtakers, overtakers: 0 });
      sizeBytes += added;
      if (timer === undefined) wakeAt(since + holdMs, since);
      return true;
    },
    pass() {
      if (entries.length === 0) return;
      for (const entry of entries) {
        entry.overtakers += 1;
        entry.overtakersLeft -= 1;
      }
      letDueGo();
    },
    letAllGo() {
      letEntriesGo(() => true);
      clearTimeout(timer);
      timer = undefined;
    },
    clear() {
      const items = entries.map((entry) => entry.item);
      clearTimeout(timer);
      timer = undefined;
      entries = [];
      sizeBytes = 0;
      return items;
    },
    get sizeBytes() {
      return sizeBytes;
    },
  };
}
