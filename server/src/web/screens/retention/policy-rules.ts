/** The rules of a retention policy as its form has them: text as it was typed, with what is wrong said by field. */
import { type RetentionPolicy, retentionRulesSchema, TIERS } from '@holdfast/shared/domain/retention-policy.ts';
import type { Visit } from '../../http/route.ts';
import type { FormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { parseSpan, writeSpan } from '../periods/span-text.ts';

const GIB = 1024 ** 3;
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const TYPED_CHARS = 40;

const RULE_FIELDS = [...TIERS, 'within', 'minAge', 'maxAge', 'maxTotal'] as const;
export type RuleField = (typeof RULE_FIELDS)[number];

export interface RulesText {
  /** Nothing is ever removed; what else is typed does not count. */
  everything: boolean;
  values: Readonly<Record<RuleField, string>>;
}

/** The form's field for a place in the rules. */
const FIELD_OF: Readonly<Record<string, RuleField>> = {
  withinHours: 'within',
  minAgeHours: 'minAge',
  maxAgeDays: 'maxAge',
  maxTotalBytes: 'maxTotal',
};

/** What a field takes, as the end of the sentence "… must be". */
const RANGES: Partial<Record<RuleField, string>> = {
  within: 'a span in whole hours, such as 48 h or 14 d',
  minAge: 'a span in whole hours, such as 48 h or 14 d',
  maxAge: 'whole days, such as 365 d',
  maxTotal: 'a number of GiB, such as 500',
};

const countText = (value: number): string => (value === 0 ? '' : String(value));
const spanText = (seconds: number): string => (seconds === 0 ? '' : writeSpan(seconds));

export function toRulesText(policy: RetentionPolicy): RulesText {
  if (policy.kind === 'everything') {
    const values = Object.fromEntries(RULE_FIELDS.map((field) => [field, ''])) as Record<RuleField, string>;
    return { everything: true, values };
  }
  const { last, hourly, daily, weekly, monthly, yearly } = policy;
  return {
    everything: false,
    values: {
      last: countText(last),
      hourly: countText(hourly),
      daily: countText(daily),
      weekly: countText(weekly),
      monthly: countText(monthly),
      yearly: countText(yearly),
      within: spanText(policy.withinHours * HOUR_S),
      minAge: spanText(policy.minAgeHours * HOUR_S),
      maxAge: spanText(policy.maxAgeDays * DAY_S),
      maxTotal: countText(policy.maxTotalBytes / GIB),
    },
  };
}

export function readRulesText(form: Visit['form']): RulesText {
  const values = Object.fromEntries(
    RULE_FIELDS.map((field) => [field, readText(form, field).trim().slice(0, TYPED_CHARS)]),
  ) as Record<RuleField, string>;
  return { everything: readText(form, 'everything') === 'true', values };
}

/** NaN for what is no such number, so that the schema refuses it. */
function toCount(text: string): number {
  return text === '' ? 0 : /^\d{1,9}$/u.test(text) ? Number(text) : Number.NaN;
}

/** A bare number counts in the unit itself. */
function toSpan(text: string, unitS: number, unit: string): number {
  if (text === '') return 0;
  const seconds = parseSpan(/^\d+$/u.test(text) ? `${text} ${unit}` : text, 's');
  return seconds === undefined ? Number.NaN : seconds / unitS;
}

function toBytes(text: string): number {
  return text === '' ? 0 : /^\d{1,7}(?:\.\d{1,6})?$/u.test(text) ? Math.round(Number(text) * GIB) : Number.NaN;
}

/** The policy that was typed, or what is wrong. */
export function checkRulesText({ everything, values }: RulesText): { policy: RetentionPolicy } | { problem: FormProblem } {
  if (everything) return { policy: { kind: 'everything' } };
  const counts = Object.fromEntries(TIERS.map((tier) => [tier, toCount(values[tier])]));
  const parsed = retentionRulesSchema.safeParse({
    kind: 'rules',
    ...counts,
    withinHours: toSpan(values.within, HOUR_S, 'h'),
    minAgeHours: toSpan(values.minAge, HOUR_S, 'h'),
    maxAgeDays: toSpan(values.maxAge, DAY_S, 'd'),
    maxTotalBytes: toBytes(values.maxTotal),
  });
  if (parsed.success) return { policy: parsed.data };
  const fields: Record<string, string> = {};
  let text: string | undefined;
  for (const issue of parsed.error.issues) {
    const place = String(issue.path[0] ?? '');
    const field = FIELD_OF[place] ?? RULE_FIELDS.find((known) => known === place);
    if (field === undefined) {
      text ??= `This policy ${issue.message}.`;
      continue;
    }
    const range = RANGES[field] ?? 'a whole number up to 10000';
    fields[field] ??= issue.code === 'custom' ? issue.message : `must be ${range}`;
  }
  return { problem: { text, fields } };
}
