/**
 * How scripts of SQL that lie in a file of the host are looked through and carried out; such a file is hostile text. The programs are of GNU
 * sed, for bytes (`LC_ALL=C`): they read a script of any size line by line, in a process of their own.
 */
import type { Command } from './command.ts';
import type { ToolOutcome, Verdict } from './outcome.ts';
import type { PlanInput } from './plan-input.ts';

/** What a look through a whole script found. */
export interface ScriptLook {
  /** It ends as the tool that wrote it ends one. */
  isWhole: boolean;
  /** Why it must not be carried out, as a sentence. */
  refusal?: string | undefined;
  /** The first line that ends a transaction: such a script is not all or nothing. */
  endsTransactionAt?: number | undefined;
  /** The first line that drops something, as `pg_dump --clean` writes them. */
  dropsAt?: number | undefined;
  /** The first line that drops, before anything is made, what must be there: in an empty database it fails. */
  dropsUnaskedAt?: number | undefined;
}

export interface DatabaseScript {
  /** For `sed -n`; prints what `readLook` understands. */
  look: string;
  readLook(printed: string): ScriptLook;
  /** What the script passes on its way to the tool: what must not reach it ends this with another code than 0. Undefined: it goes as it is. */
  filter?: string | undefined;
  /** Reads the script on standard input. `key`: random letters and digits that nobody else knows. Undefined: as a stored dump is restored. */
  plan?(input: PlanInput & { targetDatabase: string }, key: string): Command;
  judge?(outcome: ToolOutcome): Verdict;
}

/** One thing that a program of `look` printed: the number of the line, a letter for what it is, and how it begins. */
export interface SeenLine {
  line: number;
  kind: string;
  text: string;
}

/** Reads what `printSeen` makes a program print; the last one of a whole look has the kind `e`. */
export function readSeenLines(printed: string): readonly SeenLine[] {
  const lines = printed.split('\n');
  return lines.flatMap((text, at) => {
    const number = lines[at - 1] ?? '';
    const [, kind, rest] = /^([a-z]):(.*)$/s.exec(text) ?? [];
    return kind === undefined || rest === undefined || !/^\d+$/.test(number) ? [] : [{ line: Number(number), kind, text: rest }];
  });
}

/** Commands of sed that print the number of the line, the kind and its first letters, and leave the line changed. */
export const printSeen = (kind: string, chars = 0): string =>
  chars === 0 ? `=;s/.*/${kind}:/p` : `=;s/^\\(.\\{0,${chars}\\}\\).*/${kind}:\\1/p`;

/** Prints the number of the line and the kind, and leaves the line as it is. */
export const tellOf = (kind: string): string => `=\ni\\\n${kind}:\n`;

/** Tells of the last line, and leaves it as it is. */
export const PRINT_END = `\${${tellOf('e')}}`;

/** The first word of a hostile line, for people. */
export const showFirstWord = (text: string): string =>
  (/^\s*(\\?[\x21-\x7e]{1,24})/.exec(text)?.[1] ?? '').replace(/[`;(].*$/, '');
