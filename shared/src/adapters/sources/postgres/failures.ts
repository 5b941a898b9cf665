/** The texts of PostgreSQL's clients and of libpq (English, as LC_ALL=C gives them; a server with translated messages may escape a rule). */
import type { ToolOutcome } from '../../source.ts';
import { classifyByRules, type Failure, type FailureRule } from '../tool-text.ts';

export const POSTGRES_FAILURES: readonly FailureRule[] = [
  { reason: 'tool_outdated', pattern: /aborting because of server version mismatch/ },
  { reason: 'tool_outdated', pattern: /unsupported version \([\d.]+\) in file header/ },
  { reason: 'disk_full', pattern: /No space left on device/ },
  {
    reason: 'database_authentication',
    pattern:
      /password authentication failed for user|no password supplied|no pg_hba\.conf entry for|authentication failed for user|FATAL: {2}role "[^\n]*" does not exist|is not permitted to log in|pg_hba\.conf rejects connection/,
  },
  {
    reason: 'database_missing',
    pattern: /FATAL: {2}database "[\s\S]{1,300}?" (?:does not exist|is not currently accepting connections)/,
  },
  {
    reason: 'database_permission',
    pattern:
      /permission denied (?:for|to)|must be (?:owner|superuser|member)|query would be affected by row-level security policy/,
  },
  {
    reason: 'database_unreachable',
    pattern:
      /could not translate host name|connection to server (?:at|on)[^\n]* failed:|could not connect to server|the database system is (?:starting up|shutting down|in recovery mode|not yet accepting connections)|sorry, too many clients already|remaining connection slots are reserved/,
  },
];

/**
 * A connection lost in the middle of a dump stays `dump_failed`: the server was reachable, its words say why it hung up.
 * A failed look (psql) that no rule knows is `unknown_failure`.
 */
export function classifyPostgresFailure(outcome: ToolOutcome): Failure {
  const fallback =
    /^pg_dump(?:all)?:/m.test(outcome.stderr) || !/^psql:/m.test(outcome.stderr) ? 'dump_failed' : 'unknown_failure';
  return classifyByRules(POSTGRES_FAILURES, outcome, fallback);
}
