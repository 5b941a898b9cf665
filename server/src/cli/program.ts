/** The operator's command line put together. */
import { Command, CommanderError } from 'commander';
import { addAlertCommands } from './alert-commands.ts';
import { addAuditCommands } from './audit-commands.ts';
import { addCatalogCommands } from './catalog-commands.ts';
import { readTree } from './command-tree.ts';
import { SHELLS, writeCompletion } from './completion.ts';
import { addConfigCommands } from './config-commands.ts';
import { addContentsCommands } from './contents-commands.ts';
import { addCoverageCommands } from './coverage-commands.ts';
import { addDrillCommands } from './drill-commands.ts';
import { addDumpCommands } from './dump-commands.ts';
import { addEnrolmentCommands } from './enrolment-commands.ts';
import { CliError, createUsageError, EXIT } from './exit.ts';
import { addHostCommands } from './host-commands.ts';
import { addLoginCommands } from './login-commands.ts';
import { writeManual } from './manual.ts';
import { note, printJson, printLine } from './output.ts';
import { type CliParts, wantsJson } from './parts.ts';
import { addPeopleCommands } from './people-commands.ts';
import { addApiCommand, addReadCommands } from './read-commands.ts';
import { addRecoveryCommands } from './recovery-commands.ts';
import { addRecoveryKeyCommands } from './recovery-key-commands.ts';
import { addRetentionCommands } from './retention-commands.ts';
import { addRunCommands } from './run-commands.ts';
import { addSnapshotCommands } from './snapshot-commands.ts';
import { addStatisticsCommand } from './statistics-commands.ts';

const CLI_VERSION = '0.1.0';

export function createProgram(parts: CliParts): Command {
  const { terminal } = parts;
  const program = new Command('holdfast')
    .description('the operator’s command line of Holdfast: backups that can be restored')
    .option('--server <url>', 'another server than the one that login keeps')
    .option('--json', 'print JSON')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.error(text) });
  addLoginCommands(program, parts);
  const nouns = addReadCommands(program, parts);
  const getNoun = (name: string): Command => nouns.get(name) ?? program.command(name);
  addHostCommands(getNoun('hosts'), parts);
  addDumpCommands(getNoun('hosts'), parts);
  addEnrolmentCommands(getNoun('enrolment-tokens'), parts);
  addConfigCommands(program.command('plan').description('config as code: one file of all that is protected, and how'), parts);
  addCatalogCommands(getNoun('sources'), getNoun('repositories'), parts);
  addContentsCommands(getNoun('repositories'), parts);
  addRecoveryCommands(getNoun('repositories'), parts);
  addRecoveryKeyCommands(
    program.command('recovery-key').description('the key to which what opens the repositories is sealed'),
    parts,
  );
  addDrillCommands(getNoun('sources'), parts);
  addRunCommands(program, getNoun('runs'), parts);
  addRetentionCommands(program.command('retention').description('what plans keep, and what goes next'), parts);
  addSnapshotCommands(getNoun('snapshots'), parts);
  addAlertCommands(getNoun('alerts'), parts);
  addAuditCommands(getNoun('audit'), parts);
  addCoverageCommands(getNoun('coverage'), parts);
  addPeopleCommands(getNoun('users'), parts);
  addStatisticsCommand(program, parts);
  addApiCommand(program, parts);
  program
    .command('completion')
    .description('print the completion of a shell')
    .argument('<shell>', SHELLS.join(' or '))
    .action((name: string) => {
      const shell = SHELLS.find((one) => one === name);
      if (shell === undefined) throw createUsageError(`there is completion for ${SHELLS.join(' and ')}`);
      terminal.out(writeCompletion(readTree(program), shell));
    });
  program
    .command('man')
    .description('print the manual page')
    .action(() => terminal.out(writeManual(readTree(program), CLI_VERSION)));
  program
    .command('version')
    .description('print the version')
    .action((_options: unknown, command: Command) => {
      if (wantsJson(command)) printJson(terminal, { version: CLI_VERSION, node: process.version });
      else printLine(terminal, CLI_VERSION);
    });
  return program;
}

/** Carries one command line out. Never throws what a person did wrong: that is told, and set as the exit code. */
export async function runCommandLine(args: readonly string[], parts: CliParts): Promise<void> {
  try {
    await createProgram(parts).parseAsync(args, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // It has said what is wrong itself; help that was asked for is no fault.
      if (thrown.exitCode !== 0) parts.setExit(EXIT.usage);
      return;
    }
    if (!(thrown instanceof CliError)) throw thrown;
    for (const line of thrown.message.split('\n')) note(parts.terminal, `holdfast: ${line}`);
    parts.setExit(thrown.exitCode);
  }
}
