/**
 * The shell pipe a careful administrator would write: the same binaries with the same arguments and environment as the agent uses,
 * planned by the same pure functions, joined by a plain pipe of bash.
 */
import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { planBackupStdin, planDump, type ResticPlace } from '@holdfast/agent/engines/restic/args.ts';
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

/** The planners of dumps ask for these facts only to choose what lies beside the dump. */
const NO_PROBE: Probe = { serverVersion: '', facts: {}, warnings: [] };

function prepareSource({ source, workDir }: BareSetup) {
  const adapter = getSourceAdapter(source.kind);
  const config = createConfigSchema(adapter.fields).parse(source.config);
  return { adapter, input: { config, secrets: source.secrets, workDir } };
}

function planPlace({ repository, workDir, cacheDir }: BareSetup): ResticPlace {
  const { path, password } = repository;
  const access = getRepositoryAdapter('local').planAccess({ config: { path }, secrets: { password }, workDir });
  return { access, cacheDir };
}

async function timePipe(setup: BareSetup, commands: readonly Command[]): Promise<number> {
  const { workDir, tmpDir, home, binaries } = setup;
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const files = commands.flatMap((command) => command.files);
  for (const { path, content } of files) await writeFile(path, content, { mode: 0o600 });
  const stages = commands.map((command) => {
    const binary = binaries[command.tool];
    if (binary === undefined) throw new Error(`${command.tool} was not found`);
    const path = plainEnvironment['PATH'] ?? '';
    return { binary, args: command.args, env: createChildEnvironment({ path, home, tmpDir }, command) };
  });
  try {
    return await timeShell(`set -o pipefail\n${formatPipe(stages)}`, workDir);
  } finally {
    for (const { path } of files) await rm(path, { force: true });
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
