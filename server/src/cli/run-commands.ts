/** Starting things and waiting for them: runs of plans, restores, and what can be done with a run. */
import type { Command } from 'commander';
import * as z from 'zod';
import type { Client } from './client.ts';
import { CliError, createUsageError, EXIT } from './exit.ts';
import { checkId, findThing } from './find.ts';
import { note, printJson, printLine, sanitise } from './output.ts';
import { type CliParts, connect, settle, wantsJson } from './parts.ts';
import { readPassword } from './private-input.ts';
import { addRestoreOptions, type RestoreOptions, writeRestoreOrder } from './restore-order.ts';
import { judgeRuns, type RunRow, runSchema, showLogTails, waitForRuns } from './wait.ts';

export const startedSchema = z.looseObject({ runs: z.array(runSchema) });

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

async function restore(
  parts: CliParts,
  id: string | undefined,
  options: RestoreOptions & WaitOptions,
  command: Command,
): Promise<void> {
  if (options.wait === true) parseMinutes(options.timeout);
  const client = await connect(parts, command);
  const { path, body } = await writeRestoreOrder(client, id, options, parts.clock.now());
  const { connectAs: user, passwordFile } = options;
  const password = user === undefined ? '' : await readPassword(parts.terminal, passwordFile, `Password of ${user}: `);
  const credential = user === undefined ? {} : { credential: { user, password } };
  const run = await startOnce(parts, client, runSchema, path, { ...body, ...credential });
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
    addRestoreOptions(program.command('restore').description('bring a snapshot back, or a dump file that lies on a host')),
  ).action((id: string | undefined, options: RestoreOptions & WaitOptions, command: Command) =>
    restore(parts, id, options, command),
  );
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
