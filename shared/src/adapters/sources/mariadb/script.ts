/**
 * Scripts of mariadb-dump and mysqldump. The client runs without commands of its own (binary mode, and the sandbox where it knows that), so
 * that a script reaches the server as SQL and nothing on the host. What it may do on the server is what the user of the connection may do.
 */
import {
  type DatabaseScript,
  PRINT_END,
  printSeen,
  readSeenLines,
  type ScriptLook,
  type SeenLine,
  showFirstWord,
} from '../../script.ts';

const END_LINES = 3;

/** An address of sed: the line by which the tools end a whole dump. */
export const COMPLETED_LINE = '/^-- Dump completed/';

const LOOK = [
  PRINT_END,
  `${COMPLETED_LINE}{${printSeen('c')};b}`,
  // What lost its name on the way here changes the target alone.
  '/^ALTER DATABASE CHARACTER SET [0-9A-Za-z_]* COLLATE [0-9A-Za-z_]* ;;*\\r\\{0,1\\}$/b',
  // The tools write line breaks in values as letters, so what begins a line is a statement, or a line of a routine.
  `/^[[:space:]]*\\(\\/\\*M\\{0,1\\}![0-9]* *\\)\\{0,1\\}\\(USE\\|\\(CREATE\\|DROP\\|ALTER\\) *\\(OR REPLACE *\\)\\{0,1\\}\\(DATABASE\\|SCHEMA\\)\\)\\([[:space:]\`/]\\|$\\)/I{${printSeen('m', 100)};q}`,
  '',
].join('\n');

/** Whether that line, told of as `c`, stands at the end, told of as `e`. */
export function isWholeScript(seen: readonly SeenLine[]): boolean {
  const complete = seen.findLast(({ kind }) => kind === 'c');
  const end = seen.findLast(({ kind }) => kind === 'e');
  return complete !== undefined && end !== undefined && end.line - complete.line <= END_LINES;
}

function readLook(printed: string): ScriptLook {
  const seen = readSeenLines(printed);
  const left = seen.find(({ kind }) => kind === 'm');
  if (left) {
    const word = showFirstWord(left.text.replace(/^\s*\/\*M?!\d* */, '')).toUpperCase();
    const refusal = `Line ${left.line} (${word}) goes to, makes or changes a database by its name: the script holds whole databases (--databases), and would leave the target`;
    return { isWhole: false, refusal };
  }
  return { isWhole: isWholeScript(seen) };
}

export const mariadbScript: DatabaseScript = { look: LOOK, readLook };
