/**
 * The shell pipe a careful administrator would write: the same binaries with the same arguments and environment as the agent uses,
 * planned by the same pure functions, joined by a plain pipe of bash.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { planBackupStdin, planCatConfig, planDump, planList, type ResticPlace } from '@holdfast/agent/engines/restic/args.ts';
import { createChildEnvironment } from '@holdfast/agent/exec/environment.ts';
import { getRepositoryAdapter, getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { Config, Secrets } from '@holdfast/shared/adapters/field.ts';
import { createConfigSchema } from '@holdfast/shared/adapters/field.ts';
import type { Probe, StreamArtifact } from '@holdfast/shared/adapters/source.ts';
import { plainEnvironment } from '../harness/services/guard.ts';

/** Where a bare pipe reads and writes, and with which binaries. */
export type BareSetup = {
  readonly source: { readonly kind: string; readonly config: Config; readonly secrets: Secrets };
  readonly repository: { readonly path: string; readonly password: string };
  /** Private directory for password files; made when missing. */
  readonly workDir: string;
  readonly cacheDir: string;
  readonly tmpDir: string;
  readonly home: string;
  /** Absolute path of each tool, as the agent's inventory has it. */
  readonly binaries: Readonly<Record<string, string>>;
};

/** One side of a pipe, ready to be written down. */
export type ShellStage = {
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/** One argument or value for a POSIX shell, whatever is in it. */
export function quoteForShell(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `A=1 tool args | B=2 tool args`. */
export function formatPipe(stages: readonly ShellStage[]): string {
  return stages
    .map(({ binary, args, env }) => {
      const values = Object.entries(env).map(([name, value]) => `${name}=${quoteForShell(value)}`);
      return [...values, quoteForShell(binary), ...args.map(quoteForShell)].join(' ');
    })
    .join(' | ');
}

/** Dumps into the repository by a bare pipe. Resolves with the milliseconds from the shell's start to its end; throws unless both ended well. */
export async function timeBareBackup(setup: BareSetup): Promise<number> {
  const { adapter, input } = prepareSource(setup);
  const artifact = adapter
    .planBackup(input, NO_PROBE)
    .find((one): one is StreamArtifact => one.kind === 'stream' && one.role === 'data');
  if (artifact === undefined) throw new Error(`${setup.source.kind} has no dump`);
  const tags = ['tenant:bench', 'host:bench', 'plan:bench', 'source:bench', 'run:bench', 'role:data'];
  const place = planPlace(setup);
  const store = planBackupStdin(place, { tags, host: 'bench', fileName: artifact.fileName });
  return timePipe(setup, [artifact.producer, store]);
}

/**
 * Does by a shell script what a run does around its dump: opens the repository, asks the server, stores every artifact by a bare pipe and
 * reads each back by its id, its listing and its first bytes side by side. Resolves with the milliseconds from the shell's start to its end.
 */
export async function timeScriptedBackup(setup: BareSetup): Promise<number> {
  const { adapter, input } = prepareSource(setup);
  const place = planPlace(setup);
  const probe = adapter.planProbe(input);
  if (probe === undefined) throw new Error(`${setup.source.kind} has nothing to ask`);
  const found = adapter.parseProbe({ exitCode: 0, stdout: await readOutput(setup, probe), stderr: '' });
  const artifacts = adapter.planBackup(input, found).filter((one) => one.kind === 'stream');
  const opening = planCatConfig(place);
  const steps = artifacts.map(({ producer, role, fileName }) => {
    const tags = ['tenant:bench', 'host:bench', 'plan:bench', 'source:bench', 'run:bench', `role:${role}`];
    return {
      role,
      pipe: [producer, planBackupStdin(place, { tags, host: 'bench', fileName })],
      looks: [planList(place, ANY_ID), planDump(place, { snapshotId: ANY_ID, fileName })],
    };
  });
  const all = [opening, probe, ...steps.flatMap(({ pipe, looks }) => [...pipe, ...looks])];
  return withFiles(setup, all, (write) => {
    const store = steps.map(
      ({ role, pipe }) => `id_${role}=$(${write(pipe)} | sed -n 's/.*"snapshot_id":"\\([0-9a-f]*\\)".*/\\1/p')`,
    );
    const look = steps.map(({ role, looks }) => {
      const [list, dump] = looks.map((one) => write([one]).replace(ANY_ID, `"$id_${role}"`));
      return `${list} > /dev/null & (${dump} || true) | head -c 5 > /dev/null; wait $!`;
    });
    const begin = [opening, probe].map((one) => `${write([one])} > /dev/null`);
    return ['set -eo pipefail', ...begin, ...store, ...look].join('\n');
  });
}

/** Stands in planned commands for the id that only the script will know. */
const ANY_ID = '0'.repeat(64);

/** Pours a stored dump into an existing, empty database by a bare pipe. */
export async function timeBareRestore(
  setup: BareSetup,
  stored: { snapshotId: string; fileName: string; database: string },
): Promise<number> {
  const { adapter, input } = prepareSource(setup);
  if (adapter.restore === undefined) throw new Error(`${setup.source.kind} is not restored into a database`);
  const dump = planDump(planPlace(setup), stored);
  return timePipe(setup, [dump, adapter.restore.planRestore({ ...input, targetDatabase: stored.database })]);
}

/**
 * Writes a stored dump into a file and restores it from there through so many connections, into an existing, empty database. Resolves with the
 * milliseconds of both.
 */
export async function timeBareFileRestore(
  setup: BareSetup,
  stored: { snapshotId: string; fileName: string; database: string; jobs: number },
): Promise<number> {
  const { adapter, input } = prepareSource(setup);
  const path = `${setup.tmpDir}/spooled.dump`;
  const restore = adapter.restore?.planRestoreFile?.({ ...input, targetDatabase: stored.database }, { path, jobs: stored.jobs });
  if (restore === undefined) throw new Error(`${setup.source.kind} is not restored from a file`);
  const dump = planDump(planPlace(setup), stored);
  const file = quoteForShell(path);
  return withFiles(setup, [dump, restore], (write) =>
    ['set -e', `${write([dump])} > ${file}`, write([restore]), `rm ${file}`].join('\n'),
  );
}

/** The planners of dumps ask for these facts only to choose what lies beside the dump. */
const NO_PROBE: Probe = { serverVersion: '', facts: {}, warnings: [] };

function prepareSource({ source, workDir }: BareSetup) {
  const adapter = getSourceAdapter(source.kind);
  const config = createConfigSchema(adapter.fields).parse(source.config);
  return { adapter, input: { config, secrets: source.secrets, workDir } };
}

export function planPlace({ repository, workDir, cacheDir }: BareSetup): ResticPlace {
  const { path, password } = repository;
  const access = getRepositoryAdapter('local').planAccess({ config: { path }, secrets: { password }, workDir });
  return { access, cacheDir };
}

const timePipe = (setup: BareSetup, commands: readonly Command[]): Promise<number> =>
  withFiles(setup, commands, (write) => `set -o pipefail\n${write(commands)}`);

/** Milliseconds of a script that `compose` makes of the commands, with their files in place. */
export async function withFiles(
  setup: BareSetup,
  commands: readonly Command[],
  compose: (write: (pipe: readonly Command[]) => string) => string,
): Promise<number> {
  const { workDir } = setup;
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const files = commands.flatMap((command) => command.files);
  for (const { path, content } of files) await writeFile(path, content, { mode: 0o600 });
  try {
    return await timeShell(
      compose((pipe) => formatPipe(pipe.map((command) => toStage(setup, command)))),
      workDir,
    );
  } finally {
    for (const { path } of files) await rm(path, { force: true });
  }
}

function toStage({ tmpDir, home, binaries }: BareSetup, command: Command): ShellStage {
  const binary = binaries[command.tool];
  if (binary === undefined) throw new Error(`${command.tool} was not found`);
  const path = plainEnvironment['PATH'] ?? '';
  return { binary, args: command.args, env: createChildEnvironment({ path, home, tmpDir }, command) };
}

/** What one command prints. */
async function readOutput(setup: BareSetup, command: Command): Promise<string> {
  await mkdir(setup.workDir, { recursive: true, mode: 0o700 });
  for (const { path, content } of command.files) await writeFile(path, content, { mode: 0o600 });
  const { binary, args, env } = toStage(setup, command);
  try {
    return (await promisify(execFile)(binary, [...args], { cwd: setup.workDir, env: { ...env } })).stdout;
  } finally {
    for (const { path } of command.files) await rm(path, { force: true });
  }
}

function timeShell(script: string, cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const child = spawn('bash', ['-c', script], { cwd, env: plainEnvironment, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-4000);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(performance.now() - startedMs);
      else reject(new Error(`the bare pipe ended with ${code}: ${said.trim()}`));
    });
  });
}
