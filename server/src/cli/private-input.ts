/** Passwords for one command: typed at the terminal without being shown, from a file that is one's own alone, or from standard input. Never arguments. */
import { createUsageError } from './exit.ts';
import { readPrivate } from './login.ts';
import type { Terminal } from './output.ts';

/** Without the line break at its end. Throws a wrong use where there is none; `question` is what a person at a terminal is asked. */
export async function readPassword(terminal: Terminal, file: string | undefined, question: string): Promise<string> {
  const text = file === undefined ? await terminal.readSecret(question) : await readPrivate(file);
  if (text === undefined) throw createUsageError(`there is no file ${file}`);
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw createUsageError('there is no password: give --password-file, or write it to standard input');
  return password;
}
