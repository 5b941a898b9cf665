/** A drill: a snapshot is restored into something that is thrown away, looked at, and judged. Pure. */
import * as z from 'zod';
import { DRILL } from '../limits.ts';

/** What a drill came to. */
export const DRILL_VERDICTS = ['proven', 'disproven'] as const;

/** How a source stands with its proof of recovery, the worst first: what cannot be tried out at all comes last. */
export const PROOF_STATES = ['disproven', 'too_old', 'never', 'proven', 'impossible'] as const;
export type ProofState = (typeof PROOF_STATES)[number];

/** How what a question gave is compared with what it should be. */
export const DRILL_OPERATORS = ['=', '!=', '>', '>=', '<', '<='] as const;
export type DrillOperator = (typeof DRILL_OPERATORS)[number];

/** What a value must be, in words: `exactly 5`, `above 0`. */
const OPERATOR_WORDS: Readonly<Record<DrillOperator, string>> = {
  '=': 'exactly',
  '!=': 'anything but',
  '>': 'above',
  '>=': 'at least',
  '<': 'below',
  '<=': 'at most',
};

export function describeOperator(operator: DrillOperator): string {
  return OPERATOR_WORDS[operator];
}

const sqlSchema = z
  .string()
  .trim()
  .min(1, 'is needed')
  .max(DRILL.sqlChars)
  .refine((text) => text.isWellFormed() && !text.includes('\u0000'), 'must be well-formed text without NUL');

/** A question in SQL that gives one value, and what that value should be. */
export const drillAssertionSchema = z.object({
  sql: sqlSchema,
  operator: z.enum(DRILL_OPERATORS),
  value: z
    .string()
    .trim()
    .max(DRILL.valueChars)
    .refine((text) => text.isWellFormed(), 'must be well-formed text'),
});
export type DrillAssertion = z.infer<typeof drillAssertionSchema>;

/** What a drill that came to a verdict measured. */
export const drillVerdictSchema = z.object({
  isProven: z.boolean(),
  /** From the first byte asked of the repository to a database that answers, or files that lie there. */
  restoreMs: z.int().min(0),
  /** How old the snapshot was as the drill began: what would have been lost. */
  snapshotAgeMs: z.int().min(0),
  /** Rows of all tables, exactly counted; undefined for files. */
  rows: z.int().min(0).optional(),
  /** Tables of a database, files of a sample. */
  things: z.int().min(0),
});
export type DrillVerdict = z.infer<typeof drillVerdictSchema>;

const NUMBER = /^[+-]?\d+(?:\.\d+)?$/;

/** Less than, equal or greater than 0, as numbers where both are; undefined where they cannot be ordered. */
function compare(one: string, other: string): number | undefined {
  if (NUMBER.test(one) && NUMBER.test(other)) {
    const difference = one.includes('.') || other.includes('.') ? Number(one) - Number(other) : BigInt(one) - BigInt(other);
    return difference > 0 ? 1 : difference < 0 ? -1 : 0;
  }
  return one === other ? 0 : undefined;
}

/** Whether a value fits what was asserted of it. Undefined is SQL's NULL, which fits nothing. Only numbers have an order. */
export function holdsAssertion(
  { operator, value }: Pick<DrillAssertion, 'operator' | 'value'>,
  seen: string | undefined,
): boolean {
  if (seen === undefined) return false;
  const order = compare(seen, value);
  switch (operator) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '>':
      return order === 1;
    case '>=':
      return order === 1 || order === 0;
    case '<':
      return order === -1;
    case '<=':
      return order === -1 || order === 0;
  }
}

/** One statement, as it may stand inside another one. */
export function trimStatement(sql: string): string {
  return sql.trim().replace(/[\s;]+$/u, '');
}

/** What is asked of one source at every drill. */
export const drillAssertionsSchema = z.array(drillAssertionSchema).max(DRILL.assertions);
