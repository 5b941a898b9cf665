import { spawn } from 'node:child_process';
import { buildGuardArgs, type Guard, plainEnvironment } from './guard.ts';

export type ToolRunOptions = Guard & {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
};

export type ToolOutcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/**
 * Runs a tool to its end, without a shell and with an explicit environment (PATH and locale are set).
 * @throws ToolFailure unless it exits 0.
 */
export async function runTool(command: string, args: readonly string[], options: ToolRunOptions = {}): Promise<ToolOutcome> {
  const outcome = await tryTool(command, args, options);
  if (outcome.code !== 0) throw new ToolFailure(command, args, outcome);
  return outcome;
}

/** Like {@link runTool}, but any exit code is an answer; a death by signal is 128, a missing program 127. */
export function tryTool(command: string, args: readonly string[], options: ToolRunOptions = {}): Promise<ToolOutcome> {
  return new Promise((resolve) => {
    const child = spawn('setpriv', buildGuardArgs(options, command, args), {
      cwd: options.cwd,
      env: { ...plainEnvironment, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => resolve({ code: 127, stdout: '', stderr: error.message }));
    child.on('close', (code) =>
      resolve({ code: code ?? 128, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}

/** A tool ended with another exit code than 0; the message carries the end of what it said. */
export class ToolFailure extends Error {
  override name = 'ToolFailure';
  readonly outcome: ToolOutcome;

  constructor(command: string, args: readonly string[], outcome: ToolOutcome) {
    const said = (outcome.stderr || outcome.stdout).trim().slice(-2000);
    super(`${command} ${args.slice(0, 4).join(' ')} exited ${outcome.code}: ${said}`);
    this.outcome = outcome;
  }
}
