/** Whether an answer came over TLS: the SQL client prints it as a status line, name and value separated by a tab. */
import { createReasonError } from '../../../domain/reason.ts';

/**
 * Refuses the answer of a plain connection where encryption is needed: older clients fall back to a plain one without a word.
 * Throws `database_unreachable`.
 */
export function checkTls(stdout: string): void {
  if (/^Tls_needed\tyes$/m.test(stdout) && !/^Ssl_version\t[^\n]+$/m.test(stdout)) {
    throw createReasonError('database_unreachable', 'The source needs TLS, but the server does not offer it');
  }
}
