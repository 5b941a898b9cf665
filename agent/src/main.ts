#!/usr/bin/env node
/**
 * `holdfast-agent`: run, status, drained, doctor, recovery-kit, restore, version. Data on standard output, logs on standard error. Each command loads what it needs
 * itself, so that one that only reads does not wait for what runs backups.
 */
import { systemClock } from '@holdfast/shared/clock.ts';
import { findReason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { Command } from 'commander';
import { sanitise } from './commands/output.ts';
import type { RestoreWishes } from './commands/restore-wishes.ts';
import { type AgentConfig, type AgentEnvironment, parseAgentConfig, readAgentEnvironment } from './config.ts';
import { createAgentLog } from './log.ts';
import { AGENT_VERSION } from './version.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 not admitted by the server. */
const EXIT = { failed: 1, usage: 2, refused: 3 } as const;

interface CommonOptions {
  stateDir?: string;
  server?: string;
  json?: boolean;
}

function readConfig(options: CommonOptions): AgentConfig {
  const environment: AgentEnvironment = readAgentEnvironment();
  const given = {
    ...environment,
    ...(options.server === undefined ? {} : { serverUrl: options.server }),
    ...(options.stateDir === undefined ? {} : { stateDir: options.stateDir }),
  };
  return parseAgentConfig(given, process.getuid?.() === 0);
}

function fail(thrown: unknown): void {
  const error = toAppError(thrown);
  process.stderr.write(`holdfast-agent: ${error.message.split('\n').map(sanitise).join('\n')}\n`);
  if (error.code === 'internal' && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ''}\n`);
  const isUsage = error.code === 'invalid' && findReason(error) === undefined;
  process.exitCode = isUsage
    ? EXIT.usage
    : error.code === 'forbidden' || error.code === 'unauthenticated'
      ? EXIT.refused
      : EXIT.failed;
}

async function run(options: CommonOptions): Promise<void> {
  const config = readConfig(options);
  const log = createAgentLog({ level: config.logLevel, forPeople: process.stderr.isTTY === true, now: systemClock.now });
  for (const warning of config.warnings ?? []) log.warn({}, warning);
  const { createAgent } = await import('./app.ts');
  const agent = await createAgent(config, log);
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    agent.stop().catch((error: unknown) => log.error({ err: error }, 'stopping failed'));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // What loading left behind would stay for good in a process that waits.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  try {
    await agent.run();
  } finally {
    await agent.stop();
  }
}

const program = new Command('holdfast-agent')
  .description('Backs up this host on its own schedule and reports to a Holdfast server.')
  .version(AGENT_VERSION)
  // Commands made after this answer a wrong option in the same way.
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage));
const withCommon = (command: Command) =>
  command.option('--state-dir <path>', 'where identity, journal and cache live (HOLDFAST_STATE_DIR)');
const guard =
  <T extends unknown[]>(action: (...given: T) => Promise<void>) =>
  async (...given: T) => {
    try {
      await action(...given);
    } catch (error) {
      fail(error);
    }
  };

withCommon(program.command('run').description('announce this host if it is new, then back up by schedule and report'))
  .option('--server <url>', 'address of the server (HOLDFAST_SERVER_URL)')
  .action(guard(run));

withCommon(program.command('status').description('what this host knows: its server, plans, next fires, events not yet reported'))
  .option('--json', 'print JSON')
  .action(
    guard(async (options: CommonOptions) => {
      const { runStatus } = await import('./commands/status.ts');
      await runStatus(readConfig(options), options.json === true);
    }),
  );

withCommon(program.command('drained').description('wait until this host is drained and nothing runs any more'))
  .option('--json', 'print JSON')
  .action(
    guard(async (options: CommonOptions) => {
      const { runDrained } = await import('./commands/drained.ts');
      await runDrained(readConfig(options), options.json === true);
    }),
  );

withCommon(program.command('doctor').description('check tools, directories and protections of this host'))
  .option('--json', 'print JSON')
  .action(
    guard(async (options: CommonOptions) => {
      const { runDoctor } = await import('./commands/doctor.ts');
      const healthy = await runDoctor(readConfig(options), options.json === true);
      if (!healthy) process.exitCode = EXIT.failed;
    }),
  );

withCommon(
  program
    .command('recovery-kit')
    .description('where what opens the repositories lies, sealed to the recovery key; opened with age'),
)
  .option('--repository <name>', 'print the sealed copy of this one, by name or id')
  .option('--json', 'print JSON')
  .action(
    guard(async (options: CommonOptions & { repository?: string }) => {
      const { runRecoveryKit } = await import('./commands/recovery-kit.ts');
      await runRecoveryKit(readConfig(options), options.repository, options.json === true);
    }),
  );

withCommon(program.command('restore').description('list and restore snapshots from here, with the server away'))
  .option('--list', 'list what can be restored')
  .option('--source <name>', 'the source, by name or id')
  .option('--snapshot <id>', 'a snapshot, or "latest"', 'latest')
  .option('--repository <name>', 'look into this repository alone; with --file: where the safety backup goes')
  .option(
    '--file <path>',
    'restore this dump or script in place of a snapshot, through the connection of --source; any file you may read, whatever HOLDFAST_DUMP_DIRS says',
  )
  .option('--to <directory>', 'files: into a new directory')
  .option('--to-file <path>', 'files: the one --path as a new file; a directory with --archive')
  .option('--archive <format>', 'with --to-file: "tar" or "zip" of a directory')
  .option('--in-place', 'files: each --path back where it was, over what stands there; needs --confirm')
  .option('--path <path...>', 'files: only these paths of the snapshot, each with what lies below it')
  .option('--to-database <name>', 'databases: under this new name, or over this database with --mode')
  .option('--through-source <name>', 'databases: through the connection of this source; its own unless given')
  .option('--connect-as <user>', 'databases: as this user of the server, for this restore alone; asks for the password')
  .option('--password-file <file>', 'with --connect-as: a file with the password that only you can read')
  .option('--mode <mode>', 'databases: new, replace, clean, append, schema_only, data_only or tables')
  .option('--table <table...>', 'with --mode tables: which, as name or schema.name')
  .option('--understood', 'databases: consent to change one that exists')
  .option('--confirm <name>', 'the name of the database that is changed, or with --in-place of this host, once more')
  .option('--end-sessions', 'databases: end the sessions of others where the mode needs it for itself')
  .option('--no-safety-backup', 'do not back up first what is overwritten: a database, or files with --in-place')
  .option('--read-first', 'databases: read the whole backup before anything is made')
  .option('--accept-older-server', 'databases: into a server older than the one that was dumped')
  .option('--accept-little-room', 'onto a disk that seems too small')
  .option('--jobs <number>', 'bring the dump to this disk first and restore it through so many connections (PostgreSQL)')
  .option('--roles <which>', 'make missing roles first: "needed" by owners and grants, or "all" that were stored (PostgreSQL)')
  .option('--no-owners', 'without owners and grants: everything belongs to the restoring user')
  .option('--limit <KiB/s>', 'how fast the repository is read')
  .option('--json', 'print JSON')
  .action(
    guard(async (options: CommonOptions & RestoreWishes) => {
      const { runRestore } = await import('./commands/restore.ts');
      await runRestore(readConfig(options), options);
    }),
  );

program
  .command('version')
  .description('print the version')
  .option('--json', 'print JSON')
  .action((options: { json?: boolean }) => {
    process.stdout.write(
      options.json ? `${JSON.stringify({ version: AGENT_VERSION, node: process.version })}\n` : `${AGENT_VERSION}\n`,
    );
  });

// `… | head` ends the reader first, which is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : EXIT.failed));
// Every action reports its own failure. No `await`: the executable's bundle is CommonJS, which has none at the top.
void program.parseAsync();
