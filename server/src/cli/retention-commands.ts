/** What the retention of plans would remove, and removing it now. */
import type { Command } from 'commander';
import * as z from 'zod';
import type { Client, Query } from './client.ts';
import { CliError, createUsageError, EXIT } from './exit.ts';
import { findThing, readNames } from './find.ts';
import { note, printJson, printLine, printTable, showInstant } from './output.ts';
import { type CliParts, connect, settle, wantsJson } from './parts.ts';
import { addWaitOptions, parseMinutes, reportRuns, startedSchema, startOnce, type WaitOptions } from './run-commands.ts';
import type { RunRow } from './wait.ts';

const previewSchema = z.looseObject({
  policy: z.string().optional(),
  problem: z.string().optional(),
  sources: z.array(
    z.looseObject({
      source: z.string(),
      host: z.string(),
      keeps: z.number(),
      removes: z.number(),
      frozen: z.string().optional(),
      needsPerson: z.boolean(),
      backups: z.array(
        z.looseObject({
          snapshot: z.string(),
          createdAt: z.number(),
          verdict: z.enum(['keep', 'remove']),
          because: z.array(z.string()),
        }),
      ),
    }),
  ),
});
type Preview = z.infer<typeof previewSchema>;

interface Place {
  repository?: string;
}

interface PreviewOptions extends Place {
  kept?: boolean;
}

function describeHold({ frozen, needsPerson }: Preview['sources'][number]): string {
  if (frozen !== undefined) return `frozen: ${frozen}`;
  return needsPerson ? 'waits for a person' : '';
}

async function printPreview(parts: CliParts, client: Client, preview: Preview, isKeptShown: boolean): Promise<void> {
  const { terminal } = parts;
  const { policy, problem, sources } = preview;
  if (policy === undefined) return printLine(terminal, 'everything is kept: there is no retention policy');
  if (problem !== undefined) return printLine(terminal, problem);
  const hosts = await readNames(client, 'host', [...new Set(sources.map(({ host }) => host))]);
  const names = await readNames(client, 'source', [...new Set(sources.map(({ source }) => source))]);
  const nameOf = ({ host, source }: Preview['sources'][number]) => `${hosts.get(host) ?? host}/${names.get(source) ?? source}`;
  printTable(
    terminal,
    ['SOURCE', 'STAY', 'GO', 'BUT'],
    sources.map((one) => [nameOf(one), String(one.keeps), String(one.removes), describeHold(one)]),
  );
  const shown = sources.flatMap((one) =>
    one.backups
      .filter(({ verdict }) => isKeptShown || verdict === 'remove')
      .map(({ snapshot, createdAt, verdict, because }) => [
        ...[snapshot, nameOf(one), showInstant(createdAt)],
        ...[verdict === 'keep' ? 'stays' : 'goes', because.join('; ')],
      ]),
  );
  if (shown.length === 0) return;
  printLine(terminal, '');
  printTable(terminal, ['SNAPSHOT', 'SOURCE', 'CREATED', 'NEXT', 'BECAUSE'], shown);
}

async function findPlace(client: Client, repository: string | undefined): Promise<{ repository?: string }> {
  return repository === undefined ? {} : { repository: await findThing(client, 'repository', repository) };
}

async function preview(parts: CliParts, plan: string, options: PreviewOptions, command: Command): Promise<void> {
  const client = await connect(parts, command);
  const id = await findThing(client, 'plan', plan);
  const query: Query = await findPlace(client, options.repository);
  const found = await client.get(previewSchema, `/plans/${id}/retention`, query);
  if (wantsJson(command)) printJson(parts.terminal, found);
  else await printPreview(parts, client, found, options.kept === true);
}

const planSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  repository: z.string(),
  retentionPolicy: z.string().optional(),
  copyRepository: z.string().optional(),
  copyPolicy: z.string().optional(),
});

/** Plans that have a policy for what lies in that repository, or in their own. */
async function listRetained(client: Client, { repository }: Place): Promise<readonly { id: string; name: string }[]> {
  const plans = await client.list(planSchema, '/plans');
  return plans.filter((plan) => {
    const isOwn = repository === undefined || plan.repository === repository;
    return isOwn ? plan.retentionPolicy !== undefined : plan.copyRepository === repository && plan.copyPolicy !== undefined;
  });
}

interface RunOptions extends WaitOptions, Place {
  all?: boolean;
  agree?: boolean;
}

/** One that cannot be begun is told and fails the command, and does not keep the others from it. */
async function run(parts: CliParts, names: readonly string[], options: RunOptions, command: Command): Promise<void> {
  if (options.wait === true) parseMinutes(options.timeout);
  if ((names.length === 0) !== (options.all === true)) throw createUsageError('name plans, or --all of them');
  const client = await connect(parts, command);
  const place = await findPlace(client, options.repository);
  const plans: { id: string; name: string }[] = [];
  for (const name of names) plans.push({ id: await findThing(client, 'plan', name), name });
  if (options.all === true) plans.push(...(await listRetained(client, place)));
  const started: RunRow[] = [];
  let isRefused = false;
  for (const { id, name } of plans) {
    try {
      const body = { ...place, isApproved: options.agree === true };
      started.push(...(await startOnce(parts, client, startedSchema, `/plans/${id}/forget`, body)).runs);
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.failed) throw error;
      note(parts.terminal, `${name}: ${error.message}`);
      isRefused = true;
    }
  }
  if (started.length > 0) await reportRuns(parts, client, started, options, command);
  if (isRefused) settle(parts, EXIT.failed);
}

export function addRetentionCommands(retention: Command, parts: CliParts): void {
  retention
    .command('preview')
    .description('what goes next of a plan, and why')
    .argument('<plan>', 'its name or id')
    .option('--repository <repository>', 'its second repository, for the copies there; its own unless given')
    .option('--kept', 'what stays too, with why')
    .action((plan: string, options: PreviewOptions, command: Command) => preview(parts, plan, options, command));
  addWaitOptions(
    retention
      .command('run')
      .description('remove now what plans do not keep')
      .argument('[plan...]', 'their names or ids')
      .option('--all', 'every plan that has a policy for what lies there')
      .option('--repository <repository>', 'the second repository, for the copies there; that of each plan unless given')
      .option('--agree', 'consent to more than half of the backups of a source going in one step'),
  ).action((plans: string[], options: RunOptions, command: Command) => run(parts, plans, options, command));
}
