/** Finds every `if` that has no `else`, in text whose comments, strings and regular expressions are blank. Pure. */

/** `at` is the keyword, `arm` the first character of what runs when the condition holds. */
export type BareIf = { readonly at: number; readonly arm: number };

const OPEN = '([{';
const CLOSE = ')]}';

export function findBareIfs(bare: string): BareIf[] {
  return [...bare.matchAll(/(?<![\w$.#])if\s*\(/g)].flatMap(({ index, 0: head }) => {
    const afterCondition = endOfGroup(bare, index + head.length - 1);
    const arm = skipBlanks(bare, afterCondition);
    const next = skipBlanks(bare, endOfStatement(bare, arm));
    return /^else\b/.test(bare.slice(next, next + 5)) ? [] : [{ at: index, arm }];
  });
}

function skipBlanks(bare: string, from: number): number {
  const rest = bare.slice(from).search(/\S/);
  return rest < 0 ? bare.length : from + rest;
}

/** The position behind the bracket that closes the one at `from`. */
function endOfGroup(bare: string, from: number): number {
  let depth = 0;
  for (let at = from; at < bare.length; at += 1) {
    const char = bare.charAt(at);
    if (OPEN.includes(char)) depth += 1;
    if (CLOSE.includes(char)) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return bare.length;
}

/** The position behind a block, or behind the semicolon that ends a statement; what heads another statement is part of that one. */
function endOfStatement(bare: string, from: number): number {
  if (bare.charAt(from) === '{') return endOfGroup(bare, from);
  const head = /^(?:if|for(?:\s+await)?|while)\s*\(/.exec(bare.slice(from, from + 40));
  if (head) {
    const body = skipBlanks(bare, endOfGroup(bare, from + head[0].length - 1));
    const end = endOfStatement(bare, body);
    const otherwise = skipBlanks(bare, end);
    if (!head[0].startsWith('if') || !/^else\b/.test(bare.slice(otherwise, otherwise + 5))) return end;
    return endOfStatement(bare, skipBlanks(bare, otherwise + 4));
  }
  let at = from;
  while (at < bare.length && bare.charAt(at) !== ';') at = OPEN.includes(bare.charAt(at)) ? endOfGroup(bare, at) : at + 1;
  return at + 1;
}
