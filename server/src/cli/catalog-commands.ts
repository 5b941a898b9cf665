/** Trying sources and repositories from a host, and creating a repository in its storage. */
import type { Command } from 'commander';
import * as z from 'zod';
import type { Client } from './client.ts';
import { createUsageError, EXIT } from './exit.ts';
import { findThing } from './find.ts';
import { type Outcome, outcomesSchema, tellOutcomes } from './outcomes.ts';
import { printJson, printLine } from './output.ts';
import { type CliParts, connect, settle, wantsJson } from './parts.ts';

const sourceResult = z.looseObject({ ok: z.boolean(), message: z.string() });
const repositoryResult = z.looseObject({ state: z.string(), message: z.string() });
const initialised = z.looseObject({ engineId: z.string() });

interface FromHost {
  host: string;
}

interface Chosen {
  all?: boolean;
  host?: string;
  tag?: string;
}

/** Sources that one call may name. */
const SOURCES_A_CALL = 1000;

const identified = z.looseObject({ id: z.string() });

async function testOne(parts: CliParts, client: Client, name: string, command: Command): Promise<void> {
  const id = await findThing(client, 'source', name);
  const result = await client.send(sourceResult, 'POST', `/sources/${id}/test`);
  if (wantsJson(command)) printJson(parts.terminal, result);
  else printLine(parts.terminal, result.message);
  settle(parts, result.ok ? EXIT.done : EXIT.failed);
}

/** Ids of those that are named, or of all that the options choose. */
async function chooseSources(client: Client, names: readonly string[], { host, tag }: Chosen): Promise<readonly string[]> {
  if (names.length > 0) {
    const ids: string[] = [];
    for (const name of names) ids.push(await findThing(client, 'source', name));
    return ids;
  }
  const list = async (query: Record<string, string>) => (await client.list(identified, '/sources', query)).map(({ id }) => id);
  if (host !== undefined) return await list({ host: await findThing(client, 'host', host) });
  if (tag === undefined) return await list({});
  const ids: string[] = [];
  for (const one of await client.list(identified, '/hosts', { tag })) ids.push(...(await list({ host: one.id })));
  return ids;
}

async function testMany(parts: CliParts, client: Client, ids: readonly string[], command: Command): Promise<void> {
  if (ids.length === 0) throw createUsageError('there is no such source');
  const told: Outcome[] = [];
  for (let at = 0; at < ids.length; at += SOURCES_A_CALL) {
    const body = { ids: ids.slice(at, at + SOURCES_A_CALL) };
    told.push(...(await client.send(outcomesSchema, 'POST', '/sources/tests', { body })).outcomes);
  }
  tellOutcomes(parts, command, 'SOURCE', told);
}

export function addCatalogCommands(sources: Command, repositories: Command, parts: CliParts): void {
  sources
    .command('test')
    .description('connect to sources, each from its own host')
    .argument('[source...]', 'host/name, name or id')
    .option('--all', 'every source there is')
    .option('--host <host>', 'every source of this host')
    .option('--tag <tag>', 'every source of the hosts with this tag')
    .action(async (names: string[], options: Chosen, command: Command) => {
      const ways = [names.length > 0, options.all === true, options.host !== undefined, options.tag !== undefined];
      if (ways.filter(Boolean).length !== 1) throw createUsageError('name sources, or give one of --all, --host and --tag');
      const client = await connect(parts, command);
      const [name] = names;
      if (name !== undefined && names.length === 1) return await testOne(parts, client, name, command);
      await testMany(parts, client, await chooseSources(client, names, options), command);
    });
  const from = (name: string, description: string) =>
    repositories
      .command(name)
      .description(description)
      .argument('<repository>', 'its name or id')
      .requiredOption('--host <host>', 'the host that asks');
  from('test', 'open a repository from a host').action(async (name: string, { host }: FromHost, command: Command) => {
    const client = await connect(parts, command);
    const id = await findThing(client, 'repository', name);
    const body = { host: await findThing(client, 'host', host) };
    const result = await client.send(repositoryResult, 'POST', `/repositories/${id}/test`, { body });
    if (wantsJson(command)) printJson(parts.terminal, result);
    else printLine(parts.terminal, `${result.state}: ${result.message}`);
    settle(parts, result.state === 'ready' ? EXIT.done : EXIT.failed);
  });
  from('init', 'create a repository in its storage').action(async (name: string, { host }: FromHost, command: Command) => {
    const client = await connect(parts, command);
    const id = await findThing(client, 'repository', name);
    const body = { host: await findThing(client, 'host', host) };
    const result = await client.send(initialised, 'POST', `/repositories/${id}/init`, { body });
    if (wantsJson(command)) printJson(parts.terminal, result);
    else printLine(parts.terminal, `${name} is created as ${result.engineId}`);
  });
}
