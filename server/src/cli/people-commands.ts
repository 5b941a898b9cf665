/** People who may sign in: a new one, what each may do, and a link by which they choose their own password. */
import type { Command } from 'commander';
import * as z from 'zod';
import { findThing } from './find.ts';
import { note, printJson, printLine, showInstant } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const personSchema = z.looseObject({ id: z.string(), name: z.string(), role: z.string() });
const linkSchema = z.looseObject({ url: z.string(), expiresAt: z.number() });
const newPersonSchema = personSchema.extend({ link: linkSchema });

function printLink({ terminal }: CliParts, { url, expiresAt }: z.infer<typeof linkSchema>): void {
  printLine(terminal, url);
  note(terminal, `shown this once; it works once, until ${showInstant(expiresAt)}: give it to nobody else`);
}

async function create(parts: CliParts, name: string, { role }: { role: string }, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const made = await client.send(newPersonSchema, 'POST', '/users', { body: { name, role } });
  if (wantsJson(command)) printJson(parts.terminal, made);
  else printLink(parts, made.link);
}

async function link(parts: CliParts, name: string, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const made = await client.send(linkSchema, 'POST', `/users/${await findThing(client, 'user', name)}/link`);
  if (wantsJson(command)) printJson(parts.terminal, made);
  else printLink(parts, made);
}

async function change(
  parts: CliParts,
  name: string,
  body: Readonly<Record<string, unknown>>,
  words: string,
  command: Command,
): Promise<void> {
  const client = await connect(parts, command);
  const person = await client.send(personSchema, 'PATCH', `/users/${await findThing(client, 'user', name)}`, { body });
  if (wantsJson(command)) printJson(parts.terminal, person);
  else printLine(parts.terminal, `${person.name} ${words}`);
}

export function addPeopleCommands(users: Command, parts: CliParts): void {
  users
    .command('create')
    .description('make a person, and print the address at which they choose their password')
    .argument('<name>', 'name to sign in with')
    .requiredOption('--role <role>', 'admin, operator or viewer')
    .action((name: string, options: { role: string }, command: Command) => create(parts, name, options, command));
  const on = (verb: string, description: string) => users.command(verb).description(description).argument('<user>', 'name or id');
  on('link', 'print a new address at which a person chooses a password; an older one ends').action(
    (name: string, _options: unknown, command: Command) => link(parts, name, command),
  );
  on('role', 'change what a person may do')
    .argument('<role>', 'admin, operator or viewer')
    .action((name: string, role: string, _options: unknown, command: Command) =>
      change(parts, name, { role }, `is ${role} from now on`, command),
    );
  on('disable', 'let a person sign in no more, and end their sessions').action(
    (name: string, _options: unknown, command: Command) =>
      change(parts, name, { disabled: true }, 'may not sign in any more', command),
  );
  on('enable', 'let a person sign in again').action((name: string, _options: unknown, command: Command) =>
    change(parts, name, { disabled: false }, 'may sign in again', command),
  );
}
