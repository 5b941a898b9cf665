import { mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { awaitLog, type Program, readLog, startProgram } from './program.ts';
import { removeDirectory } from './services/private-directory.ts';
import { assertNothingLeft, findProcesses, type ProcessFacts } from './services/processes.ts';
import type { ExitFacts } from './services/service-process.ts';
import { type ToolOutcome, tryTool } from './services/tool-run.ts';
import { waitFor } from './services/wait-for.ts';

/** The whole run of the tests makes one module of the agent first; a scenario by itself starts the sources. */
const AGENT_PROGRAM = join(process.env['HOLDFAST_TEST_AGENT'] ?? join(import.meta.dirname, '../../agent/bin'), 'holdfast-agent');

export type AgentOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** Folders searched for tools before PATH, such as the one of a certain restic. */
  readonly toolPath?: readonly string[];
  /** Words before the command: a network namespace, or `unshare` with a name of its own for the host. */
  readonly prefix?: readonly string[];
  /** The program to start instead of the checkout's, such as a built executable. */
  readonly program?: string;
  /** Where it finds the server, when that is another address than the browser's. */
  readonly serverUrl?: string;
};

export type AgentProcess = {
  readonly name: string;
  readonly stateDir: string;
  /** Its part of tmpfs: private directories of runs are made below. */
  readonly runtimeDir: string;
  readonly logFile: string;
  /** The restart of a stopped or killed agent resolves when the process is started, not when it is online. */
  pid(): number;
  isRunning(): boolean;
  readonly exited: () => Promise<ExitFacts>;
  readLog(): string;
  awaitLog(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** The six words it printed. */
  awaitFingerprint(): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
  restart(): Promise<void>;
  /** Another of its commands, on the same state; any exit code is an answer. */
  runCommand(args: readonly string[]): Promise<ToolOutcome>;
  /** The tools it has running now, at any depth, also those a killed agent left behind. */
  listTools(): ProcessFacts[];
  /** Waits until no tool runs and nothing is left in private directories and scratch space. */
  assertQuiet(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts `holdfast-agent run` with an empty state directory below `directory`; resolves when the process is started. */
export async function startAgentProcess(
  directory: string,
  name: string,
  serverUrl: string,
  options: AgentOptions = {},
): Promise<AgentProcess> {
  const home = await mkdtemp(join(directory, 'agent-'));
  const stateDir = join(home, 'state');
  const logFile = join(home, 'agent.log');
  await mkdir(stateDir, { mode: 0o700 });
  const runtimeDir = await mkdtemp('/dev/shm/holdfast-e2e-');
  const env = {
    HOME: home,
    XDG_RUNTIME_DIR: runtimeDir,
    HOLDFAST_SERVER_URL: options.serverUrl ?? serverUrl,
    HOLDFAST_STATE_DIR: stateDir,
    ...(options.toolPath === undefined ? {} : { HOLDFAST_TOOL_PATH: options.toolPath.join(':') }),
    ...options.env,
  };
  const command = options.program ?? AGENT_PROGRAM;
  const launch = (): Program => startProgram({ command, args: ['run'], env, logFile, prefix: options.prefix });
  let program = launch();
  // Every tool inherits HOME from its agent and from nobody else.
  const filter = { marker: `HOME=${home}` };
  const listTools = (): ProcessFacts[] => findProcesses(filter).filter((facts) => facts.pid !== program.pid);
  const assertQuiet = async (): Promise<void> => {
    const look = async (): Promise<true | undefined> => {
      const left = [
        ...listTools().map((facts) => facts.commandLine),
        ...(await readdir(runtimeDir, { recursive: true })).filter((path) => path.includes('/')),
        ...(await readdir(join(stateDir, 'tmp'), { recursive: true }).catch(() => [])),
      ];
      if (left.length === 0) return true;
      throw new Error(`Agent ${name} left: ${left.join(', ')}`);
    };
    await waitFor(`agent ${name} to leave nothing`, look, { deadlineMs: 7000 });
  };
  return {
    name,
    stateDir,
    runtimeDir,
    logFile,
    pid: () => program.pid,
    isRunning: () => program.isRunning(),
    exited: () => program.exited,
    readLog: () => readLog(logFile),
    awaitLog: (pattern, deadlineMs) => awaitLog(program, logFile, pattern, deadlineMs),
    awaitFingerprint: async () =>
      (await awaitLog(program, logFile, /this host's fingerprint: ([a-z]+(?:[ -][a-z]+){5})/))[1] ?? '',
    async kill(signal) {
      program.signal(signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT') await program.exited;
    },
    async restart() {
      await program.stop();
      program = launch();
    },
    runCommand: (args) => tryTool(command, args, { env }),
    listTools,
    assertQuiet,
    async stop() {
      await program.stop();
      await assertNothingLeft(filter);
      await removeDirectory(runtimeDir);
    },
  };
}
