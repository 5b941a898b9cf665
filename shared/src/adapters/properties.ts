/**
 * What belongs to a database itself and to nothing in it: its settings, the grants on it, its comment. They stand in a dump under the name of the
 * database that was dumped, and go to the one that a restore has made.
 */
import type { Command } from './command.ts';
import type { PlanInput } from './plan-input.ts';

export interface DatabaseProperties {
  /** Reads the data artifact on standard input, as far as it has to, and lists what is in it. */
  planList(input: PlanInput): Command;
  /** The number of a listed line that is about the database itself; undefined for any other line. */
  readListed(line: string): number | undefined;
  /** Reads the data artifact on standard input and writes the statements of these numbers. */
  planRead(input: PlanInput, numbers: readonly number[]): Command;
  /**
   * The same for a database of any name, with every name and value quoted anew; what is of no known form is left out, and without `owners` what is
   * about roles. Nothing of the text is carried out as it came.
   */
  rewrite(text: string, target: { database: string; owners: boolean }): readonly string[];
  /** Carries them out one by one, also after one that failed. */
  planApply(input: PlanInput, statements: readonly string[]): Command;
  /** What the server said of each that failed, a sentence each. */
  readRefusals(stderr: string): readonly string[];
}
