import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { buildGuardArgs, plainEnvironment } from './services/guard.ts';
import { signalQuietly } from './services/processes.ts';
import type { ExitFacts } from './services/service-process.ts';
import { waitFor } from './services/wait-for.ts';

export type ProgramOptions = {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the plain environment; nothing else is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Receives both streams, appended, so that the words of every life of a program stay together. */
  readonly logFile: string;
  /** Words before the command, such as those of a network namespace. */
  readonly prefix?: readonly string[] | undefined;
};

export type Program = {
  readonly pid: number;
  readonly exited: Promise<ExitFacts>;
  isRunning(): boolean;
  /** Signals the program alone, not its children. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when it has ended. */
  stop(graceMs?: number): Promise<ExitFacts>;
};

/** Starts one of our own programs as its operator would, in a group of its own, never outliving this process. */
export function startProgram({ command, args, env, logFile, prefix = [] }: ProgramOptions): Program {
  const [first = command, ...rest] = [...prefix, command, ...args];
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn('setpriv', buildGuardArgs({}, first, rest), {
    env: { ...plainEnvironment, ...env },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  let ended: ExitFacts | undefined;
  const exited = new Promise<ExitFacts>((resolve) => {
    const finish = (facts: ExitFacts): void => {
      ended ??= facts;
      resolve(ended);
    };
    child.once('error', () => finish({ code: 127, signal: null }));
    child.once('exit', (code, signal) => finish({ code, signal }));
  });
  const pid = child.pid ?? -1;
  return {
    pid,
    exited,
    isRunning: () => ended === undefined,
    signal: (signal) => void (ended === undefined && signalQuietly(pid, signal)),
    async stop(graceMs = 20_000) {
      if (ended === undefined) signalQuietly(pid, 'SIGTERM');
      const timer = setTimeout(() => signalQuietly(-pid, 'SIGKILL'), graceMs);
      return await exited.finally(() => clearTimeout(timer));
    },
  };
}

/** What a program has written so far, with the sequences that colour a terminal left out. */
export function readLog(logFile: string): string {
  return readFileSync(logFile, 'utf8').replaceAll(/\u001b\[[0-9;]*m/g, '');
}

/**
 * Waits until the log matches.
 * @throws Error with the end of the log when the program ends first or `deadlineMs` passes.
 */
export async function awaitLog(
  program: Program,
  logFile: string,
  pattern: RegExp,
  deadlineMs = 20_000,
): Promise<RegExpExecArray> {
  const look = async (): Promise<RegExpExecArray | 'ended' | undefined> => {
    const wasRunning = program.isRunning();
    return pattern.exec(readLog(logFile)) ?? (wasRunning ? undefined : 'ended');
  };
  const found = await waitFor(`${pattern} in ${logFile}`, look, { deadlineMs }).catch(() => 'late' as const);
  if (typeof found !== 'string') return found;
  throw new Error(`${logFile} never matched ${pattern} (${found}):\n${readLog(logFile).slice(-3000)}`);
}
