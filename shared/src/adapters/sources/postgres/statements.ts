/**
 * SQL as PostgreSQL's dump tools write it, cut into statements and words, so that hostile names stay names. Nothing is understood here, and
 * what cannot be cut ends the reading.
 */

export type Token =
  /** A bare word, folded to lower case, or a number. */
  | { kind: 'word'; text: string }
  /** A name in double quotes. */
  | { kind: 'name'; text: string }
  | { kind: 'string'; text: string }
  | { kind: 'symbol'; text: string };

export type Statement = readonly Token[];

/** Blanks, comments to the end of the line, and commands of psql, which stand on lines of their own. */
const SKIPPED = /(?:\s+|--[^\n]*|\\[a-z][^\n]*)/y;
const WORD = /[A-Za-z0-9_\u0080-\u{10ffff}][A-Za-z0-9_$\u0080-\u{10ffff}]*/uy;
const NAME = /"((?:[^"]+|"")*)"/y;
const ESCAPED = /[Ee]'((?:[^'\\]+|''|\\[\s\S])*)'/y;
const PLAIN = /'((?:[^']+|'')*)'/y;
const DOLLAR = /\$([A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_\u0080-\u{10ffff}]*)?\$/uy;

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Where a comment between slash-stars ends; they nest. */
function findCommentEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (text.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

function readToken(text: string, at: number): { token: Token; end: number } | undefined {
  const name = matchAt(NAME, text, at);
  if (name) return { token: { kind: 'name', text: (name[1] ?? '').replaceAll('""', '"') }, end: NAME.lastIndex };
  const escaped = matchAt(ESCAPED, text, at);
  if (escaped) {
    const inner = (escaped[1] ?? '').replaceAll("''", "'").replace(/\\([\s\S])/g, '$1');
    return { token: { kind: 'string', text: inner }, end: ESCAPED.lastIndex };
  }
  const plain = matchAt(PLAIN, text, at);
  if (plain) return { token: { kind: 'string', text: (plain[1] ?? '').replaceAll("''", "'") }, end: PLAIN.lastIndex };
  const dollar = matchAt(DOLLAR, text, at);
  if (dollar) {
    const begin = DOLLAR.lastIndex;
    const close = text.indexOf(dollar[0], begin);
    if (close === -1) return undefined;
    return { token: { kind: 'string', text: text.slice(begin, close) }, end: close + dollar[0].length };
  }
  const word = matchAt(WORD, text, at);
  if (word) return { token: { kind: 'word', text: word[0].toLowerCase() }, end: WORD.lastIndex };
  const symbol = text.charAt(at);
  return symbol === '"' || symbol === "'" ? undefined : { token: { kind: 'symbol', text: symbol }, end: at + 1 };
}

/** Statements without their semicolons; what follows an open quote is left out. */
export function* readStatements(text: string): Generator<Statement> {
  let statement: Token[] = [];
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('/*', at)) {
      at = findCommentEnd(text, at);
      continue;
    }
    if (matchAt(SKIPPED, text, at)) {
      at = SKIPPED.lastIndex;
      continue;
    }
    const read = readToken(text, at);
    if (!read) return;
    at = read.end;
    if (read.token.kind === 'symbol' && read.token.text === ';') {
      if (statement.length > 0) yield statement;
      statement = [];
    } else statement.push(read.token);
  }
}
