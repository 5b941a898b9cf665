/** Signing in with a key, and out. */
import type { Command } from 'commander';
import * as z from 'zod';
import { createClient } from './client.ts';
import { createUsageError } from './exit.ts';
import { isExposed, parseKey, parseServer, readKeyFile, removeLogin, storeLogin } from './login.ts';
import { note, printJson, printLine } from './output.ts';
import { type CliParts, connect, type GlobalOptions, wantsJson } from './parts.ts';

const meSchema = z.looseObject({
  actor: z.looseObject({ name: z.string() }),
  role: z.string(),
  scopes: z.array(z.string()),
  permissions: z.array(z.string()),
});

async function logIn(parts: CliParts, command: Command): Promise<void> {
  const { environment, terminal } = parts;
  const { server: given, keyFile } = command.optsWithGlobals<GlobalOptions & { keyFile?: string }>();
  const address = given ?? environment.server;
  if (address === undefined) throw createUsageError('which server? holdfast login --server https://backup.example.com');
  const server = parseServer(address);
  const file = keyFile ?? environment.keyFile;
  const key = file === undefined ? parseKey(await terminal.readInput()) : await readKeyFile(file);
  if (isExposed(server)) note(terminal, `${server} is not https: whoever listens in between reads the key`);
  const me = await createClient({ server, key }).get(meSchema, '/me');
  const path = await storeLogin(environment, { server, key });
  if (wantsJson(command)) printJson(terminal, { server, role: me.role, scopes: me.scopes, name: me.actor.name, path });
  else printLine(terminal, `signed in to ${server} as ${me.actor.name} (${me.scopes.join(', ')}); kept in ${path}`);
}

export function addLoginCommands(program: Command, parts: CliParts): void {
  program
    .command('login')
    .description('keep the address of a server and an API key; the key is read from a file or from standard input')
    .option('--key-file <file>', 'a file with the key that only you can read')
    .action((_options: unknown, command: Command) => logIn(parts, command));
  program
    .command('logout')
    .description('forget the key; it stays valid until it is revoked at the server')
    .action(async () =>
      printLine(parts.terminal, (await removeLogin(parts.environment)) ? 'forgotten' : 'there was nothing to forget'),
    );
  program
    .command('whoami')
    .description('who asks, and in which scopes')
    .action(async (_options: unknown, command: Command) => {
      const client = await connect(parts, command);
      const me = await client.get(meSchema, '/me');
      if (wantsJson(command)) printJson(parts.terminal, { server: client.server, ...me });
      else printLine(parts.terminal, `${me.actor.name} (${me.scopes.join(', ')}) at ${client.server}`);
    });
}
