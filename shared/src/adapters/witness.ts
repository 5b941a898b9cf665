/**
 * How it is found out afterwards whether a server carried out one transaction: whoever waited for the answer may have been killed, and what
 * stands there may look the same before and after.
 */
import type { Command } from './command.ts';
import type { PlanInput } from './plan-input.ts';

/** `unknown`: the server remembers no such transaction, or not any more. */
export type TransactionEnd = 'carried_out' | 'taken_back' | 'unknown';

export interface TransactionWitness {
  /** The same command, whose one connection the server knows by the run. */
  name(command: Command, run: string): Command;
  /** Waits for the transaction of that connection, for some minutes at most. Each line that it prints is for `readLine`. */
  planWatch(input: PlanInput, run: string): Command;
  /** The first line says that it looks; one that comes later holds the mark of the transaction, by which the server is asked for it. */
  readLine(line: string): { mark?: string } | undefined;
  /** Ends what is left of the connection, waits until the transaction is over, and prints what became of it. Throws `invalid` for what is no mark. */
  planAsk(input: PlanInput, run: string, mark: string): Command;
  parseAsk(stdout: string): TransactionEnd;
}
