/** The error numbers of MariaDB and MySQL servers and clients, in the three forms in which their tools print them. */
import type { Reason } from '../../../domain/reason.ts';
import type { ToolOutcome } from '../../source.ts';
import { classifyByRules, type Failure, type FailureRule } from '../tool-text.ts';

/** `ERROR 1045 (28000)`, `Got error: 1045:`, and `… (1045)` at the end of a line. */
function createCodeRule(reason: Reason, codes: readonly number[]): FailureRule {
  const any = codes.join('|');
  return { reason, pattern: new RegExp(`ERROR (?:${any}) \\(|Got error: (?:${any}):|\\((?:${any})\\)$`, 'm') };
}

const MARIADB_FAILURES: readonly FailureRule[] = [
  // Said by a script of ours before it changes anything.
  { reason: 'target_refused', pattern: /^ERROR 1644 \(45000\)[^\n]{0,300}: holdfast: / },
  { reason: 'tool_outdated', pattern: /unknown (?:option|variable) '|Unknown command '\\-'/ },
  // Disk full: 1021, InnoDB's 1114 for a table that cannot grow, and the operating system's 28 inside other errors.
  { reason: 'disk_full', pattern: /ERROR (?:1021|1114) \(|[Ee]rrcode: 28\b|No space left on device/ },
  // A connection lost while a table is read is the dump's failure: the server was reachable.
  { reason: 'dump_failed', pattern: /Lost connection to (?:MySQL )?server during query|server has gone away/ },
  createCodeRule('database_authentication', [1045, 1130, 1251, 1275, 1698, 1820, 1862, 2049, 2059, 2061, 4151]),
  createCodeRule('database_missing', [1049]),
  createCodeRule('database_permission', [1044, 1142, 1143, 1227, 1370, 1449, 3879]),
  { reason: 'database_permission', pattern: /insuff[a-z]{1,6}ent privileges to SHOW CREATE/ },
  createCodeRule('database_unreachable', [1040, 1053, 1129, 1203, 1226, 2002, 2003, 2005, 2006, 2013, 2026]),
];

/** The client repeats a failed statement between two dashed lines before it says what is wrong. */
const ECHOED_STATEMENT = /^-{14}\n[\s\S]*?\n-{14}\n+/gm;

/** Where a script of ours lies, and that it is one that refuses, is of no use to a reader. */
const OWN_SCRIPT = / at line \d+ in file: '[^'\n]*'/g;

/** The outcome without the echo of our own statements; what the tool says about them stays. */
function dropEcho(outcome: ToolOutcome): ToolOutcome {
  return { ...outcome, stderr: outcome.stderr.replaceAll(ECHOED_STATEMENT, '').replaceAll(OWN_SCRIPT, '') };
}

/** What a script of ours says when it refuses is said without the number under which it came. */
export function classifyMariadbText(outcome: ToolOutcome, fallback: Reason): Failure {
  const failure = classifyByRules(MARIADB_FAILURES, dropEcho(outcome), fallback);
  return { ...failure, message: failure.message.replace(/^ERROR 1644 \(45000\): holdfast: /m, '') };
}

/** A failed dump that no rule knows is `dump_failed`; a failed look (the SQL client) is `unknown_failure`. */
export function classifyMariadbFailure(outcome: ToolOutcome): Failure {
  return classifyMariadbText(outcome, /^ERROR /m.test(outcome.stderr) ? 'unknown_failure' : 'dump_failed');
}
