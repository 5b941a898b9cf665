import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { waitFor } from './wait-for.ts';

/** One live process as `/proc` shows it; zombies do not count, they hold nothing but their number. */
export type ProcessFacts = {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly commandLine: string;
};

/**
 * Which processes to look for; a process that matches any given field counts.
 * - `marker`: an entry of the environment it was started with, as `NAME=value`. A program that overwrites its own
 *   environment area (PostgreSQL does) cannot be found this way.
 * - `group`: its process group.
 * - `directory`: its working directory lies in there, or its command line names it.
 */
export type ProcessFilter = { readonly marker?: string; readonly group?: number; readonly directory?: string };

/** Lists matching processes, this one excepted. Without privileges only this user's environments can be read. */
export function findProcesses(filter: ProcessFilter): ProcessFacts[] {
  const found: ProcessFacts[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const facts = readProcess(pid);
    if (facts !== undefined && matchesFilter(facts, filter)) found.push(facts);
  }
  return found;
}

/**
 * Waits until no matching process is left.
 * @throws Error naming each process that is still there after `deadlineMs` (5 seconds unless told).
 */
export async function assertNothingLeft(filter: ProcessFilter, deadlineMs = 5000): Promise<void> {
  let left: ProcessFacts[] = [];
  const isGone = async (): Promise<true | undefined> => {
    left = findProcesses(filter);
    return left.length === 0 ? true : undefined;
  };
  await waitFor('no process to be left', isGone, { deadlineMs }).catch(() => {
    const lines = left.map((facts) => `  ${facts.pid} (parent ${facts.parent}, group ${facts.group}) ${facts.commandLine}`);
    throw new Error(`${left.length} processes are left:\n${lines.join('\n')}`);
  });
}

/** Sends a signal to every matching process; one that ended meanwhile is fine. */
export function signalProcesses(filter: ProcessFilter, signal: NodeJS.Signals): void {
  for (const facts of findProcesses(filter)) signalQuietly(facts.pid, signal);
}

/** Signals a process, or a group when `pid` is negative. Tells whether there was anything to signal. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function readProcess(pid: number): ProcessFacts | undefined {
  const stat = readProc(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group] = fields;
  if (state === undefined || state === 'Z' || state === 'X' || state === '') return undefined;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    commandLine: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim(),
  };
}

function matchesFilter(facts: ProcessFacts, filter: ProcessFilter): boolean {
  if (filter.group !== undefined && facts.group === filter.group) return true;
  if (filter.marker !== undefined && readProc(facts.pid, 'environ').split('\0').includes(filter.marker)) return true;
  if (filter.directory === undefined) return false;
  const workingDirectory = readWorkingDirectory(facts.pid);
  const isInside = workingDirectory === filter.directory || workingDirectory.startsWith(`${filter.directory}/`);
  return isInside || facts.commandLine.includes(filter.directory);
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function readWorkingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
