/** What became of each of many things that one call named. */
import type { Command } from 'commander';
import * as z from 'zod';
import { CliError, EXIT } from './exit.ts';
import { printJson, printTable } from './output.ts';
import { type CliParts, wantsJson } from './parts.ts';

export const outcomesSchema = z.looseObject({
  outcomes: z.array(z.looseObject({ name: z.string(), result: z.string(), text: z.string() })),
});
export type Outcome = z.infer<typeof outcomesSchema>['outcomes'][number];

/** Prints all of them. @throws CliError `failed` where any was refused */
export function tellOutcomes(parts: CliParts, command: Command, heading: string, outcomes: readonly Outcome[]): void {
  if (wantsJson(command)) printJson(parts.terminal, outcomes);
  else {
    const rows = outcomes.map(({ name, result, text }) => [name, result, text]);
    printTable(parts.terminal, [heading, 'RESULT', 'WHAT'], rows);
  }
  const refused = outcomes.filter(({ result }) => result === 'refused').length;
  if (refused > 0) throw new CliError(EXIT.failed, `${refused} of ${outcomes.length} were refused`);
}
