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
  /** Whether it can be seen afterwards that `move` was carried out; otherwise nothing comes after it. */
  leavesMark: boolean;
  /** What the server cannot do in the same step. Each may be repeated, also after a crash. */
  finish: readonly TakeStep[];
}
