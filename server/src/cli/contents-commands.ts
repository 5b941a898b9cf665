/** What a repository really holds: listed, and what no run made taken over or deleted. */
import { type Command, Option } from 'commander';
import * as z from 'zod';
import { createUsageError } from './exit.ts';
import { findThing } from './find.ts';
import { printJson, printLine, printTable, showInstant } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const STATES = ['known', 'missing', 'back', 'untold', 'orphan'] as const;

const rowSchema = z.looseObject({
  engineId: z.string(),
  state: z.string(),
  createdAt: z.number(),
  hostname: z.string().optional(),
  tags: z.array(z.string()).optional(),
  paths: z.array(z.string()).optional(),
  snapshot: z.string().optional(),
});
const snapshotSchema = z.looseObject({ id: z.string() });
const runSchema = z.looseObject({ id: z.string() });

interface From {
  host: string;
}

/** Full ids alone: a part of one may name another snapshot tomorrow. */
function checkEngineId(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw createUsageError(
    `${text} is not the full id of a snapshot in a repository: 64 letters and digits, as contents --json prints it`,
  );
}

async function list(
  parts: CliParts,
  name: string,
  { host, state, search }: From & { state?: string; search?: string },
  command: Command,
): Promise<void> {
  const client = await connect(parts, command);
  const id = await findThing(client, 'repository', name);
  const query = {
    host: await findThing(client, 'host', host),
    ...(state === undefined ? {} : { state }),
    ...(search === undefined ? {} : { search }),
  };
  const rows = await client.list(rowSchema, `/repositories/${id}/contents`, query);
  if (wantsJson(command)) return printJson(parts.terminal, rows);
  printTable(
    parts.terminal,
    ['STATE', 'MADE', 'ON', 'ID', 'ABOUT'],
    rows.map(({ engineId, state: found, createdAt, hostname, tags = [], paths = [], snapshot }) => [
      ...[found, showInstant(createdAt), hostname ?? '', engineId],
      snapshot ?? [...paths, ...tags].join(' '),
    ]),
  );
}

export function addContentsCommands(repositories: Command, parts: CliParts): void {
  const from = (name: string, description: string) =>
    repositories
      .command(name)
      .description(description)
      .argument('<repository>', 'its name or id')
      .requiredOption('--host <host>', 'the host that asks');
  from('contents', 'list every snapshot that lies in a repository, whoever made it')
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .option('--search <text>', 'a part of a machine’s name, a tag, a path or the id')
    .action((name: string, options: From & { state?: string; search?: string }, command: Command) =>
      list(parts, name, options, command),
    );
  from('adopt', 'take a snapshot that no run made over as one of a source, to restore it')
    .argument('<snapshot>', 'its full id in the repository')
    .requiredOption('--source <source>', 'host/name, name or id')
    .action(async (name: string, snapshot: string, options: From & { source: string }, command: Command) => {
      const engineId = checkEngineId(snapshot);
      const client = await connect(parts, command);
      const id = await findThing(client, 'repository', name);
      const body = {
        host: await findThing(client, 'host', options.host),
        source: await findThing(client, 'source', options.source),
      };
      const made = await client.send(snapshotSchema, 'POST', `/repositories/${id}/contents/${engineId}/adopt`, { body });
      if (wantsJson(command)) printJson(parts.terminal, made);
      else printLine(parts.terminal, `adopted as ${made.id}`);
    });
  from('delete-orphans', 'delete snapshots that no run made')
    .argument('<snapshot...>', 'their full ids in the repository')
    .requiredOption('--confirm <words>', 'delete and how many, such as "delete 2"')
    .action(async (name: string, snapshots: string[], options: From & { confirm: string }, command: Command) => {
      const engineIds = snapshots.map(checkEngineId);
      const client = await connect(parts, command);
      const id = await findThing(client, 'repository', name);
      const body = { host: await findThing(client, 'host', options.host), engineIds, confirm: options.confirm };
      const run = await client.send(runSchema, 'POST', `/repositories/${id}/contents/delete`, { body });
      if (wantsJson(command)) printJson(parts.terminal, run);
      else printLine(parts.terminal, `ordered as ${run.id}`);
    });
}
