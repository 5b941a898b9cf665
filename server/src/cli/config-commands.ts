/** `plan diff` and `plan apply`: config as code. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { applyChanges, readSecrets } from './config-apply.ts';
import { type Change, type ConfigDiff, diffConfig } from './config-diff.ts';
import { exportConfig, writeYaml } from './config-export.ts';
import { type ConfigFile, parseConfigFile } from './config-file.ts';
import { collectNames, readServerState } from './config-state.ts';
import { type TrialParts, tryChanges } from './config-trial.ts';
import { CliError, createUsageError, EXIT } from './exit.ts';
import { note, printJson, printLine, showValue, type Terminal } from './output.ts';
import { type CliParts, connect, settle, wantsJson } from './parts.ts';

interface ConfigOptions {
  file: string;
  resendSecrets?: boolean;
  delete?: boolean;
  test?: boolean;
}

async function readConfigFile(parts: CliParts, path: string): Promise<ConfigFile> {
  if (path === '-') return parseConfigFile(await parts.terminal.readInput(), 'standard input');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw createUsageError(`${path} cannot be read (${error.code})`);
  });
  return parseConfigFile(text, path);
}

const SIGNS: Readonly<Record<Change['action'], string>> = { create: '+', update: '~', extra: '?' };

/** A value as one looks at it in a diff; nothing where there is none. */
function showSide(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? value : Array.isArray(value) ? JSON.stringify(value) : showValue(value);
}

function describeChange(change: Change, remove: boolean): readonly string[] {
  const sign = change.action === 'extra' && remove ? '-' : SIGNS[change.action];
  const aside = change.action === 'extra' ? (remove ? '' : '  (not in the file)') : '';
  const fields = change.fields
    .filter(({ before, after }) => before !== undefined || (after !== undefined && after !== ''))
    .map(({ field, before, after }) =>
      change.action === 'create' ? `    ${field}: ${showSide(after)}` : `    ${field}: ${showSide(before)} -> ${showSide(after)}`,
    );
  const secrets = Object.entries(change.secrets).map(([field, reference]) => `    secret ${field}: from ${reference}`);
  return [`${sign} ${change.section} ${change.name}${aside}`, ...fields, ...secrets];
}

function countChanges(changes: readonly Change[]): string {
  const count = (action: Change['action']) => changes.filter((change) => change.action === action).length;
  return `${count('create')} to add, ${count('update')} to change, ${count('extra')} not in the file`;
}

function printDiff(terminal: Terminal, { changes }: ConfigDiff, remove: boolean): void {
  for (const change of changes) for (const line of describeChange(change, remove)) printLine(terminal, line);
  printLine(terminal, changes.length === 0 ? 'the server is as the file says' : countChanges(changes));
}

/** What a script reads: without what was wanted as a whole. */
function toReport({ changes, problems }: ConfigDiff) {
  return { changes: changes.map(({ wanted: _wanted, ...shown }) => shown), problems };
}

async function diff(parts: CliParts, options: ConfigOptions, command: Command): Promise<void> {
  const file = await readConfigFile(parts, options.file);
  const state = await readServerState(await connect(parts, command));
  const found = diffConfig(file, state, { resend: options.resendSecrets === true });
  if (wantsJson(command)) printJson(parts.terminal, toReport(found));
  else printDiff(parts.terminal, found, options.delete === true);
  for (const problem of found.problems) note(parts.terminal, problem);
  settle(parts, found.problems.length > 0 ? EXIT.failed : found.changes.length > 0 ? EXIT.partial : EXIT.done);
}

/** @throws CliError with a line for each that does not work; nothing was changed by then */
async function demandWorking({ terminal }: CliParts, changes: readonly Change[], trial: TrialParts): Promise<void> {
  const { failures, notes } = await tryChanges(changes, trial);
  for (const line of notes) note(terminal, line);
  if (failures.length > 0) throw new CliError(EXIT.failed, `${failures.join('\n')}\nnothing was changed`);
}

async function apply(parts: CliParts, options: ConfigOptions, command: Command): Promise<void> {
  const { terminal } = parts;
  const file = await readConfigFile(parts, options.file);
  const client = await connect(parts, command);
  const state = await readServerState(client);
  const found = diffConfig(file, state, { resend: options.resendSecrets === true });
  if (found.problems.length > 0) throw new CliError(EXIT.failed, `${found.problems.join('\n')}\nnothing was changed`);
  const secrets = await readSecrets(found.changes, { findVariable: parts.findVariable, configPath: options.file });
  const names = collectNames(state);
  if (options.test === true) await demandWorking(parts, found.changes, { client, file, state, names, secrets });
  const remove = options.delete === true;
  const isJson = wantsJson(command);
  const onChange = (change: Change) => {
    if (!isJson) for (const line of describeChange(change, remove)) printLine(terminal, line);
  };
  const made = await applyChanges(found.changes, { client, file, names, secrets, onChange }, remove);
  if (isJson) printJson(terminal, { ...toReport(found), made });
  else printLine(terminal, made === 0 ? 'nothing to change: the server is as the file says' : `${made} changes made`);
  const left = found.changes.filter(({ action }) => action === 'extra');
  if (!remove && left.length > 0)
    note(terminal, `not in the file and left as they are: ${left.map(({ name }) => name).join(', ')}`);
  const fresh = found.changes.filter(({ action, section }) => action === 'create' && section === 'repositories');
  for (const { name } of fresh)
    note(terminal, `repository ${name}: holdfast repositories init ${name} --host …, unless it is there already; then test`);
}

async function exportAll(parts: CliParts, command: Command): Promise<void> {
  const { file, variables } = exportConfig(await readServerState(await connect(parts, command)));
  if (wantsJson(command)) printJson(parts.terminal, file);
  else parts.terminal.out(writeYaml(file));
  if (variables.length > 0)
    note(parts.terminal, `secrets never leave the server; before an application set ${variables.join(', ')}`);
}

export function addConfigCommands(plan: Command, parts: CliParts): void {
  const add = (name: string, description: string) =>
    plan
      .command(name)
      .description(description)
      .requiredOption('-f, --file <file>', 'the YAML or JSON file; - for standard input')
      .option('--resend-secrets', 'send secrets that are stored already as well: they cannot be compared')
      .option('--delete', 'take away what the file does not have, of the kinds it speaks of');
  add('diff', 'show what the file would change; exit code 3 where they differ').action(
    (options: ConfigOptions, command: Command) => diff(parts, options, command),
  );
  add('apply', 'make the server as the file says')
    .option('--test', 'try new and changed sources and repositories from their hosts first; where one fails nothing is changed')
    .action((options: ConfigOptions, command: Command) => apply(parts, options, command));
  plan
    .command('export')
    .description('print the file that describes the server as it is; secrets are left as references')
    .action((_options: unknown, command: Command) => exportAll(parts, command));
}
