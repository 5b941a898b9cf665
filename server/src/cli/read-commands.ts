/** `list` and `show` of every noun, and `api` for whatever has no command of its own. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import * as z from 'zod';
import { type Client, type Row, rowSchema } from './client.ts';
import { createUsageError } from './exit.ts';
import { checkId, findThing, readNames } from './find.ts';
import { parseInstant } from './instant.ts';
import { note, printJson, printTable, printThing } from './output.ts';
import { type CliParts, connect, wantsJson } from './parts.ts';
import { type Column, type Filter, READ_NOUNS, type ReadNoun, type ThingKind } from './reads.ts';

const ROWS = 50;

/** `withoutPlan` as `--without-plan`, with its value where it has one. */
function writeOption({ name, form }: Filter): string {
  const flag = `--${toFlag(name)}`;
  return form === 'flag' ? flag : `${flag} <${toFlag(name)}>`;
}

function toFlag(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

async function readFilters(
  client: Client,
  noun: ReadNoun,
  options: Readonly<Record<string, unknown>>,
  now: number,
): Promise<Row> {
  const query: Row = {};
  for (const { name, kind, form } of noun.filters) {
    const value = options[name];
    if (form === 'flag' && value === true) query[name] = 'true';
    if (typeof value !== 'string') continue;
    if (form === 'instant') query[name] = String(parseInstant(toFlag(name), value, now));
    else query[name] = kind === undefined ? value : await findThing(client, kind, value);
  }
  return query;
}

/** The cells of a table, with the names of things in the place of their ids. */
async function writeCells(client: Client, columns: readonly Column[], rows: readonly Row[]): Promise<string[][]> {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const ids = new Map<ThingKind, Set<string>>();
  for (const [at, { names }] of columns.entries()) {
    if (names === undefined) continue;
    const known = ids.get(names) ?? new Set();
    for (const row of cells) if (row[at]) known.add(row[at]);
    ids.set(names, known);
  }
  const found = new Map<string, string>();
  for (const [kind, wanted] of ids) for (const [id, name] of await readNames(client, kind, [...wanted])) found.set(id, name);
  return cells.map((row) => row.map((text, at) => (columns[at]?.names === undefined ? text : (found.get(text) ?? text))));
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
  const options = command.opts<{ limit: string; sort?: string; order?: string; csv?: boolean }>();
  const query = (await readFilters(client, noun, options, parts.clock.now())) as Record<string, string>;
  const say = (kinds: readonly string[]) =>
    note(parts.terminal, `more ${kinds.join(', ')} fit than a search follows: a longer text finds the rest`);
  const asked = { ...query, ...readOrder(options) };
  const rows = await client.list(rowSchema, noun.path, asked, parseLimit(options.limit), say);
  if (wantsJson(command)) return printJson(parts.terminal, rows);
  if (noun.csv !== undefined && options.csv === true) {
    // As a file: cells are made safe for table programs, and not for a terminal.
    parts.terminal.out([noun.csv.head(), ...rows.map(noun.csv.line)].join(''));
    return;
  }
  printTable(
    parts.terminal,
    noun.columns.map(({ label }) => label),
    await writeCells(client, noun.columns, rows),
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
    for (const filter of noun.filters) list.option(writeOption(filter), filter.description);
    if (noun.orders !== undefined)
      list
        .option('--sort <column>', `order by ${noun.orders.join(', ')}`)
        .option('--order <direction>', 'asc or desc; without it what one looks for first');
    if (noun.csv !== undefined) list.option('--csv', 'print CSV, with every field, as the page’s file has it');
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

/** One page as it comes, or the rows of all of them. */
async function readApi(parts: CliParts, client: Client, path: string, wantsAll: boolean): Promise<void> {
  const { pathname, searchParams } = new URL(path, 'http://server.invalid');
  const query = Object.fromEntries(searchParams);
  const first = await client.read(path);
  if (!Array.isArray(first.data)) {
    if (wantsAll) throw createUsageError('--all is for lists; this is none');
    return printJson(parts.terminal, first.data);
  }
  if (!wantsAll) {
    printJson(parts.terminal, first.data);
    if (first.next !== undefined) note(parts.terminal, 'there are more rows: --all reads every page');
    return;
  }
  const rows: unknown[] = [...first.data];
  for (let cursor = first.next; cursor !== undefined; ) {
    const page = await client.read(pathname, { ...query, cursor });
    if (Array.isArray(page.data)) rows.push(...(page.data as unknown[]));
    cursor = page.next;
  }
  printJson(parts.terminal, rows);
}

const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const;

async function callApi(parts: CliParts, method: string, path: string, command: Command): Promise<void> {
  const verb = METHODS.find((one) => one === method.toUpperCase());
  if (verb === undefined) throw createUsageError(`the method is one of ${METHODS.join(', ')}`);
  if (!path.startsWith('/') || path.startsWith('//'))
    throw createUsageError('the path begins with /, such as /hosts?state=offline');
  const client = await connect(parts, command);
  const { body, key, all } = command.opts<{ body?: string; key?: string; all?: boolean }>();
  if (verb === 'GET') return readApi(parts, client, path, all === true);
  if (all === true) throw createUsageError('--all goes with GET');
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
    .option('--all', 'of a list every page, as one array')
    .option('--body <file>', 'a file with the JSON body; - for standard input')
    .option('--key <key>', 'an Idempotency-Key: the same call with it is carried out once')
    .action((method: string, path: string, _options: unknown, command: Command) => callApi(parts, method, path, command));
}
