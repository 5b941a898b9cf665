/**
 * Plain scripts of pg_dump. psql carries out not only SQL but commands of its own, of which some start programs on the host; so it is kept
 * from all of them (`\restrict`, with a key that the script cannot know) and runs the whole script as one transaction. The one command that
 * psql still takes then is `\unrestrict`, whose argument it reads as it reads all arguments, backquotes included: no line with that word
 * reaches it. A NUL would make psql join two lines that look harmless each, so none reaches it either.
 */

import type { DatabaseScript } from '../../script.ts';
import { PRINT_END, printSeen, readSeenLines, type ScriptLook, type SeenLine, showFirstWord, tellOf } from '../../script.ts';
import type { RestoreInput, ToolOutcome, Verdict } from '../../source.ts';
import { classifyByRules } from '../tool-text.ts';
import { createPgCommand } from './connection.ts';
import { POSTGRES_FAILURES } from './failures.ts';
import { checkDatabaseName } from './sql.ts';

/** Lines at the beginning among which pg_dump's own `\restrict` stands, and at the end after the line that says that it is complete. */
const HEAD_LINES = 60;
const END_LINES = 6;

const EOL = '\\r\\{0,1\\}$';
const KEY = '[0-9A-Za-z]\\{1,\\}';
const COMPLETE = `/^-- PostgreSQL database dump complete${EOL}/`;
const COMMANDS =
  'c cd connect copy copyright crosstabview d[A-Za-z+]* e ed ef ev echo edit elif else encoding endif errverbose f g gdesc getenv gexec gset gx h help H i if include include_relative ir l lo_[a-z]* o out p password prompt q qecho quit s set setenv sf sv unset w warn watch write x z restrict unrestrict';
/**
 * At the beginning of a line, outside of the rows of tables and of a statement that began before; what stands elsewhere is psql's to
 * refuse, where it is one.
 */
const COMMAND = `/^[[:space:]]*\\\\\\([!?]\\|\\(${COMMANDS.replaceAll(' ', '\\|')}\\)\\([[:space:]]\\|$\\)\\)/`;

const LOOK = [
  PRINT_END,
  `/\\x00/{${printSeen('n')};q}`,
  // The rows of tables.
  `/^COPY .* FROM stdin;${EOL}/,/^\\\\\\.${EOL}/b`,
  `${COMPLETE}{${printSeen('c')};b}`,
  '/^\\(--.*\\|[[:space:]]*\\)$/b',
  // What is kept: w inside a statement, m when something was made; t, d and u when the end of a transaction or a drop was told.
  '/\\\\/{',
  `/^\\\\restrict ${KEY}${EOL}/{${printSeen('r')};b}`,
  `/^\\\\unrestrict ${KEY}${EOL}/{${printSeen('u')};b}`,
  `${COMMAND}{x;/w/{x;b};x;${printSeen('m', 100)};q}`,
  '}',
  `/^DROP /I{x;/[wd]/!{s/$/d/;x;${tellOf('d')}x};/[wmu]/!{x;/^DROP \\([A-Z ]* IF EXISTS \\|SCHEMA public;\\)/I!{${tellOf('x')}x;s/$/u/;x};x};x}`,
  '/^CREATE /I{x;/[wm]/!s/$/m/;x}',
  '/;[[:space:]]*$/!{x;/w/!s/$/w/;x}',
  '/;[[:space:]]*$/{x;s/w//;x}',
  // Told once: a script with many large objects has as many.
  `/^\\(COMMIT\\|ROLLBACK\\|ABORT\\|PREPARE TRANSACTION\\)\\([^a-z].*\\)\\{0,1\\};/I{x;/t/{x;b};s/$/t/;x;${printSeen('t')}}`,
  '',
].join('\n');

const FILTER = [
  `1,${HEAD_LINES}{/^\\\\restrict ${KEY}${EOL}/d}`,
  `${COMPLETE},\${/^\\\\unrestrict ${KEY}${EOL}/d}`,
  '/\\\\unrestrict/Q3',
  '/\\x00/Q3',
  '',
].join('\n');

function describeCommand({ line, text }: SeenLine): string {
  const word = showFirstWord(text);
  return /^\\c(?:onnect)?$/.test(word)
    ? `Line ${line} goes to another database (${word}): the script makes its own database, or holds several`
    : `Line ${line} is the command ${word} of psql, which no file may run on this host`;
}

function readLook(printed: string): ScriptLook {
  const seen = readSeenLines(printed);
  const ofKind = (kind: string) => seen.filter((one) => one.kind === kind);
  const [command] = ofKind('m');
  if (command) return { isWhole: false, refusal: describeCommand(command) };
  const [nul] = ofKind('n');
  if (nul) return { isWhole: false, refusal: `Line ${nul.line} holds a NUL byte, which no script of pg_dump does` };
  const complete = ofKind('c').at(-1);
  const end = seen.findLast(({ kind }) => kind === 'e');
  if (!complete || !end || end.line - complete.line > END_LINES) return { isWhole: false };
  const stray =
    ofKind('r').find(({ line }) => line > HEAD_LINES) ??
    ofKind('u').find(({ line }) => line < complete.line) ??
    ofKind('c').slice(0, -1)[0];
  if (stray) return { isWhole: false, refusal: `Around line ${stray.line} one dump ends and another one begins` };
  const [dropsAt, dropsUnaskedAt] = [ofKind('d')[0]?.line, ofKind('x')[0]?.line];
  return { isWhole: true, endsTransactionAt: ofKind('t')[0]?.line, dropsAt, dropsUnaskedAt };
}

function plan(input: RestoreInput, key: string) {
  const path = `${input.workDir}/restrict.sql`;
  const database = checkDatabaseName('targetDatabase', input.targetDatabase);
  const command = createPgCommand(input, 'psql', database, [
    ...['--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--output=/dev/null', '--set=ON_ERROR_STOP=1'],
    ...['--single-transaction', `--file=${path}`, '--file=-'],
  ]);
  return { ...command, files: [...command.files, { path, content: `\\restrict ${key}\n` }] };
}

/** Any error ends psql, and with it the transaction. */
function judge(outcome: ToolOutcome): Verdict {
  if (outcome.exitCode === 0) return { ok: true, warnings: [] };
  if (/invalid command \\restrict/.test(outcome.stderr)) {
    const message = 'This psql cannot be kept from running commands of a script; minor versions from August 2025 on can';
    return { ok: false, reason: 'tool_outdated', message };
  }
  return { ok: false, ...classifyByRules(POSTGRES_FAILURES, outcome, 'restore_failed') };
}

export const postgresScript: DatabaseScript = { look: LOOK, readLook, filter: FILTER, plan, judge };
