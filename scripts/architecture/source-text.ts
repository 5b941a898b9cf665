/**
 * Two views of a TypeScript file, each as long as the file itself, so that an offset means the same in all three:
 * `code` has its comments blanked, `bare` also the inside of strings, templates and regular expressions.
 * Rules look for syntax in `bare` and read the specifier in `code`, so that a comment or a fixture in a string
 * never counts as an import.
 */
export type SourceText = { readonly code: string; readonly bare: string; readonly comments: readonly string[] };

type Scan = { text: string; at: number; code: string[]; bare: string[]; comments: string[]; lastToken: string };

const WORD = /[\p{ID_Continue}$]/u;
/** After one of these a slash opens a regular expression; after anything else it divides. */
const BEFORE_REGEX = /^(?:[(,=:[!&|?{};+\-*%~^<>]|return|typeof|case|in|of|delete|void|throw|new|do|else|yield|await|)$/;

export function scanSource(text: string): SourceText {
  const scan: Scan = { text, at: 0, code: [], bare: [], comments: [], lastToken: '' };
  if (text.startsWith('#!')) blankUntil(scan, lineEnd(text, 0));
  scanCode(scan, false);
  return { code: scan.code.join(''), bare: scan.bare.join(''), comments: scan.comments };
}

/** Reads code to the end of the file, or to the brace that closes the hole of a template. */
function scanCode(scan: Scan, inHole: boolean): void {
  let depth = 0;
  while (scan.at < scan.text.length) {
    const char = scan.text.charAt(scan.at);
    const pair = scan.text.slice(scan.at, scan.at + 2);
    if (pair === '//') takeComment(scan, lineEnd(scan.text, scan.at));
    else if (pair === '/*') takeComment(scan, endAfter(scan.text, '*/', scan.at + 2));
    else if (char === "'" || char === '"') takeQuoted(scan, char);
    else if (char === '`') takeTemplate(scan);
    else if (char === '/' && BEFORE_REGEX.test(scan.lastToken)) takeRegex(scan);
    else if (WORD.test(char)) takeWord(scan);
    else {
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      if (inHole && depth < 0) return;
      keep(scan, char);
      if (!/\s/.test(char)) scan.lastToken = char;
    }
  }
}

function takeWord(scan: Scan): void {
  let end = scan.at;
  while (end < scan.text.length && WORD.test(scan.text.charAt(end))) end += 1;
  const word = scan.text.slice(scan.at, end);
  keep(scan, word);
  scan.lastToken = word;
}

function takeComment(scan: Scan, end: number): void {
  scan.comments.push(scan.text.slice(scan.at, end));
  blankUntil(scan, end);
}

function takeQuoted(scan: Scan, quote: string): void {
  let end = scan.at + 1;
  while (end < scan.text.length && scan.text.charAt(end) !== quote && scan.text.charAt(end) !== '\n') {
    end += scan.text.charAt(end) === '\\' ? 2 : 1;
  }
  takeLiteral(scan, Math.min(end + 1, scan.text.length));
}

function takeRegex(scan: Scan): void {
  let end = scan.at + 1;
  let inClass = false;
  while (end < scan.text.length && scan.text.charAt(end) !== '\n') {
    const char = scan.text.charAt(end);
    if (char === '\\') end += 1;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) break;
    end += 1;
  }
  takeLiteral(scan, Math.min(end + 1, scan.text.length));
}

function takeTemplate(scan: Scan): void {
  keep(scan, '`');
  while (scan.at < scan.text.length) {
    const char = scan.text.charAt(scan.at);
    if (char === '`') {
      keep(scan, char);
      break;
    }
    if (char === '$' && scan.text.charAt(scan.at + 1) === '{') {
      keep(scan, '${');
      scan.lastToken = '{';
      scanCode(scan, true);
      if (scan.at < scan.text.length) keep(scan, '}');
    } else {
      hide(scan, scan.at + (char === '\\' ? 2 : 1));
    }
  }
  scan.lastToken = '`';
}

/** Keeps the first and last character of a literal in `bare`, and blanks what lies between. */
function takeLiteral(scan: Scan, end: number): void {
  const first = scan.text.charAt(scan.at);
  keep(scan, first);
  hide(scan, Math.max(scan.at, end - 1));
  if (scan.at < end) keep(scan, scan.text.charAt(scan.at));
  scan.lastToken = first;
}

function keep(scan: Scan, text: string): void {
  scan.code.push(text);
  scan.bare.push(text);
  scan.at += text.length;
}

function hide(scan: Scan, end: number): void {
  const text = scan.text.slice(scan.at, end);
  scan.code.push(text);
  scan.bare.push(toBlanks(text));
  scan.at = end;
}

function blankUntil(scan: Scan, end: number): void {
  const blanks = toBlanks(scan.text.slice(scan.at, end));
  scan.code.push(blanks);
  scan.bare.push(blanks);
  scan.at = end;
}

function toBlanks(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function endAfter(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  return end < 0 ? text.length : end + mark.length;
}
