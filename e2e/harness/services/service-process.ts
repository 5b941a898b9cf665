import { type ChildProcess, spawn } from 'node:child_process';
import { buildGuardArgs, type Guard, plainEnvironment } from './guard.ts';
import { signalQuietly } from './processes.ts';

export type ServiceProcessOptions = Guard & {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the plain environment; nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
};

export type ExitFacts = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ServiceProcess = {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<ExitFacts>;
  /** The last 64 KiB it printed on both streams. */
  output(): string;
  /** Resolves with the match when its output matches; rejects when it ends first or `deadlineMs` passes. */
  awaitOutput(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** Sends `signal` to its group, then KILL after `graceMs`; resolves when it has ended. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<ExitFacts>;
};

const outputLimitBytes = 65_536;

/**
 * Starts a program as leader of its own process group, under a parent-death signal: it never outlives this process, however
 * that ends. Must be called from the main thread, because the signal follows the thread.
 */
export function startServiceProcess(options: ServiceProcessOptions): ServiceProcess {
  const child = spawn('setpriv', buildGuardArgs(options, options.command, options.args), {
    cwd: options.cwd,
    env: { ...plainEnvironment, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const listeners = new Set<() => void>();
  let output = '';
  const collect = (chunk: string) => {
    output = (output + chunk).slice(-outputLimitBytes);
    for (const listener of [...listeners]) listener();
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  let ended: ExitFacts | undefined;
  const exited = awaitExit(child, (error) => collect(error.message)).then((facts) => {
    ended = facts;
    for (const listener of [...listeners]) listener();
    return facts;
  });

  const awaitOutput = (pattern: RegExp, deadlineMs = 30_000): Promise<RegExpExecArray> => {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = () => {
      const match = pattern.exec(output);
      if (match !== null) resolve(match);
      else if (ended !== undefined)
        reject(new Error(`${options.command} ended (${describeExit(ended)}):\n${tailOutput(output)}`));
    };
    const timer = setTimeout(() => {
      reject(new Error(`${options.command} did not print ${pattern} within ${deadlineMs} ms:\n${tailOutput(output)}`));
    }, deadlineMs);
    listeners.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      listeners.delete(look);
    });
  };

  const stop = async (signal: NodeJS.Signals = 'SIGTERM', graceMs = 5000): Promise<ExitFacts> => {
    if (child.pid !== undefined && ended === undefined) signalQuietly(-child.pid, signal);
    const timer = setTimeout(() => {
      if (child.pid !== undefined) signalQuietly(-child.pid, 'SIGKILL');
    }, graceMs);
    const facts = await exited.finally(() => clearTimeout(timer));
    if (child.pid !== undefined) signalQuietly(-child.pid, 'SIGKILL');
    return facts;
  };

  return { pid: child.pid ?? -1, exited, output: () => output, awaitOutput, stop };
}

/** The last lines a service printed, for an error message. */
export function tailOutput(output: string): string {
  return output.trim().split('\n').slice(-15).join('\n');
}

function awaitExit(child: ChildProcess, onError: (error: Error) => void): Promise<ExitFacts> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      onError(error);
      resolve({ code: 127, signal: null });
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

function describeExit(facts: ExitFacts): string {
  return facts.signal === null ? `exit ${facts.code}` : `signal ${facts.signal}`;
}
