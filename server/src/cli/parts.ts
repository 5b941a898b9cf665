/** What every command is given: where it prints, whom it asks, and the outside world as functions. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { Command } from 'commander';
import { type Client, createClient } from './client.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { type CliEnvironment, findLogin } from './login.ts';
import type { Terminal } from './output.ts';

export interface CliParts {
  terminal: Terminal;
  environment: CliEnvironment;
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  sleep(ms: number): Promise<void>;
  /** A variable of the environment, for secrets that a config file refers to. */
  findVariable(name: string): string | undefined;
  /** Text nobody can guess, new at each call. */
  makeKey(): string;
  /** How the process ends; the last call counts. */
  setExit(code: ExitCode): void;
}

export interface GlobalOptions {
  json?: boolean;
  server?: string;
}

export async function connect(parts: CliParts, command: Command): Promise<Client> {
  const { server } = command.optsWithGlobals<GlobalOptions>();
  return createClient(await findLogin(parts.environment, { server }));
}

export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<GlobalOptions>().json === true;
}

/** Sets a failure's exit code, keeping 0 for what went well. */
export function settle(parts: CliParts, code: ExitCode): void {
  if (code !== EXIT.done) parts.setExit(code);
}
