/** Opening repositories without Holdfast: the sheet to be printed, and the proof that somebody can. */
import type { Command } from 'commander';
import * as z from 'zod';
import { findThing } from './find.ts';
import { printJson, printLine } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';
import { readPassword } from './private-input.ts';

const sheetSchema = z.looseObject({ text: z.string() });
const provenSchema = z.looseObject({ at: z.number() });

interface Proof {
  host: string;
  passwordFile?: string;
}

export function addRecoveryCommands(repositories: Command, parts: CliParts): void {
  repositories
    .command('sheet')
    .description('print what opens the repositories with restic alone, to be kept elsewhere; no secret is in it')
    .argument('[repository]', 'its name or id; all without it')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const client = await connect(parts, command);
      const query = name === undefined ? {} : { repository: await findThing(client, 'repository', name) };
      const sheet = await client.get(sheetSchema, '/recovery-sheet', query);
      if (wantsJson(command)) printJson(parts.terminal, sheet);
      else for (const line of sheet.text.trimEnd().split('\n')) printLine(parts.terminal, line);
    });
  repositories
    .command('prove')
    .description('open a repository with the password from a copy outside Holdfast, and keep that it opened')
    .argument('<repository>', 'its name or id')
    .requiredOption('--host <host>', 'the host that opens it')
    .option('--password-file <file>', 'a file with the password that only you can read; standard input without it')
    .action(async (name: string, { host, passwordFile }: Proof, command: Command) => {
      const password = await readPassword(parts.terminal, passwordFile, `Password of the repository ${name}: `);
      const client = await connect(parts, command);
      const id = await findThing(client, 'repository', name);
      const body = { host: await findThing(client, 'host', host), password };
      const proven = await client.send(provenSchema, 'POST', `/repositories/${id}/password-proof`, { body });
      if (wantsJson(command)) printJson(parts.terminal, proven);
      else printLine(parts.terminal, `proven: this copy of the password opens ${name}`);
    });
}
