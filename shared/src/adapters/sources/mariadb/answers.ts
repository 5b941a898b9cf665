/** Reading what the SQL client prints: status lines separated by a tab, and one JSON value a line. */
import type { z } from 'zod';
import { createReasonError } from '../../../domain/reason.ts';
import { AppError } from '../../../errors.ts';

/** All JSON lines of an answer; throws `tool_failed` when a line is not what the SQL asks for. */
export function parseJsonLines<T>(schema: z.ZodType<T>, stdout: string): readonly T[] {
  try {
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => schema.parse(JSON.parse(line)));
  } catch (cause) {
    throw new AppError('tool_failed', 'The database server’s answer could not be read. See the log for its words.', { cause });
  }
}

/** The one JSON line of an answer; throws `tool_failed` when there is none or more than one. */
export function parseJsonLine<T>(schema: z.ZodType<T>, stdout: string): T {
  const [only, ...others] = parseJsonLines(schema, stdout);
  if (only === undefined || others.length > 0) {
    throw new AppError('tool_failed', 'The database server’s answer could not be read. See the log for its words.');
  }
  return only;
}

/**
 * Refuses the answer of a plain connection where encryption is needed: older clients fall back to a plain one without a word.
 * Throws `database_unreachable`.
 */
export function checkTls(stdout: string): void {
  if (/^Tls_needed\tyes$/m.test(stdout) && !/^Ssl_version\t[^\n]+$/m.test(stdout)) {
    throw createReasonError('database_unreachable', 'The source needs TLS, but the server does not offer it');
  }
}
