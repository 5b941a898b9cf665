import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { findProcesses, signalQuietly } from '../../e2e/harness/services/processes.ts';

const checkout = join(import.meta.dirname, '../..');
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The command as npm links it, as an operator calls it. */
export function getCommand(name: 'holdfast-server' | 'holdfast-agent'): string {
  return join(checkout, 'node_modules/.bin', name);
}

export type ProgramOptions = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to a path and a home; nothing else is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
};

export type Program = {
  readonly pid: number;
  /** Resolves with a sentence when it has ended, for whatever reason. */
  readonly ended: Promise<string>;
  /** Asks it to end, kills it after `graceMs`, and waits until neither it nor anything it started is left. */
  stop(graceMs: number): Promise<void>;
};

/**
 * Starts a program that writes into its log file by itself. It leads its own process group, so that a Ctrl-C reaches only the
 * demo, and it dies with the demo however that ends. The log of the start before is kept as `<file>.1`.
 */
export function startProgram(options: ProgramOptions): Program {
  if (existsSync(options.logFile)) renameSync(options.logFile, `${options.logFile}.1`);
  const log = openSync(options.logFile, 'a', 0o600);
  const child = spawn('setpriv', ['--pdeathsig=KILL', '--', options.command, ...options.args], {
    cwd: options.cwd,
    env: { PATH: SYSTEM_PATH, HOME: process.env['HOME'] ?? '/', LANG: 'C.UTF-8', ...options.env },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const ended = awaitEnd(child, options);
  const pid = child.pid ?? -1;
  return {
    pid,
    ended,
    async stop(graceMs) {
      if (pid <= 0) return;
      const below = listDescendants(pid);
      signalQuietly(pid, 'SIGTERM');
      const timer = setTimeout(() => signalQuietly(-pid, 'SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
      const left = below.filter((process) => readStart(process.pid) === process.start);
      for (const process of left) signalQuietly(process.pid, 'SIGKILL');
      signalQuietly(-pid, 'SIGKILL');
    },
  };
}

function awaitEnd(child: ChildProcess, { name, logFile }: ProgramOptions): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`the ${name} could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : signal;
      const said = readFileSync(logFile, 'utf8').trimEnd().split('\n');
      const last = said.findLast((line) => !/^\s+at /.test(line)) ?? '';
      resolve(`the ${name} ended by itself (${how})${last === '' ? '' : `; its last line: ${last.slice(0, 500)}`}`);
    });
  });
}

type KnownProcess = { readonly pid: number; readonly start: string };

/** Every process below `pid`, with the moment of its start, so that a number used again is not mistaken for it. */
function listDescendants(pid: number): KnownProcess[] {
  const everything = findProcesses({ directory: '' });
  const known = new Set([pid]);
  for (let grown = true; grown; ) {
    const fresh = everything.filter((facts) => known.has(facts.parent) && !known.has(facts.pid));
    for (const facts of fresh) known.add(facts.pid);
    grown = fresh.length > 0;
  }
  known.delete(pid);
  return [...known].map((child) => ({ pid: child, start: readStart(child) ?? '' }));
}

/** Ticks since boot at which a process started; undefined when there is none. */
function readStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
