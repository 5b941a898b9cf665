/**
 * How the content of a private database takes its place in a target that stays, for engines that move it there table by table.
 */
import type { Command } from './command.ts';

/** One command that writes and one that reads. */
export interface Pouring {
  producer: Command;
  /** What passes between them, as in `DatabaseRestore`. */
  renaming?: string | undefined;
  consumer: Command;
}

export type TakeStep =
  | ({ kind: 'pour' } & Pouring)
  | { kind: 'ask'; command: Command }
  /** What is poured depends on what is there; with no name nothing is poured. */
  | { kind: 'listed'; list: Command; parse(stdout: string): readonly string[]; pour(names: readonly string[]): Pouring };

/** The steps in their order. */
export interface TakePlan {
  /** Change private databases only, and refuse what cannot be done. */
  prepare: readonly TakeStep[];
  /** Changes the target, wholly or not at all, wherever it is cut. */
  move: Command;
  /** Whether `move` is over in moments and is not to be cut; otherwise it copies rows, for as long as they are many, and is taken back where it is cut. */
  isQuick: boolean;
  /**
   * Tells whether `move` was carried out by what it left in the private database, which has to be there; ends what is left of it first. Undefined:
   * `wasSwapped` tells.
   */
  mark?: { look: Command; isSet(stdout: string): boolean };
  /** What the server cannot do in the same step. Each may be repeated, also after a crash. */
  finish: readonly TakeStep[];
}
