/** Another user of a database server for one restore by hand: the password is typed, comes from a file, or on standard input. Never an argument. */
import { readFileSync, statSync } from 'node:fs';
import { SEALED } from '@holdfast/shared/crypto/sealed.ts';
import { type Credential, credentialSchema } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { readHiddenLine } from '@holdfast/shared/hidden-line.ts';
import type { RestoreWishes } from './restore-wishes.ts';

const OTHERS = 0o077;

function readPrivate(path: string): string {
  try {
    const { mode, size } = statSync(path);
    if ((mode & OTHERS) !== 0)
      throw new AppError('invalid', `--password-file: ${path} can be read by others; make it yours alone: chmod 600 ${path}`);
    if (size > SEALED.plaintextBytes) throw new AppError('invalid', `--password-file: ${path} is too big for a password`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('invalid', `--password-file: ${path} cannot be read`);
  }
}

async function readInput(user: string): Promise<string> {
  if (process.stdin.isTTY) {
    process.stderr.write(`Password of ${user}: `);
    return await readHiddenLine(process.stdin).finally(() => process.stderr.write('\n'));
  }
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > SEALED.plaintextBytes) throw new AppError('invalid', 'standard input is too long for a password');
  }
  return text;
}

/** Undefined without `--connect-as`. Throws `invalid` with one line, in which nothing of the password is. */
export async function readCredential({ connectAs, passwordFile }: RestoreWishes): Promise<Credential | undefined> {
  if (connectAs === undefined) {
    if (passwordFile !== undefined) throw new AppError('invalid', '--password-file goes with --connect-as USER');
    return undefined;
  }
  const text = passwordFile === undefined ? await readInput(connectAs) : readPrivate(passwordFile);
  const parsed = credentialSchema.safeParse({ user: connectAs, password: text.replace(/\r?\n$/, '') });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = issue?.path[0] === 'user' ? '--connect-as: the user' : 'the password';
  throw new AppError('invalid', `${what} ${issue?.message ?? 'is not well-formed'}`);
}
