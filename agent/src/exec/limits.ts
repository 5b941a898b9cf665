/**
 * Limits of a run, put on each of its stages by tools that set one thing and then become what follows them: `nice` of coreutils,
 * `ionice` and `prlimit` of util-linux. The process stays the same one, so group and parent-death signal stay too.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import { checkPdeathsig } from './pdeathsig.ts';

export interface LimitTools {
  /** Absolute paths. */
  nice?: string | undefined;
  ionice?: string | undefined;
  prlimit?: string | undefined;
}

/** What the agent itself is under; its children start from there. */
export interface OwnLimits {
  niceness: number;
  /** The hard limit of private memory in bytes; Infinity where there is none. */
  dataBytes: number;
}

export interface PlannedLimits {
  /** To be put in front of a program's path. */
  prefix: readonly string[];
  /** What was asked for and cannot be done here, as sentences. */
  unmet: readonly string[];
}

const MIB = 1024 * 1024;
/** `-t`: a kernel that has no I/O classes is no reason to lose a backup. */
const IO_ARGS = { low: ['-t', '-c2', '-n7'], idle: ['-t', '-c3'] } as const;

const LACKS = {
  nice: 'The limit of niceness is not applied: /usr/bin/nice (package coreutils) is missing or does not work on this host.',
  ionice: 'The I/O class is not applied: /usr/bin/ionice (package util-linux) is missing or does not work on this host.',
  prlimit: 'The memory limit is not applied: /usr/bin/prlimit (package util-linux) is missing or does not work on this host.',
} as const satisfies Record<keyof LimitTools, string>;

/**
 * Plans what goes in front of a stage. `nice` adds to the niceness of its caller, which an ordinary user cannot lower; so an agent
 * that is nicer than asked stays so, and the same holds for a memory limit that the agent is under itself. Pure.
 *
 * Memory is what a process maps for itself alone (RLIMIT_DATA), not its whole address space: programs written in Go, such as restic,
 * reserve more than a GiB of that which they never use.
 */
export function planLimits(tools: LimitTools, limits: RunLimits, own: OwnLimits): PlannedLimits {
  const prefix: string[] = [];
  const unmet: string[] = [];
  const put = (tool: keyof LimitTools, args: readonly string[]) => {
    const path = tools[tool];
    if (path === undefined) unmet.push(LACKS[tool]);
    else prefix.push(path, ...args, '--');
  };
  const nicer = (limits.nice ?? 0) - own.niceness;
  if (limits.nice !== undefined && nicer > 0) put('nice', ['-n', String(nicer)]);
  if (limits.io === 'low' || limits.io === 'idle') put('ionice', IO_ARGS[limits.io]);
  const bytes = limits.memoryMiB === undefined ? Number.POSITIVE_INFINITY : limits.memoryMiB * MIB;
  if (bytes < own.dataBytes) put('prlimit', [`--data=${bytes}`]);
  return { prefix, unmet };
}

/** Reads niceness and memory limit of this process. */
export function readOwnLimits(): OwnLimits {
  const hard = /^Max data size\s+\S+\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return {
    niceness: getPriority(),
    dataBytes: hard === undefined || hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard),
  };
}

/** What each tool is tried with, harmless to everything. */
const TRIALS: readonly (readonly [keyof LimitTools, readonly string[]])[] = [
  ['nice', ['-n', '1', '--']],
  ['ionice', [...IO_ARGS.idle, '--']],
  ['prlimit', [`--data=${1024 * MIB}`, '--']],
];

function findExecutable(name: string, folders: readonly string[]): string | undefined {
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function checkStarts([file = '', ...args]: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file, [...args, 'true'], { timeout: 2000, killSignal: 'SIGKILL' }, (error) => resolve(error === null));
  });
}

export interface LimitToolSearch {
  /** setpriv where it is proven to work on this host; each tool must then keep what it set. A file capability on a tool takes it away. */
  setpriv: string | undefined;
  folders?: readonly string[];
}

/**
 * Finds the tools and tries them; one that is missing, fails, or loses the parent-death signal is left out and named in `warnings`. All are tried
 * in one chain, as a run may have them, which proves each of them; only where that fails each is tried alone.
 */
export async function findLimitTools(search: LimitToolSearch): Promise<{ tools: LimitTools; warnings: readonly string[] }> {
  const { setpriv, folders = ['/usr/bin', '/bin'] } = search;
  const prove = (chain: readonly string[]) => (setpriv === undefined ? checkStarts(chain) : checkPdeathsig(setpriv, chain));
  const present = TRIALS.flatMap(([name, args]) => {
    const path = findExecutable(name, folders);
    return path === undefined ? [] : [{ name, path, chain: [path, ...args] }];
  });
  const doAllWork = present.length > 1 && (await prove(present.flatMap(({ chain }) => chain)));
  const working = await Promise.all(present.map(async (tool) => (doAllWork || (await prove(tool.chain)) ? [tool] : [])));
  const tools: LimitTools = Object.fromEntries(working.flat().map(({ name, path }) => [name, path]));
  const warnings = TRIALS.flatMap(([name]) => (tools[name] === undefined ? [LACKS[name]] : []));
  return { tools, warnings };
}
