/** What is ordered of snapshots that a person names: copied elsewhere, read whole, deleted wherever they lie. */
import type { Command } from 'commander';
import * as z from 'zod';
import type { Client } from './client.ts';
import { checkId, findThing } from './find.ts';
import { printJson, printLine } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const startedSchema = z.looseObject({ runs: z.array(z.looseObject({ id: z.string() })) });

interface ByHost {
  host?: string;
}

/** Orders it, and prints the ids of the runs that carry it out: one for each host and repository. */
async function order(
  parts: CliParts,
  command: Command,
  act: 'copy' | 'verify' | 'delete',
  { ids, host, more }: { ids: readonly string[]; host: string | undefined; more(client: Client): Promise<object> },
): Promise<void> {
  const snapshots = ids.map(checkId);
  const client = await connect(parts, command);
  const by = host === undefined ? {} : { host: await findThing(client, 'host', host) };
  const body = { snapshots, ...by, ...(await more(client)) };
  const started = await client.send(startedSchema, 'POST', `/snapshots/${act}`, { body });
  if (wantsJson(command)) printJson(parts.terminal, started.runs);
  else for (const { id } of started.runs) printLine(parts.terminal, id);
}

export function addSnapshotCommands(snapshots: Command, parts: CliParts): void {
  const add = (name: string, description: string) =>
    snapshots
      .command(name)
      .description(description)
      .argument('<id...>', 'their ids')
      .option(
        '--host <host>',
        'who does it: the host that made them, or one that holds the credential of their repository anyway',
      );
  add('copy', 'copy snapshots to another repository; what lies there already is not copied twice')
    .requiredOption('--to <repository>', 'its name or id')
    .action((ids: string[], { to, host }: ByHost & { to: string }, command: Command) =>
      order(parts, command, 'copy', {
        ...{ ids, host },
        more: async (client) => ({ repository: await findThing(client, 'repository', to) }),
      }),
    );
  add('verify', 'read snapshots to their end: every byte is decrypted and authenticated').action(
    (ids: string[], { host }: ByHost, command: Command) => order(parts, command, 'verify', { ids, host, more: async () => ({}) }),
  );
  add('delete', 'delete snapshots from their repositories for good; runs wait tells how it ended')
    .requiredOption('--confirm <words>', 'delete and how many were named, such as "delete 2"')
    .option('--copies', 'the same backups from wherever else they lie too')
    .action((ids: string[], { confirm, copies, host }: ByHost & { confirm: string; copies?: boolean }, command: Command) =>
      order(parts, command, 'delete', { ids, host, more: async () => ({ confirm, copies: copies === true }) }),
    );
}
