/** `list` and `show` of every noun, and `api` for whatever has no command of its own. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import * as z from 'zod';
import { type Client, type Row, rowSchema } from './client.ts';
import { createUsageError } from './exit.ts';
import { checkId, findThing } from './find.ts';
import { printJson, printTable, printThing } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';
import { READ_NOUNS, type ReadNoun } from './reads.ts';

const ROWS = 50;

async function readFilters(client: Client, noun: ReadNoun, options: Readonly<Record<string, unknown>>): Promise<Row> {
  const query: Row = {};
  for (const { name, kind } of noun.filters) {
    const value = options[name];
    if (typeof value !== 'string') continue;
    query[name] = kind === undefined ? value : await findThing(client, kind, value);
  }
  return query;
}

/** A whole number of rows; `all` for every row there is. */
function parseLimit(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw createUsageError('--limit takes a whole number above 0, or all');
}

/** What the server is asked for; it refuses what it does not know and names what it does. */
function readOrder({ sort, order }: { sort?: string; order?: string }): Record<string, string> {
  return { ...(sort === undefined ? {} : { sort }), ...(order === undefined ? {} : { order }) };
}

async function listNoun(parts: CliParts, noun: ReadNoun, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const options = command.opts<{ limit: string; sort?: string; order?: string }>();
  const query = (await readFilters(client, noun, options)) as Record<string, string>;
  const rows = await client.list(rowSchema, noun.path, { ...query, ...readOrder(options) }, parseLimit(options.limit));
  if (wantsJson(command)) return printJson(parts.terminal, rows);
  printTable(
    parts.terminal,
    noun.columns.map(({ label }) => label),
    rows.map((row) => noun.columns.map(({ cell }) => cell(row))),
  );
}

async function showNoun(parts: CliParts, noun: ReadNoun, name: string, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const id = noun.shows === undefined || noun.shows === 'id' ? checkId(name) : await findThing(client, noun.shows, name);
  const thing = await client.get(rowSchema, `${noun.path}/${id}`);
  if (wantsJson(command)) printJson(parts.terminal, thing);
  else printThing(parts.terminal, thing);
}

/** Adds a command for each noun; gives them by name, for what else can be done with the noun. */
export function addReadCommands(program: Command, parts: CliParts): ReadonlyMap<string, Command> {
  const made = new Map<string, Command>();
  for (const noun of READ_NOUNS) {
    const group = program.command(noun.name).description(noun.description);
    if (noun.alias !== undefined) group.alias(noun.alias);
    const list = group.command('list').description(`list ${noun.name}`);
    for (const { name, description } of noun.filters) list.option(`--${name} <${name}>`, description);
    if (noun.orders !== undefined)
      list
        .option('--sort <column>', `order by ${noun.orders.join(', ')}`)
        .option('--order <direction>', 'asc or desc; without it what one looks for first');
    list
      .option('--limit <rows>', 'rows at most, or all', String(ROWS))
      .action((_options: unknown, command: Command) => listNoun(parts, noun, command));
    if (noun.shows !== undefined)
      group
        .command('show')
        .description(`show one of the ${noun.name}`)
        .argument(noun.shows === 'id' ? '<id>' : '<name>', noun.shows === 'id' ? 'its id' : 'its name or id')
        .action((name: string, _options: unknown, command: Command) => showNoun(parts, noun, name, command));
    made.set(noun.name, group);
  }
  return made;
}

const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const;

async function callApi(parts: CliParts, method: string, path: string, command: Command): Promise<void> {
  const verb = METHODS.find((one) => one === method.toUpperCase());
  if (verb === undefined) throw createUsageError(`the method is one of ${METHODS.join(', ')}`);
  if (!path.startsWith('/') || path.startsWith('//'))
    throw createUsageError('the path begins with /, such as /hosts?state=offline');
  const client = await connect(parts, command);
  const { body, key } = command.opts<{ body?: string; key?: string }>();
  if (verb === 'GET') return printJson(parts.terminal, await client.get(z.unknown(), path));
  const text = body === undefined ? undefined : body === '-' ? await parts.terminal.readInput() : await readBody(body);
  const asked = { ...(text === undefined ? {} : { body: parseBody(text) }), idempotencyKey: key };
  printJson(parts.terminal, await client.send(z.unknown(), verb, path, asked));
}

async function readBody(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw createUsageError(`${path} cannot be read (${error.code})`);
  });
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw createUsageError('the body is not JSON');
  }
}

export function addApiCommand(program: Command, parts: CliParts): void {
  program
    .command('api')
    .description('ask any end-point of the reference, such as: holdfast api GET /plans/plan_…/next-fires')
    .argument('<method>', METHODS.join(', '))
    .argument('<path>', 'the path below /api/v1, with its query')
    .option('--body <file>', 'a file with the JSON body; - for standard input')
    .option('--key <key>', 'an Idempotency-Key: the same call with it is carried out once')
    .action((method: string, path: string, _options: unknown, command: Command) => callApi(parts, method, path, command));
}
