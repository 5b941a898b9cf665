import { spawn } from 'node:child_process';

/** What one finished command left behind; `stdout` and `stderr` are whole, because setup commands print little. */
export type CommandOutcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type CommandOptions = { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv };

/**
 * Runs a command to its end without a shell. Never rejects because of an exit code: a command that cannot be started
 * gives code 127, one that died of a signal gives 128.
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (error) => resolve({ code: 127, stdout: '', stderr: error.message }));
    child.on('close', (code) =>
      resolve({ code: code ?? 128, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}

/** The last lines of a tool's error output, for a message a person reads. */
export function tailLines(text: string, count = 6): string {
  return text.trim().split('\n').slice(-count).join('\n');
}

/** A failure whose message already tells the operator what to do; shown without a stack. */
export class SetupError extends Error {
  override name = 'SetupError';
}
