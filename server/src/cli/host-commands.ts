/** Letting hosts in, by the fingerprint that their own agent printed, turning them away, and ending what they may. */
import type { Command } from 'commander';
import * as z from 'zod';
import type { Client } from './client.ts';
import { CliError, createUsageError, EXIT } from './exit.ts';
import { findThing } from './find.ts';
import { printJson, printLine, printTable, showInstant } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';

const pendingSchema = z.looseObject({
  id: z.string(),
  hostname: z.string(),
  fingerprint: z.string(),
  address: z.string(),
  createdAt: z.number(),
  nameTakenBy: z.looseObject({ kind: z.string(), name: z.string().optional(), by: z.string().optional() }).optional(),
});
const rejectedSchema = z.looseObject({
  id: z.string(),
  hostname: z.string(),
  fingerprint: z.string(),
  address: z.string(),
  message: z.string(),
  expiresAt: z.number(),
});
const waitingSchema = z.looseObject({ id: z.string(), hostname: z.string() });
type Pending = z.infer<typeof pendingSchema>;
const hostSchema = z.looseObject({ id: z.string(), name: z.string() });

/** The words alone: how they are separated is a matter of where they were copied from. */
function normalise(fingerprint: string): string {
  return (fingerprint.toLowerCase().match(/[a-z0-9]+/g) ?? []).join(' ');
}

/** The one that calls itself so, or has this id. `refusal` tells that there is none. */
function chooseAnnounced<A extends { id: string; hostname: string }>(all: readonly A[], wanted: string, refusal: string): A {
  const found = all.filter(({ id, hostname }) => id === wanted || hostname === wanted);
  const [first] = found;
  if (first === undefined) throw new CliError(EXIT.failed, refusal);
  if (found.length > 1)
    throw createUsageError(
      `${found.length} hosts call themselves ${wanted}: choose by id, ${found.map(({ id }) => id).join(', ')}`,
    );
  return first;
}

async function findPending(client: Client, wanted: string): Promise<Pending> {
  const waiting = await client.list(pendingSchema, '/hosts/pending');
  return chooseAnnounced(waiting, wanted, `no host called ${wanted} waits for approval`);
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
    waiting.map(({ id, hostname, address, createdAt, fingerprint, nameTakenBy }) => [
      ...[id, hostname, address, showInstant(createdAt), fingerprint],
      nameTakenBy === undefined ? '' : `${sayTaker(nameTakenBy)}: compare with care`,
    ]),
  );
}

function sayTaker({ kind, name = '', by }: NonNullable<Pending['nameTakenBy']>): string {
  if (kind !== 'host') return 'another one that waits calls itself so';
  return by === 'name' ? `a host is named ${name}` : `the host ${name} calls itself so`;
}

async function listRejected(parts: CliParts, command: Command): Promise<void> {
  const rejected = await (await connect(parts, command)).list(rejectedSchema, '/hosts/rejected');
  if (wantsJson(command)) return printJson(parts.terminal, rejected);
  printTable(
    parts.terminal,
    ['ID', 'HOST', 'FROM', 'STANDS UNTIL', 'FINGERPRINT', 'WAS TOLD'],
    rejected.map(({ id, hostname, address, expiresAt, fingerprint, message }) => [
      ...[id, hostname, address, showInstant(expiresAt), fingerprint, message],
    ]),
  );
}

async function reject(parts: CliParts, wanted: string, options: { message?: string }, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const { id } = await findPending(client, wanted);
  const rejected = await client.send(rejectedSchema, 'POST', `/hosts/pending/${id}/reject`, { body: options });
  if (wantsJson(command)) return printJson(parts.terminal, rejected);
  printLine(parts.terminal, `${rejected.hostname} is turned away, until ${showInstant(rejected.expiresAt)} at least`);
}

async function takeBack(parts: CliParts, wanted: string, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const all = await client.list(rejectedSchema, '/hosts/rejected');
  const { id } = chooseAnnounced(all, wanted, `no rejection of a host called ${wanted} stands`);
  const pending = await client.send(waitingSchema, 'POST', `/hosts/rejected/${id}/take-back`);
  if (wantsJson(command)) printJson(parts.terminal, pending);
  else printLine(parts.terminal, `${pending.hostname} waits again; start its agent again`);
}

async function revoke(parts: CliParts, wanted: string, { confirm }: { confirm: string }, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const { id, name } = await client.get(hostSchema, `/hosts/${await findThing(client, 'host', wanted)}`);
  if (confirm !== name) throw createUsageError(`--confirm takes the host’s name, ${name}; nothing was revoked`);
  const host = await client.send(hostSchema, 'POST', `/hosts/${id}/revoke`);
  if (wantsJson(command)) printJson(parts.terminal, host);
  else printLine(parts.terminal, `${name} is revoked: its agent is told, and let in no more; its repositories stay as they are`);
}

async function rotateToken(parts: CliParts, wanted: string, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const id = await findThing(client, 'host', wanted);
  const host = await client.send(hostSchema, 'POST', `/hosts/${id}/rotate-token`);
  if (wantsJson(command)) printJson(parts.terminal, host);
  else printLine(parts.terminal, `${host.name} has a new token; the old one ends when the new one is used`);
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
    .action((wanted: string, options: { message?: string }, command: Command) => reject(parts, wanted, options, command));
  hosts
    .command('rejected')
    .description('list hosts that were turned away, as long as that stands')
    .action((_options: unknown, command: Command) => listRejected(parts, command));
  hosts
    .command('take-back')
    .description('let a host that was turned away wait again')
    .argument('<host>', 'the name it calls itself, or the id of its announcement')
    .action((wanted: string, _options: unknown, command: Command) => takeBack(parts, wanted, command));
  hosts
    .command('rotate-token')
    .description('give an online host a new token')
    .argument('<host>', 'its name or id')
    .action((wanted: string, _options: unknown, command: Command) => rotateToken(parts, wanted, command));
  hosts
    .command('revoke')
    .description('end what a host may, at once and for good')
    .argument('<host>', 'its name or id')
    .requiredOption('--confirm <name>', 'its name, once more')
    .action((wanted: string, options: { confirm: string }, command: Command) => revoke(parts, wanted, options, command));
}
