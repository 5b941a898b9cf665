#!/usr/bin/env node
/** `holdfast-server`: serve, user create, user link, audit verify, api-key create, backup, recovery-kit, recovery-key create, version. Data on standard output, logs on standard error. */

import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { systemClock } from '@holdfast/shared/clock.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CONFIG_EXIT_CODE, ConfigError, loadConfig, readEnvironment, type ServerConfig } from './config.ts';
import { createCliCaller, createUser } from './core/accounts/accounts.ts';
import { createApiKey } from './core/accounts/api-keys.ts';
import { issuePasswordLink, listPeople } from './core/accounts/people.ts';
import { SCOPES, type Scope } from './core/accounts/scopes.ts';
import { describeVerdict, verifyAudit } from './core/audit-chain.ts';
import type { CoreContext } from './core/ports.ts';
import { createRecoveryKey } from './core/repositories/recovery-key.ts';
import { readRecoveryKit } from './core/repositories/recovery-sheet.ts';
import { formatRecoverySheet } from './core/repositories/recovery-text.ts';
import { findDatabase, openFoundation } from './foundation.ts';
import { createDirectory } from './hub/directory.ts';
import { createLog, type ServerLog } from './log.ts';
import { noteCopy } from './own-facts.ts';
import { readSealedKit, writeSealedKit } from './sealed-kit.ts';
import { ROLES, type Role } from './store/people.ts';
import { backUpStore } from './store/sqlite/file/copy.ts';
import { checkPasswordRules } from './vault/password-rules.ts';
import { SERVER_VERSION } from './version.ts';
import { createUrls } from './web/urls.ts';

function openLog(config: ServerConfig): ServerLog {
  const log = createLog({ level: config.logLevel, clock: systemClock });
  for (const warning of config.warnings) log.warn({}, warning);
  return log;
}

function fail(thrown: unknown): void {
  if (thrown instanceof ConfigError) {
    process.stderr.write(`holdfast-server: ${thrown.message}\n`);
    process.exitCode = CONFIG_EXIT_CODE;
    return;
  }
  const error = toAppError(thrown);
  process.stderr.write(`holdfast-server: ${error.message}\n`);
  if (error.code === 'internal' && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ''}\n`);
  process.exitCode = error.code === 'invalid' ? CONFIG_EXIT_CODE : 1;
}

async function serve(): Promise<void> {
  const config = loadConfig(readEnvironment());
  const log = openLog(config);
  // Half of what the server loads serves pages and hosts: the other commands go without it.
  const { createApp } = await import('./app.ts');
  const app = await createApp(config, log);
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    app.close().catch((error: unknown) => log.error({ err: error }, 'closing failed'));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // What loading left behind is a tenth of the memory, and a server that waits would never come to collect it.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  await app.start();
}

/** Runs a one-shot command on the store, beside a server that may be running. */
async function onStore<T>(work: (context: CoreContext) => Promise<T>): Promise<T> {
  const config = loadConfig(readEnvironment());
  const context = await openFoundation({
    dataDir: config.dataDir,
    masterKey: config.masterKey.value,
    masterKeyFile: config.masterKey.file,
    baseUrl: config.baseUrl ?? '',
    log: createLog({ level: 'warn', clock: systemClock }),
    access: 'beside',
    createDirectory,
  });
  try {
    return await work(context);
  } finally {
    await context.store.close();
  }
}

interface NamedOptions {
  name: string;
  role: Role;
  json?: boolean;
}

async function readPassword(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError('--password-file', `the file ${path} cannot be read (${code ?? 'unknown error'})`);
  }
}

async function createUserCommand(options: NamedOptions & { passwordFile: string }): Promise<void> {
  const password = await readPassword(options.passwordFile);
  const user = await onStore((context) =>
    createUser(context, createCliCaller(userInfo().username), checkPasswordRules, {
      name: options.name,
      role: options.role,
      password,
    }),
  );
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ id: user.id, name: user.name, role: user.role })}\n`
      : `created ${user.role} ${user.name}\n`,
  );
}

async function linkUserCommand({ name, json }: { name: string; json?: boolean }): Promise<void> {
  const { url, expiresAt } = await onStore(async (context) => {
    const caller = createCliCaller(userInfo().username);
    const found = (await listPeople(context, caller, { search: name })).find(({ user }) => user.name === name);
    if (found === undefined) throw new AppError('not_found', `there is nobody called ${name}`);
    const { link } = await issuePasswordLink(context, caller, found.user.id);
    return { url: `${context.baseUrl}${createUrls('').choosePassword({ token: link.token })}`, expiresAt: link.expiresAt };
  });
  // Printed once and never again: only its hash is kept.
  process.stdout.write(json ? `${JSON.stringify({ url, expiresAt })}\n` : `${url}\n`);
}

async function verifyAuditCommand({ json }: { json?: boolean }): Promise<void> {
  const verdict = await onStore((context) => verifyAudit(context, createCliCaller(userInfo().username)));
  process.stdout.write(json ? `${JSON.stringify(verdict)}\n` : `${describeVerdict(verdict)}\n`);
  if (verdict.fault !== undefined) process.exitCode = 1;
}

interface KeyOptions {
  name: string;
  role?: Role;
  scope?: readonly Scope[];
  days?: number;
  json?: boolean;
}

async function createKeyCommand({ name, role, scope: scopes, days, json }: KeyOptions): Promise<void> {
  const expiresAt = days === undefined ? undefined : systemClock.now() + days * DAY_MS;
  const made = await onStore((context) =>
    createApiKey(context, createCliCaller(userInfo().username), { name, role, scopes, expiresAt }),
  );
  // Printed once and never again: only its hash is kept.
  process.stdout.write(
    json
      ? `${JSON.stringify({ id: made.key.id, name, role: made.key.role, scopes: made.key.scopes, expiresAt, key: made.token })}\n`
      : `${made.token}\n`,
  );
}

async function backUpCommand({ to, json }: { to: string; json?: boolean }): Promise<void> {
  const { dataDir } = loadConfig(readEnvironment());
  const bytes = backUpStore(findDatabase(dataDir), to);
  if (!noteCopy(dataDir, systemClock.now()))
    process.stderr.write(`holdfast-server: the copy is whole, but ${dataDir} takes no note of it, so it may be called too old\n`);
  process.stdout.write(json ? `${JSON.stringify({ path: to, bytes })}\n` : `copied ${bytes} bytes to ${to}, whole\n`);
}

interface KitOptions {
  sealed?: boolean;
  to?: string;
  database?: string;
  json?: boolean;
}

/** Beside the master key nothing here is more secret than before: whoever can run this can read every password anyway. */
async function printKitCommand(options: KitOptions): Promise<void> {
  const { sealed, to, database, json } = options;
  if (sealed === true) return printSealedCommand(options);
  if (to !== undefined || database !== undefined)
    throw new AppError('invalid', '--to and --database are for sealed copies: add --sealed');
  const kit = await onStore((context) => readRecoveryKit(context, createCliCaller(userInfo().username)));
  process.stdout.write(json ? `${JSON.stringify(kit)}\n` : formatRecoverySheet(kit));
}

function printSealedCommand({ to, database, json }: KitOptions): void {
  const path = database ?? findDatabase(loadConfig(readEnvironment()).dataDir);
  process.stdout.write(to === undefined ? readSealedKit(path, json === true) : writeSealedKit(path, to, json === true));
}

interface NewKeyOptions {
  replaces?: string;
  json?: boolean;
}

async function createRecoveryKeyCommand({ replaces, json }: NewKeyOptions): Promise<void> {
  const { identity, recipient } = await onStore((context) =>
    createRecoveryKey(context, createCliCaller(userInfo().username), replaces),
  );
  // Printed once and never again: it is kept nowhere.
  const lines = [
    `# Recovery key of Holdfast, public key: ${recipient}`,
    '# Keep this where neither the server nor its hosts are needed to read it. It is not printed again.',
    identity,
  ];
  process.stdout.write(json ? `${JSON.stringify({ recipient, identity })}\n` : `${lines.join('\n')}\n`);
}

const guard =
  <T extends unknown[]>(action: (...given: T) => Promise<void>) =>
  async (...given: T) => {
    try {
      await action(...given);
    } catch (error) {
      fail(error);
    }
  };
const roleOption = () => new Option('--role <role>', 'what it may do').choices([...ROLES]);

function parseDays(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a whole number of days, from 1 to 9999.');
}

const program = new Command('holdfast-server')
  .description('The control plane of Holdfast backups.')
  .version(SERVER_VERSION)
  // Commands made after this answer a wrong option in the same way.
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : CONFIG_EXIT_CODE));
program
  .command('serve')
  .description('serve pages, API and the hub for agents (configured by HOLDFAST_… variables)')
  .action(guard(serve));
const user = program.command('user').description('people who sign in');
user
  .command('create')
  .description('create a user')
  .requiredOption('--name <name>', 'name to sign in with')
  .addOption(roleOption().makeOptionMandatory())
  .requiredOption('--password-file <path>', 'file that holds the password')
  .option('--json', 'print JSON')
  .action(guard(createUserCommand));
user
  .command('link')
  .description('print an address at which a person chooses a new password, once: for whoever forgot theirs')
  .requiredOption('--name <name>', 'name they sign in with')
  .option('--json', 'print JSON')
  .action(guard(linkUserCommand));
program
  .command('audit')
  .description('who did what')
  .command('verify')
  .description('follow the chain of the audit, beside a running server; exit code 1 where it is broken')
  .option('--json', 'print JSON')
  .action(guard(verifyAuditCommand));
const apiKey = program.command('api-key').description('keys for programs');
apiKey
  .command('create')
  .description('create a key and print it once')
  .requiredOption('--name <name>', 'what the key is for')
  .addOption(
    new Option('--scope <scope...>', 'what it may do besides reading; without this and --role it may only read')
      .choices([...SCOPES])
      .conflicts('role'),
  )
  .addOption(roleOption().conflicts('scope'))
  .option('--days <days>', 'ends after so many days; without this it lasts until it is revoked', parseDays)
  .option('--json', 'print JSON')
  .action(guard(createKeyCommand));
program
  .command('backup')
  .description('copy the database to a file, beside a running server; the copy is checked before it counts')
  .requiredOption('--to <path>', 'the file that the copy becomes; an older copy there is replaced')
  .option('--json', 'print JSON')
  .action(guard(backUpCommand));
program
  .command('recovery-kit')
  .description('print what opens every repository with restic alone, passwords and keys included, beside a running server')
  .option('--sealed', 'print the copies that are sealed to the recovery key instead, which needs no master key')
  .option('--to <directory>', 'with --sealed: write a file for each repository there')
  .option('--database <file>', 'with --sealed: read this database or copy of one')
  .option('--json', 'print JSON')
  .action(guard(printKitCommand));
program
  .command('recovery-key')
  .description('the key to which what opens the repositories is sealed')
  .command('create')
  .description('make a recovery key and print its secret half once, beside a running server')
  .option('--replaces <recipient>', 'the recipient that is there, which goes')
  .option('--json', 'print JSON')
  .action(guard(createRecoveryKeyCommand));
program
  .command('version')
  .description('print the version')
  .option('--json', 'print JSON')
  .action((options: { json?: boolean }) => {
    process.stdout.write(
      options.json ? `${JSON.stringify({ version: SERVER_VERSION, node: process.version })}\n` : `${SERVER_VERSION}\n`,
    );
  });
await program.parseAsync();
