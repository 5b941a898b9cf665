/** Enrolment tokens, with which hosts are let in by themselves: made, shown once, and deleted. */
import type { Command } from 'commander';
import * as z from 'zod';
import { createUsageError } from './exit.ts';
import { checkId, findThing } from './find.ts';
import { note, printJson, printLine, showInstant } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const HOUR_MS = 3_600_000;
const newTokenSchema = z.looseObject({ id: z.string(), token: z.string(), usesLeft: z.number(), expiresAt: z.number() });

interface CreateOptions {
  note?: string;
  tag?: readonly string[];
  hostname?: string;
  path?: readonly string[];
  plan?: string;
  uses: string;
  hours: string;
}

/** @throws CliError `usage` for what is no number above nothing; its upper limit is the server's. */
function parseAmount(option: string, text: string): number {
  const amount = Number(text);
  if (text.trim() !== '' && Number.isFinite(amount) && amount > 0) return amount;
  throw createUsageError(`--${option} takes a number above 0`);
}

async function create(parts: CliParts, options: CreateOptions, command: Command): Promise<void> {
  const { note: purpose, tag, hostname, path, plan } = options;
  const [uses, hours] = [parseAmount('uses', options.uses), parseAmount('hours', options.hours)];
  const client = await connect(parts, command);
  const body = {
    ...(purpose === undefined ? {} : { note: purpose }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(plan === undefined ? {} : { plan: await findThing(client, 'plan', plan) }),
    ...{ tags: tag ?? [], paths: path ?? [], uses, lifeMs: Math.round(hours * HOUR_MS) },
  };
  const made = await client.send(newTokenSchema, 'POST', '/enrolment-tokens', { body });
  if (wantsJson(command)) return printJson(parts.terminal, made);
  printLine(parts.terminal, made.token);
  const times = made.usesLeft === 1 ? 'once' : `${made.usesLeft} times`;
  note(parts.terminal, `shown this once; it works ${times}, until ${showInstant(made.expiresAt)}`);
}

async function remove(parts: CliParts, id: string, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const deleted = await client.send(z.unknown(), 'DELETE', `/enrolment-tokens/${checkId(id)}`);
  if (wantsJson(command)) printJson(parts.terminal, deleted);
  else printLine(parts.terminal, `${id} is deleted; hosts that it let in stay`);
}

export function addEnrolmentCommands(tokens: Command, parts: CliParts): void {
  tokens
    .command('create')
    .description('make a token with which hosts are let in by themselves, and print it this once')
    .option('--note <text>', 'what it is for')
    .option('--tag <tag...>', 'tags each host gets')
    .option('--hostname <name>', 'only a host that calls itself so may use it')
    .option('--path <path...>', 'what the first source of each host backs up')
    .option('--plan <plan>', 'the plan that takes that source, by name or id')
    .option('--uses <number>', 'how many hosts it lets in', '1')
    .option('--hours <number>', 'how long it works', '1')
    .action((options: CreateOptions, command: Command) => create(parts, options, command));
  tokens
    .command('delete')
    .description('delete a token; hosts that it let in stay')
    .argument('<token>', 'its id, as the list shows it')
    .action((id: string, _options: unknown, command: Command) => remove(parts, id, command));
}
