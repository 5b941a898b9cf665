/** Trying sources and repositories from a host, and creating a repository in its storage. */
import type { Command } from 'commander';
import * as z from 'zod';
import { EXIT } from './exit.ts';
import { findThing } from './find.ts';
import { printJson, printLine } from './output.ts';
import { type CliParts, connect, settle, wantsJson } from './parts.ts';

const sourceResult = z.looseObject({ ok: z.boolean(), message: z.string() });
const repositoryResult = z.looseObject({ state: z.string(), message: z.string() });
const initialised = z.looseObject({ engineId: z.string() });

interface FromHost {
  host: string;
}

export function addCatalogCommands(sources: Command, repositories: Command, parts: CliParts): void {
  sources
    .command('test')
    .description('connect to a source from its host')
    .argument('<source>', 'host/name, name or id')
    .action(async (name: string, _options: unknown, command: Command) => {
      const client = await connect(parts, command);
      const id = await findThing(client, 'source', name);
      const result = await client.send(sourceResult, 'POST', `/sources/${id}/test`);
      if (wantsJson(command)) printJson(parts.terminal, result);
      else printLine(parts.terminal, result.message);
      settle(parts, result.ok ? EXIT.done : EXIT.failed);
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
