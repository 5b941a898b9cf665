/**
 * How a database that is there, empty, is filled by engines that take no definitions back. What the dump names is listed in the target before
 * anything comes, so that exactly that goes again where the rest does not come; whatever somebody else has made there meanwhile stays.
 */
import type { Command } from './command.ts';
import type { PlanInput } from './plan-input.ts';
import type { Pouring } from './take.ts';

/** Things whose names are in each other's way; views and sequences are tables in that. */
export type DumpedKind = 'table' | 'function' | 'procedure' | 'package' | 'event';

/** One thing that a dump makes or drops. A name that goes over several lines is kept as its first one with the line break after it. */
export interface DumpedObject {
  kind: DumpedKind;
  name: string;
}

/** `mark`: the run of the restore, which the list in the target bears. */
export type FillingInput = PlanInput & { targetDatabase: string; mark: string };

export interface DatabaseFilling {
  /** A program for `sed -n`, for bytes (`LC_ALL=C`): goes through a whole artifact and prints what `readLook` reads. */
  look: string;
  /** The part of it that finds the names; may stand at the end of the `look` of scripts. */
  names: string;
  readLook(printed: string): { isWhole: boolean; objects: readonly DumpedObject[] };
  /** Lists in the target what is to come, by the `script` that the command reads on standard input; `planUnmark` takes the list away. */
  planList(input: FillingInput, objects: readonly DumpedObject[]): { command: Command; script: string };
  /**
   * Drops what is there of the list, once the session that filled the target has ended. The producer writes the statements; fails where that
   * session does not end.
   */
  planEmpty(input: FillingInput): Pouring;
}
