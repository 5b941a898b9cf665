/** Letting hosts in, by the fingerprint that their own agent printed. */
import type { Command } from 'commander';
import * as z from 'zod';
import type { Client } from './client.ts';
import { CliError, createUsageError, EXIT } from './exit.ts';
import { printJson, printLine, printTable, showInstant } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const pendingSchema = z.looseObject({
  id: z.string(),
  hostname: z.string(),
  fingerprint: z.string(),
  address: z.string(),
  createdAt: z.number(),
  nameTaken: z.boolean(),
});
type Pending = z.infer<typeof pendingSchema>;
const hostSchema = z.looseObject({ id: z.string(), name: z.string() });

/** The words alone: how they are separated is a matter of where they were copied from. */
function normalise(fingerprint: string): string {
  return (fingerprint.toLowerCase().match(/[a-z0-9]+/g) ?? []).join(' ');
}

async function findPending(client: Client, wanted: string): Promise<Pending> {
  const waiting = await client.list(pendingSchema, '/hosts/pending');
  const found = waiting.filter(({ id, hostname }) => id === wanted || hostname === wanted);
  const [first] = found;
  if (first === undefined) throw new CliError(EXIT.failed, `no host called ${wanted} waits for approval`);
  if (found.length > 1)
    throw createUsageError(
      `${found.length} hosts call themselves ${wanted}: choose by id, ${found.map(({ id }) => id).join(', ')}`,
    );
  return first;
}

interface ApproveOptions {
  fingerprint: string;
  name?: string;
  tag?: readonly string[];
}

async function approve(parts: CliParts, wanted: string, options: ApproveOptions, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const pending = await findPending(client, wanted);
  // A host is let in because somebody compared, not because it has the right name.
  if (normalise(options.fingerprint) !== normalise(pending.fingerprint))
    throw new CliError(
      EXIT.failed,
      `that is not the fingerprint of ${pending.hostname}: it shows ${pending.fingerprint}; nothing was approved`,
    );
  const body = { name: options.name ?? pending.hostname, tags: options.tag ?? [] };
  const host = await client.send(hostSchema, 'POST', `/hosts/pending/${pending.id}/approve`, { body });
  if (wantsJson(command)) printJson(parts.terminal, host);
  else printLine(parts.terminal, `${host.name} is let in as ${host.id}`);
}

async function listPending(parts: CliParts, command: Command): Promise<void> {
  const waiting = await (await connect(parts, command)).list(pendingSchema, '/hosts/pending');
  if (wantsJson(command)) return printJson(parts.terminal, waiting);
  printTable(
    parts.terminal,
    ['ID', 'HOST', 'FROM', 'SINCE', 'FINGERPRINT', ''],
    waiting.map(({ id, hostname, address, createdAt, fingerprint, nameTaken }) => [
      ...[id, hostname, address, showInstant(createdAt), fingerprint],
      nameTaken ? 'this name is taken: compare with care' : '',
    ]),
  );
}

export function addHostCommands(hosts: Command, parts: CliParts): void {
  hosts
    .command('pending')
    .description('list hosts that wait for approval, with their fingerprints')
    .action((_options: unknown, command: Command) => listPending(parts, command));
  hosts
    .command('approve')
    .description('let a host in whose agent printed this fingerprint')
    .argument('<host>', 'the name it calls itself, or the id of its announcement')
    .requiredOption('--fingerprint <words>', 'what its agent printed, in quotes')
    .option('--name <name>', 'what it is called here; its own name unless given')
    .option('--tag <tag...>', 'tags it gets')
    .action((wanted: string, options: ApproveOptions, command: Command) => approve(parts, wanted, options, command));
  hosts
    .command('reject')
    .description('turn a waiting host away')
    .argument('<host>', 'the name it calls itself, or the id of its announcement')
    .option('--message <text>', 'what it is told')
    .action(async (wanted: string, options: { message?: string }, command: Command) => {
      const client = await connect(parts, command);
      const { id, hostname } = await findPending(client, wanted);
      await client.send(z.unknown(), 'POST', `/hosts/pending/${id}/reject`, { body: options });
      printLine(parts.terminal, `${hostname} is turned away`);
    });
}
