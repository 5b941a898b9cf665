/** How a command ends: its exit codes, and the error that carries one. Scripts rely on the numbers, so they never change. */

export const EXIT = {
  done: 0,
  /** A run failed, or the server refused what was asked. */
  failed: 1,
  /** The command line, a file or the login is not right. */
  usage: 2,
  /** Not wholly: a run ended partial, or a file and the server differ. */
  partial: 3,
  /** A run was cancelled, or skipped because another stood in its way. */
  notRun: 4,
  /** The server cannot be reached, or cannot answer just now: the same call may help later. */
  unreachable: 5,
  /** What was waited for did not come in time; it goes on at the server. */
  timeout: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_WORDS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'done; a run that was waited for succeeded',
  failed: 'failed: a run failed, or the server refused what was asked',
  usage: 'wrong use: the command line, a file or the login is not right',
  partial: 'not wholly: a run ended partial, or plan diff found differences',
  notRun: 'a run was cancelled or skipped',
  unreachable: 'the server cannot be reached, or cannot answer just now',
  timeout: 'what was waited for did not come in time; it goes on at the server',
};

export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

export function createUsageError(message: string): CliError {
  return new CliError(EXIT.usage, message);
}
