/**
 * From a tool's exit and words to a reason. The rules are tables of the tools' real texts, first match wins; what no rule knows
 * is never success but the given fallback.
 */
import type { Reason } from '../../domain/reason.ts';
import { TEXT } from '../../limits.ts';
import type { ToolOutcome } from '../source.ts';

export interface FailureRule {
  reason: Reason;
  /** Tried against all of stderr; without unbounded nesting, because the text is hostile. */
  pattern: RegExp;
}

export interface Failure {
  reason: Reason;
  message: string;
}

/** Lines of a message, so that a flood of words does not hide the first ones. */
const MESSAGE_LINES = 12;

/** The tool's own words: control characters removed, blank lines dropped, bounded in lines and characters. */
export function cleanToolText(text: string): string {
  const lines = text
    .replaceAll(/[^\P{Cc}\n]/gu, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const shown =
    lines.length <= MESSAGE_LINES ? lines : [...lines.slice(0, MESSAGE_LINES / 2), '…', ...lines.slice(-MESSAGE_LINES / 2)];
  const joined = shown.join('\n');
  return joined.length <= TEXT.errorChars ? joined : `${joined.slice(0, TEXT.errorChars - 1)}…`;
}

/** What a command's end says in words, also where it said nothing. */
export function describeOutcome(outcome: ToolOutcome): string {
  const words = cleanToolText(outcome.stderr);
  if (words !== '') return words;
  return outcome.exitCode === null
    ? 'The tool was stopped by a signal and said nothing.'
    : `The tool exited with code ${outcome.exitCode} and said nothing.`;
}

/** The first rule that knows the text gives the reason; otherwise `fallback`. */
export function classifyByRules(rules: readonly FailureRule[], outcome: ToolOutcome, fallback: Reason): Failure {
  const rule = rules.find((candidate) => candidate.pattern.test(outcome.stderr));
  return { reason: rule?.reason ?? fallback, message: describeOutcome(outcome) };
}
