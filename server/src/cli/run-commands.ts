/** Starting things and waiting for them: runs of plans, restores, and what can be done with a run. */
import type { Command } from 'commander';
import * as z from 'zod';
import type { Client } from './client.ts';
import { type DumpOptions, writeDumpOrder } from './dump-commands.ts';
import { CliError, createUsageError, EXIT } from './exit.ts';
import { checkId, findThing } from './find.ts';
import { note, printJson, printLine, sanitise } from './output.ts';
import { type CliParts, connect, settle, wantsJson } from './parts.ts';
import { judgeRuns, type RunRow, runSchema, showLogTails, waitForRuns } from './wait.ts';

export const startedSchema = z.looseObject({ runs: z.array(runSchema) });
const snapshotSchema = z.looseObject({ id: z.string(), host: z.string(), source: z.string(), plan: z.string().optional() });
const sourceSchema = z.looseObject({ kind: z.string() });
const adaptersSchema = z.looseObject({
  sources: z.array(z.looseObject({ kind: z.string(), restoresTo: z.enum(['directory', 'database']) })),
});

export interface WaitOptions {
  wait?: boolean;
  timeout: string;
}

export function addWaitOptions(command: Command): Command {
  return command
    .option('--wait', 'wait for its end; the exit code says how it ended')
    .option('--timeout <minutes>', 'with --wait: wait this long at most', '1440');
}

export function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (Number.isFinite(minutes) && minutes > 0) return minutes * 60_000;
  throw createUsageError('--timeout takes a number of minutes');
}

/** Starts something under a key of its own, so that an answer lost on the way is asked for again without starting it twice. */
export async function startOnce<T>(
  parts: CliParts,
  client: Client,
  schema: z.ZodType<T>,
  path: string,
  body: unknown,
): Promise<T> {
  const asked = { body, idempotencyKey: parts.makeKey() };
  try {
    return await client.send(schema, 'POST', path, asked);
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error;
    note(parts.terminal, `${error.message}; trying once more`);
    await parts.sleep(2_000);
    return await client.send(schema, 'POST', path, asked);
  }
}

/** Says what was started; with `--wait`, how it ended as well, and sets the exit code by it. */
export async function reportRuns(
  parts: CliParts,
  client: Client,
  started: readonly RunRow[],
  options: WaitOptions,
  command: Command,
): Promise<void> {
  const { terminal } = parts;
  if (options.wait !== true) {
    if (wantsJson(command)) printJson(terminal, started);
    else for (const { id } of started) printLine(terminal, id);
    return;
  }
  const wait = { ...parts, client };
  const ids = started.map(({ id }) => id);
  const ended = await waitForRuns(wait, ids, parseMinutes(options.timeout));
  if (wantsJson(command)) printJson(terminal, ended);
  else for (const { id, state } of ended) printLine(terminal, `${id} ${state}`);
  await showLogTails(wait, ended);
  settle(parts, judgeRuns(ended.map(({ state }) => state)));
}

async function runPlan(parts: CliParts, plan: string, options: WaitOptions & { source?: readonly string[] }, command: Command) {
  if (options.wait === true) parseMinutes(options.timeout);
  const client = await connect(parts, command);
  const id = await findThing(client, 'plan', plan);
  const sources: string[] = [];
  for (const source of options.source ?? []) sources.push(await findThing(client, 'source', source));
  const body = sources.length === 0 ? {} : { sources };
  const { runs } = await startOnce(parts, client, startedSchema, `/plans/${id}/run`, body);
  await reportRuns(parts, client, runs, options, command);
}

interface RestoreOptions extends WaitOptions, DumpOptions {
  newestOf?: string;
  toDirectory?: string;
  include?: readonly string[];
  inPlace?: string;
}

/** Newest snapshots that are looked through for one of a plan. */
const LOOKED_THROUGH = 200;

async function findSnapshot(client: Client, id: string | undefined, newestOf: string | undefined) {
  if ((id === undefined) === (newestOf === undefined))
    throw createUsageError('name a snapshot by its id, or --newest-of a source');
  if (id !== undefined) return await client.get(snapshotSchema, `/snapshots/${checkId(id)}`);
  const source = await findThing(client, 'source', newestOf ?? '');
  // What belongs to no plan is what a restore was about to change: it is only restored by its id.
  const good = await client.list(snapshotSchema, '/snapshots', { source, state: 'good', role: 'data' }, LOOKED_THROUGH);
  const newest = good.find(({ plan }) => plan !== undefined);
  if (newest === undefined) throw new CliError(EXIT.failed, `${newestOf} has no good snapshot`);
  return newest;
}

function parseTable(text: string): { schema?: string; name: string } {
  const dot = text.indexOf('.');
  return dot > 0 ? { schema: text.slice(0, dot), name: text.slice(dot + 1) } : { name: text };
}

/** The path of the end-point and its body; what a kind of source cannot be restored to is a wrong use. */
async function writeOrder(client: Client, snapshot: z.infer<typeof snapshotSchema>, options: RestoreOptions) {
  const { kind } = await client.get(sourceSchema, `/sources/${checkId(snapshot.source)}`);
  const { sources } = await client.get(adaptersSchema, '/adapters');
  const restoresTo = sources.find((adapter) => adapter.kind === kind)?.restoresTo ?? 'directory';
  const host = options.host === undefined ? snapshot.host : await findThing(client, 'host', options.host);
  const waived = options.safetyBackup ? {} : { options: { safetyBackup: false } };
  const order = { snapshot: snapshot.id, host };
  if (restoresTo === 'database') {
    if (options.toDatabase === undefined)
      throw createUsageError('this is a snapshot of a database: say where with --to-database NAME');
    const source =
      options.throughSource === undefined ? snapshot.source : await findThing(client, 'source', options.throughSource);
    const tables = options.table?.map(parseTable);
    const target = { kind: 'database', source, database: options.toDatabase, mode: options.mode, tables };
    const { understood, confirm: databaseName } = options;
    return { path: '/restores', body: { ...order, target, understood, databaseName, ...waived } };
  }
  if (options.confirm !== undefined) throw createUsageError('--confirm is for databases; files go back with --in-place HOST');
  if (!options.safetyBackup && options.inPlace === undefined)
    throw createUsageError('--no-safety-backup goes with --in-place HOST, or with a database');
  if (options.inPlace !== undefined) {
    if (options.include === undefined) throw createUsageError('--in-place needs --include: the paths that are put back');
    return {
      path: '/restores/files',
      body: { ...order, target: { kind: 'in_place', paths: options.include }, hostName: options.inPlace, ...waived },
    };
  }
  if (options.toDirectory === undefined)
    throw createUsageError('this is a snapshot of files: say where with --to-directory PATH');
  if (options.include === undefined)
    return { path: '/restores', body: { ...order, target: { kind: 'directory', path: options.toDirectory } } };
  return {
    path: '/restores/files',
    body: { ...order, target: { kind: 'directory', path: options.toDirectory, paths: options.include } },
  };
}

async function writeAnyOrder(client: Client, id: string | undefined, options: RestoreOptions) {
  const { file, newestOf, repository } = options;
  if (file === undefined) {
    if (repository !== undefined) throw createUsageError('--repository goes with --file');
    return await writeOrder(client, await findSnapshot(client, id, newestOf), options);
  }
  if (id !== undefined || newestOf !== undefined) throw createUsageError('name a snapshot or a file, not both');
  return { path: '/restores', body: await writeDumpOrder(client, options, options.table?.map(parseTable)) };
}

async function restore(parts: CliParts, id: string | undefined, options: RestoreOptions, command: Command): Promise<void> {
  if (options.wait === true) parseMinutes(options.timeout);
  const client = await connect(parts, command);
  const { path, body } = await writeAnyOrder(client, id, options);
  const run = await startOnce(parts, client, runSchema, path, body);
  await reportRuns(parts, client, [run], options, command);
}

const logSchema = z.looseObject({ text: z.string(), lastLine: z.number() });
const LOG_LINES = 2000;

async function printLog(parts: CliParts, id: string, options: { level?: string }, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const format = wantsJson(command) ? 'ndjson' : 'txt';
  for (let after = 0; ; ) {
    const query = { format, after, limit: LOG_LINES, level: options.level };
    const { text, lastLine } = await client.get(logSchema, `/runs/${checkId(id)}/log`, query);
    for (const line of text.split('\n').filter((one) => one !== '')) parts.terminal.out(`${sanitise(line)}\n`);
    if (text.split('\n').length <= LOG_LINES || lastLine === after) return;
    after = lastLine;
  }
}

export function addRunCommands(program: Command, runs: Command, parts: CliParts): void {
  addWaitOptions(
    program
      .command('run')
      .description('run a plan now: one run for each host that has sources of it')
      .argument('<plan>', 'its name or id')
      .option('--source <source...>', 'only these sources of the plan, as host/name or id'),
  ).action((plan: string, options: WaitOptions, command: Command) => runPlan(parts, plan, options, command));
  addWaitOptions(
    program
      .command('restore')
      .description('bring a snapshot back, or a dump file that lies on a host')
      .argument('[snapshot]', 'its id')
      .option('--newest-of <source>', 'the newest good snapshot of this source, instead of an id')
      .option('--file <path>', 'a dump file that lies on the host, instead of a snapshot')
      .option('--host <host>', 'the host that writes it; the one it comes from unless given')
      .option('--to-directory <path>', 'files: a directory that does not exist or is empty')
      .option('--include <path...>', 'files: only these paths of the snapshot')
      .option('--in-place <host>', 'files: put the included paths back where they were; the name of the host, as consent')
      .option('--to-database <name>', 'databases: the database that is restored into')
      .option('--through-source <source>', 'databases: the source whose connection is used; its own unless given')
      .option('--mode <mode>', 'databases: new, replace, clean, append, schema_only, data_only or tables')
      .option('--table <table...>', 'databases: with --mode tables, as name or schema.name')
      .option('--repository <repository>', 'with --file: where the safety backup goes; that of the source’s plans unless given')
      .option('--understood', 'databases: consent to change one that exists')
      .option('--no-safety-backup', 'do not back up first what is overwritten: a database, or files with --in-place')
      .option('--confirm <name>', 'databases: the name of the database once more, where the mode changes what is in it'),
  ).action((id: string | undefined, options: RestoreOptions, command: Command) => restore(parts, id, options, command));
  addWaitOptions(runs.command('wait').description('wait for the end of runs').argument('<id...>', 'their ids')).action(
    async (ids: readonly string[], options: WaitOptions, command: Command) => {
      const client = await connect(parts, command);
      const found: RunRow[] = [];
      for (const id of ids) found.push(await client.get(runSchema, `/runs/${checkId(id)}`));
      await reportRuns(parts, client, found, { ...options, wait: true }, command);
    },
  );
  runs
    .command('cancel')
    .description('ask for the end of a run')
    .argument('<id>', 'its id')
    .action(async (id: string, _options: unknown, command: Command) => {
      const client = await connect(parts, command);
      const run = await client.send(runSchema, 'POST', `/runs/${checkId(id)}/cancel`);
      if (wantsJson(command)) printJson(parts.terminal, run);
      else printLine(parts.terminal, `${run.id} ${run.state}: its end is asked for`);
    });
  runs
    .command('log')
    .description('the log of a run')
    .argument('<id>', 'its id')
    .option('--level <levels>', 'exactly these, such as warn,error')
    .action((id: string, options: { level?: string }, command: Command) => printLog(parts, id, options, command));
}
