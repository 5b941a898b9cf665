/** What a benchmark finds: one number against one limit. */
import type { World } from './world.ts';

export type Unit = 'ratio' | 'MB' | 'KB' | '%' | 'ms';

export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  /** The highest value that is still good. */
  readonly limit: number;
  readonly ok: boolean;
  /** How the value came about, in a few words: the sample, its spread. */
  readonly detail: string;
};

/** What can be measured in one go; asking for one of its figures measures them all. */
export type Benchmark = {
  /** Names of its figures, as `ONLY` takes them. */
  readonly figures: readonly string[];
  measure(world: World): Promise<readonly Figure[]>;
};

/** A figure that is good up to and including its limit. */
export function judgeFigure(name: string, value: number, unit: Unit, limit: number, detail: string): Figure {
  return { name, value, unit, limit, ok: value <= limit, detail };
}

/** The command that makes the figure again. */
export function formatCommand(name: string): string {
  return `make bench ONLY=${name}`;
}
