/**
 * Hooks: scripts that the host's administrator installed in one directory, called by their plain names. The server can name one
 * and nothing more: no path, no argument, no text of its own but names in the environment.
 */
import { closeSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { hookNameSchema } from '@holdfast/shared/domain/plan.ts';
import { HOOKS } from '@holdfast/shared/limits.ts';
import type { Exec, ToolResult } from '../exec/contract.ts';
import type { WorkDirs } from '../exec/work-dir.ts';
import { createHookEnvironment, type HookFacts, type HookMoment } from './facts.ts';
import { type Opened, openHookDirectory, openHookFile } from './hook-file.ts';
import { createOutputBudget, type OnHookLine } from './output-budget.ts';

const HOOK_RUNS = {
  /** A hook that runs longer is ended, with all that it started. */
  timeoutMs: 5 * 60_000,
  /** Of what a hook prints, this much reaches the log. */
  output: { headChars: 48 * 1024, tailChars: 16 * 1024, lineChars: 4 * 1024 },
  /** Of its last words, this much is in the outcome. */
  messageChars: 500,
} as const;

export interface HookInput {
  /** As the plan has it; judged again here. */
  name: string;
  moment: HookMoment;
  facts: HookFacts;
  /** The run's own, so that what a crash leaves is known as the run's; without the run's limits, which a restarted service would keep. */
  exec: Exec;
  /** Ends the hook as a tool is ended: SIGINT to its group, SIGKILL after the grace. A cancelled run's `after` needs a signal of its own. */
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** Called for each line, stdout and stderr in order of arrival as far as pipes have one; not redacted. */
  onLine: OnHookLine;
}

export interface HookOutcome {
  /** `refused`: nothing was started, and the message says what the host's administrator has to do. */
  ending: 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'refused';
  /** One sentence; may end with the hook's own last words, not redacted. */
  message: string;
  exitCode: number | null;
  durationMs: number;
}

export interface HookEntry {
  /** As on disk; printable, shortened where it is no name of a hook. */
  name: string;
  /** Why it cannot be used, and what to do. */
  problem?: string | undefined;
}

export interface HookListing {
  directory: string;
  /** False where no hooks were ever installed, which is nothing to complain about. */
  exists: boolean;
  /** Set when no hook at all can be used. */
  problem?: string | undefined;
  hooks: readonly HookEntry[];
  /** Entries beyond the limit. */
  omitted: number;
}

export interface Hooks {
  /** Runs one to its end. Never rejects for what the hook does or is. */
  run(input: HookInput): Promise<HookOutcome>;
  /** What is installed, for doctor and the host's facts. Runs nothing. */
  list(): HookListing;
  /** Why a run that names this one would be refused, and what to do; undefined when it can be used. Runs nothing. */
  findProblem(name: string): string | undefined;
}

export interface HooksOptions {
  /** Absolute path. */
  directory: string;
  workDirs: Pick<WorkDirs, 'create' | 'remove'>;
}

function clean(text: string, chars: number): string {
  return text
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ')
    .trim()
    .slice(0, chars);
}

export function createHooks({ directory, workDirs }: HooksOptions): Hooks {
  return {
    run: (input) => runHook(directory, workDirs, input),
    list: () => listHooks(resolve(directory)),
    findProblem(name) {
      const opened = openHook(directory, name);
      if (opened.fd === undefined) return `${opened.problem}.`;
      closeSync(opened.fd);
      return undefined;
    },
  };
}

function openHook(directory: string, name: string): Opened {
  if (!hookNameSchema.safeParse(name).success) {
    return { problem: `"${clean(name, 64)}" is not the plain name of a script: lower-case letters, digits and . _ - only` };
  }
  const folder = openHookDirectory(directory);
  if (folder.fd === undefined) return folder;
  try {
    return openHookFile(folder.fd, resolve(directory), name);
  } finally {
    closeSync(folder.fd);
  }
}

async function runHook(directory: string, workDirs: HooksOptions['workDirs'], input: HookInput): Promise<HookOutcome> {
  const opened = openHook(directory, input.name);
  if (opened.fd === undefined) {
    return { ending: 'refused', message: `The hook was not run. ${opened.problem}.`, exitCode: null, durationMs: 0 };
  }
  try {
    const workDir = workDirs.create();
    try {
      return describeEnd(input, await start(opened.fd, workDir, input));
    } finally {
      workDirs.remove(workDir);
    }
  } finally {
    closeSync(opened.fd);
  }
}

async function start(fd: number, workDir: string, input: HookInput): Promise<ToolResult> {
  const budget = createOutputBudget(HOOK_RUNS.output, input.onLine);
  const result = await input.exec.runTool({
    stage: {
      // The script that was judged, whatever its name leads to by now; an interpreter reads it from there too.
      binary: '/proc/self/fd/3',
      inherit: [fd],
      command: { args: [], env: createHookEnvironment(input.facts, input.moment), files: [] },
      onStdoutLine: (line) => budget.push(line, 'stdout'),
      onStderrLine: (line) => budget.push(line, 'stderr'),
    },
    workDir,
    signal: input.signal,
    timeoutMs: input.timeoutMs ?? HOOK_RUNS.timeoutMs,
  });
  budget.end();
  return result;
}

function describeEnd(input: HookInput, result: ToolResult): HookOutcome {
  const { exitCode, signal, durationMs } = result;
  const end = (ending: HookOutcome['ending'], what: string): HookOutcome => ({
    ending,
    message: `The hook ${input.name} ${what}`,
    exitCode,
    durationMs,
  });
  if (result.ending === 'cancelled') return end('cancelled', 'was cancelled.');
  if (result.ending === 'timed_out') {
    const seconds = Math.round((input.timeoutMs ?? HOOK_RUNS.timeoutMs) / 1000);
    return end('timed_out', `did not end within ${seconds} s and was stopped, with all that it had started.`);
  }
  if (result.spawnError !== undefined) return end('failed', `could not be started (${result.spawnError}).`);
  if (exitCode === 0) return end('succeeded', `ended after ${(durationMs / 1000).toFixed(1)} s.`);
  const said = clean(result.stderr.trimEnd().split('\n').at(-1) ?? '', HOOK_RUNS.messageChars);
  const words = said === '' ? '.' : `: ${said}`;
  if (signal !== null) return end('failed', `was ended by ${signal}${words}`);
  const isUnstarted = (exitCode === 126 || exitCode === 127) && said.includes('/proc/self/fd/3');
  if (isUnstarted) return end('failed', 'could not be started. Is the program named in its first line installed?');
  return end('failed', `ended with exit code ${exitCode}${words}`);
}

function listHooks(directory: string): HookListing {
  const folder = openHookDirectory(directory);
  if (folder.fd === undefined) {
    const exists = folder.missing !== true;
    return { directory, exists, ...(exists ? { problem: `${folder.problem}.` } : {}), hooks: [], omitted: 0 };
  }
  const { fd } = folder;
  try {
    const names = readdirSync(`/proc/self/fd/${fd}`).sort();
    const hooks = names.slice(0, HOOKS.listed).map((name) => judgeEntry(fd, directory, name));
    return { directory, exists: true, hooks, omitted: Math.max(0, names.length - HOOKS.listed) };
  } finally {
    closeSync(fd);
  }
}

function judgeEntry(directoryFd: number, directory: string, name: string): HookEntry {
  if (!hookNameSchema.safeParse(name).success) {
    return { name: clean(name, 64), problem: 'Not a name that a plan can give: lower-case letters, digits and . _ - only.' };
  }
  const opened = openHookFile(directoryFd, directory, name);
  if (opened.fd === undefined) return { name, problem: `${opened.problem}.` };
  closeSync(opened.fd);
  return { name };
}
