/** The recovery key: setting it, showing that somebody has its secret half, and the kit that is sealed to it. */
import type { Command } from 'commander';
import * as z from 'zod';
import { createUsageError } from './exit.ts';
import { note, printJson, printLine, showInstant } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const keySchema = z.looseObject({
  recipient: z.string(),
  setAt: z.number(),
  setBy: z.string(),
  standing: z.enum(['proven', 'old', 'never']),
  proof: z.looseObject({ at: z.number(), by: z.string() }).optional(),
  repositories: z.number(),
  sealed: z.number(),
});
const replySchema = z.looseObject({ key: keySchema.optional() });
const codeSchema = z.looseObject({ sealed: z.string(), until: z.number() });
const kitSchema = z.looseObject({ sealed: z.string() });
const provenSchema = z.looseObject({ at: z.number() });
const removedSchema = z.looseObject({ removed: z.boolean() });

function printKey({ terminal }: CliParts, key: z.infer<typeof keySchema>): void {
  const { recipient, setAt, setBy, proof, standing, repositories, sealed } = key;
  const proven = proof === undefined ? 'never proven' : `proven ${showInstant(proof.at)} by ${proof.by}`;
  printLine(terminal, `recipient  ${recipient}`);
  printLine(terminal, `set        ${showInstant(setAt)} by ${setBy}`);
  printLine(terminal, `secret     ${proven}${standing === 'old' ? ', which is long ago: prove it again' : ''}`);
  printLine(terminal, `sealed     ${sealed} of ${repositories} repositories`);
}

function printText({ terminal }: CliParts, text: string): void {
  for (const line of text.trimEnd().split('\n')) printLine(terminal, line);
}

export function addRecoveryKeyCommands(recovery: Command, parts: CliParts): void {
  const { terminal } = parts;
  recovery
    .command('show')
    .description('print the recovery key, and whether somebody has shown that they have its secret half')
    .action(async (_options: unknown, command: Command) => {
      const client = await connect(parts, command);
      const reply = await client.get(replySchema, '/recovery-key');
      if (wantsJson(command)) printJson(terminal, reply);
      else if (reply.key === undefined) printLine(terminal, 'there is no recovery key');
      else printKey(parts, reply.key);
    });
  recovery
    .command('set')
    .description('set the recovery key; its secret half never leaves you')
    .argument('<recipient>', 'the public half of a key of age: age1…')
    .option('--replaces <recipient>', 'the recipient that is there, which goes')
    .action(async (recipient: string, { replaces }: { replaces?: string }, command: Command) => {
      const client = await connect(parts, command);
      const body = { recipient, ...(replaces === undefined ? {} : { replaces }) };
      const key = await client.send(keySchema, 'POST', '/recovery-key', { body });
      if (wantsJson(command)) printJson(terminal, key);
      else printKey(parts, key);
    });
  recovery
    .command('remove')
    .description('remove the recovery key and all that is sealed to it, here and on the hosts')
    .argument('<recipient>', 'the recipient that is there')
    .action(async (recipient: string, _options: unknown, command: Command) => {
      const client = await connect(parts, command);
      const path = `/recovery-key?recipient=${encodeURIComponent(recipient)}`;
      const removed = await client.send(removedSchema, 'DELETE', path);
      if (wantsJson(command)) printJson(terminal, removed);
      else printLine(terminal, 'removed');
    });
  recovery
    .command('code')
    .description('print a code, sealed: open it with age -d -i recovery-key.txt, and give it to prove')
    .action(async (_options: unknown, command: Command) => {
      const client = await connect(parts, command);
      const code = await client.send(codeSchema, 'POST', '/recovery-key/code');
      if (wantsJson(command)) return printJson(terminal, code);
      printText(parts, code.sealed);
      note(terminal, `worth something until ${showInstant(code.until)}, once`);
    });
  recovery
    .command('prove')
    .description('give back the code that age has opened, from standard input')
    .action(async (_options: unknown, command: Command) => {
      const code = ((await terminal.readInput()) ?? '').trim();
      if (code === '') throw createUsageError('there is no code: write what age printed to standard input');
      const client = await connect(parts, command);
      const proven = await client.send(provenSchema, 'POST', '/recovery-key/proof', { body: { code } });
      if (wantsJson(command)) printJson(terminal, proven);
      else printLine(terminal, 'proven: the secret half of the recovery key opens what is sealed to it');
    });
  recovery
    .command('kit')
    .description('print what opens every repository, sealed to the recovery key: to be kept elsewhere')
    .action(async (_options: unknown, command: Command) => {
      const client = await connect(parts, command);
      const kit = await client.get(kitSchema, '/recovery-kit');
      if (wantsJson(command)) printJson(terminal, kit);
      else printText(parts, kit.sealed);
    });
}
