import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServerProgram } from '@holdfast/shared/fixtures/prepared-programs.ts';
import { awaitLog, type Program, readLog, startProgram } from './program.ts';
import { findFreePort } from './services/free-port.ts';
import { runTool } from './services/tool-run.ts';
import { waitFor } from './services/wait-for.ts';

const SERVER_PROGRAM = findServerProgram(join(import.meta.dirname, '../../server/bin'));
const READY_DEADLINE_MS = 20_000;

export type ServerOptions = {
  /** Added to, or put in the place of, what the harness sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs and listens; this host's loopback unless told. */
  readonly network?: { readonly prefix: readonly string[]; readonly address: string };
};

export type ServerProcess = {
  readonly url: string;
  readonly dataDir: string;
  readonly logFile: string;
  /** Of the life it is in now. */
  pid(): number;
  isRunning(): boolean;
  readLog(): string;
  awaitLog(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal to the running server and, for one that ends it, waits until it has. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same data and port, ready. Stops it first, cleanly, when it runs. */
  restart(): Promise<void>;
  /** One of its other commands, on the same data directory: what it printed. */
  runCommand(args: readonly string[]): Promise<string>;
  /** Writes a 0600 file with a password for `user create`; gives its path. */
  writePassword(password: string): Promise<string>;
  stop(): Promise<void>;
};

/** Starts `holdfast-server serve` with an empty data directory below `directory`; resolves when `/readyz` says so. */
export async function startServer(directory: string, options: ServerOptions = {}): Promise<ServerProcess> {
  const { network } = options;
  const address = network?.address ?? '127.0.0.1';
  const port = await findFreePort();
  const dataDir = join(directory, 'server');
  const logFile = join(directory, 'server.log');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const env = {
    HOME: directory,
    HOLDFAST_DATA_DIR: dataDir,
    HOLDFAST_LISTEN: `${address}:${port}`,
    HOLDFAST_LOG_LEVEL: 'info',
    ...options.env,
  };
  const url = env['HOLDFAST_BASE_URL' as keyof typeof env] ?? `http://${address}:${port}`;
  const launch = (): Program => startProgram({ command: SERVER_PROGRAM, args: ['serve'], env, logFile, prefix: network?.prefix });
  let program = launch();
  const awaitReady = async (): Promise<void> => {
    const look = async (): Promise<true | undefined> => {
      if (!program.isRunning()) return true;
      const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) });
      await response.text();
      return response.ok ? true : undefined;
    };
    await waitFor(`${url}/readyz`, look, { deadlineMs: READY_DEADLINE_MS });
    if (!program.isRunning()) throw new Error(`The server ended at its start:\n${readLog(logFile).slice(-3000)}`);
  };
  const stop = async (): Promise<void> => void (await program.stop());
  try {
    await awaitReady();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    dataDir,
    logFile,
    pid: () => program.pid,
    isRunning: () => program.isRunning(),
    readLog: () => readLog(logFile),
    awaitLog: (pattern, deadlineMs) => awaitLog(program, logFile, pattern, deadlineMs),
    async kill(signal) {
      program.signal(signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT') await program.exited;
    },
    async restart() {
      await stop();
      program = launch();
      await awaitReady();
    },
    runCommand: async (args) => (await runTool(SERVER_PROGRAM, args, { env })).stdout.trimEnd(),
    async writePassword(password) {
      const file = join(directory, `password-${randomBytes(4).toString('hex')}`);
      await writeFile(file, `${password}\n`, { mode: 0o600 });
      return file;
    },
    stop,
  };
}
