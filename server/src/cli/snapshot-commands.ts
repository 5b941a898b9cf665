/** Deleting snapshots that a person names, and wherever else they lie. */
import type { Command } from 'commander';
import * as z from 'zod';
import { checkId } from './find.ts';
import { printJson, printLine } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const startedSchema = z.looseObject({ runs: z.array(z.looseObject({ id: z.string() })) });

export function addSnapshotCommands(snapshots: Command, parts: CliParts): void {
  snapshots
    .command('delete')
    .description('delete snapshots from their repositories for good; runs wait tells how it ended')
    .argument('<id...>', 'their ids')
    .requiredOption('--confirm <words>', 'delete and how many were named, such as "delete 2"')
    .option('--copies', 'the same backups from wherever else they lie too')
    .action(async (ids: string[], options: { confirm: string; copies?: boolean }, command: Command) => {
      const body = { snapshots: ids.map(checkId), confirm: options.confirm, copies: options.copies === true };
      const client = await connect(parts, command);
      const started = await client.send(startedSchema, 'POST', '/snapshots/delete', { body });
      if (wantsJson(command)) printJson(parts.terminal, started.runs);
      else for (const { id } of started.runs) printLine(parts.terminal, id);
    });
}
