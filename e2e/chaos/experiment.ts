/** What an experiment of the laboratory is: faults in, figures out. */
import type { Seed } from './seed.ts';

/** How much is tried: a short selection for the tests, a quarter of an hour, the published figures, or as long as one likes. */
export const EFFORTS = ['selection', 'quarter', 'full'] as const;
export type Effort = (typeof EFFORTS)[number];

/** What an experiment works with. */
export type Lab = {
  readonly effort: Effort;
  /** The stream of this experiment alone. */
  readonly seed: Seed;
  /** A fresh directory on a disk, gone after the experiment unless it failed. */
  makeDirectory(purpose: string): Promise<string>;
  /** Tells what is going on, on standard error. */
  say(text: string): void;
  /** Writes down one thing that was done to the system, with what it was done to. */
  record(injection: object): void;
  /** How long a soak goes on, in milliseconds; undefined for every other experiment. */
  readonly soakMs?: number | undefined;
};

/**
 * One figure. `bad` counts what must not happen among `tried`, or is a measure such as milliseconds or megabytes, named by `unit`; it is good up
 * to and including `limit`.
 */
export type Outcome = {
  readonly name: string;
  readonly tried: number;
  readonly bad: number;
  readonly limit: number;
  /** Fewer tries than this prove too little, whatever came of them; one unless told. */
  readonly least?: number | undefined;
  readonly unit?: 'ms' | 's' | 'MB' | 'MB/h' | undefined;
  /** How it came about, in a few words. */
  readonly detail: string;
  /** The first of what was bad, each with what repeats it. */
  readonly findings: readonly string[];
};

export type Experiment = {
  /** Names of its figures, as `ONLY` takes them. */
  readonly figures: readonly string[];
  /** Left out unless it is asked for by name or by `SOAK`. */
  readonly isSoak?: boolean;
  /** Takes minutes at every effort: left out unless it is asked for by name or the published figures are made. */
  readonly isLong?: boolean;
  /** @throws only when it could not be carried out; what it finds is in the outcomes. */
  run(lab: Lab): Promise<readonly Outcome[]>;
};

export function isGood({ bad, limit, tried, least = 1 }: Outcome): boolean {
  return tried >= least && bad <= limit;
}

/** How many tries each effort makes. */
export function pickTries(lab: Pick<Lab, 'effort'>, tries: Readonly<Record<Effort, number>>): number {
  return tries[lab.effort];
}

/** At most this many findings are kept with a figure; the record of injections has them all. */
const FINDINGS = 20;

/** Counts tries and what was bad about them. */
export function createTally(name: string, limit = 0) {
  const findings: string[] = [];
  let tried = 0;
  let bad = 0;
  return {
    /** One try; a text says what was bad about it. */
    count(problem?: string | undefined): void {
      tried += 1;
      if (problem === undefined) return;
      bad += 1;
      if (findings.length < FINDINGS) findings.push(problem);
    },
    get tried() {
      return tried;
    },
    toOutcome: (detail: string): Outcome => ({ name, tried, bad, limit, detail, findings }),
  };
}
