/** How long snapshots are kept: one policy for every engine. A plan names one; several plans may share it. */
import * as z from 'zod';

/** Tiers in the order in which they are told. */
export const TIERS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type Tier = (typeof TIERS)[number];

const countSchema = z.int().min(0).max(10_000).default(0);

const rulesShape = {
  /** The newest ones, whenever they were made. */
  last: countSchema,
  /** The newest of each of so many hours (days, weeks, months, years) that have one; days are those of the plan's zone, weeks end on Sunday. */
  hourly: countSchema,
  daily: countSchema,
  weekly: countSchema,
  monthly: countSchema,
  yearly: countSchema,
  /** All that are not older than this before the newest good one, in hours; 0: no such rule. */
  withinHours: z
    .int()
    .min(0)
    .max(20 * 366 * 24)
    .default(0),
  /** Whatever the other rules say, younger ones stay; hours. */
  minAgeHours: z
    .int()
    .min(0)
    .max(20 * 366 * 24)
    .default(0),
  /** Whatever the tiers say, older ones go; days; 0: no such rule. */
  maxAgeDays: z
    .int()
    .min(0)
    .max(100 * 366)
    .default(0),
  /** While the kept ones of a source hold more than this, the oldest goes; bytes they added to the repository; 0: no such rule. */
  maxTotalBytes: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
};

export const retentionRulesSchema = z
  .strictObject({ kind: z.literal('rules'), ...rulesShape })
  .refine(
    ({ kind, minAgeHours, ...rules }) => Object.values(rules).some((value) => value > 0),
    'keeps nothing: give at least one number of snapshots, an age or a size, or choose to keep everything',
  )
  .refine(({ minAgeHours, maxAgeDays }) => maxAgeDays === 0 || minAgeHours <= maxAgeDays * 24, {
    path: ['maxAgeDays'],
    message: 'must not be less than the minimum age',
  });
export type RetentionRules = z.infer<typeof retentionRulesSchema>;

/** `everything`: nothing is ever removed by a rule, which is a choice and never what an empty form means. */
export const retentionPolicySchema = z.union([z.strictObject({ kind: z.literal('everything') }), retentionRulesSchema]);
export type RetentionPolicy = z.infer<typeof retentionPolicySchema>;

export interface RetentionPreset {
  key: string;
  name: string;
  policy: RetentionPolicy;
}

const NO_RULES = {
  kind: 'rules',
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  withinHours: 0,
  minAgeHours: 0,
  maxAgeDays: 0,
  maxTotalBytes: 0,
} as const satisfies RetentionRules;

/** What most people want, the first one being the default. */
export const RETENTION_PRESETS: readonly RetentionPreset[] = [
  {
    key: 'standard',
    name: 'Standard (24h/7d/4w/12m)',
    policy: { ...NO_RULES, hourly: 24, daily: 7, weekly: 4, monthly: 12 },
  },
  { key: 'short', name: 'Two weeks', policy: { ...NO_RULES, last: 3, withinHours: 14 * 24 } },
  { key: 'long', name: 'Seven years', policy: { ...NO_RULES, daily: 31, weekly: 8, monthly: 24, yearly: 7 } },
  { key: 'last', name: 'The last ten', policy: { ...NO_RULES, last: 10 } },
  { key: 'everything', name: 'Everything', policy: { kind: 'everything' } },
];

const TIER_WORDS: Readonly<Record<Tier, readonly [one: string, many: string]>> = {
  last: ['newest', 'newest'],
  hourly: ['hour', 'hours'],
  daily: ['day', 'days'],
  weekly: ['week', 'weeks'],
  monthly: ['month', 'months'],
  yearly: ['year', 'years'],
};

function describeHours(hours: number): string {
  if (hours % 24 !== 0) return hours === 1 ? '1 hour' : `${hours} hours`;
  return hours === 24 ? '1 day' : `${hours / 24} days`;
}

/** The policy as a sentence for people. Sizes are written by `formatBytes`, which knows how the page writes them. */
export function describePolicy(policy: RetentionPolicy, formatBytes: (bytes: number) => string): string {
  if (policy.kind === 'everything') return 'Keeps everything.';
  const counted = TIERS.filter((tier) => tier !== 'last' && policy[tier] > 0).map((tier) => {
    const [one, many] = TIER_WORDS[tier];
    return policy[tier] === 1 ? `1 ${one}` : `${policy[tier]} ${many}`;
  });
  const kept = [
    ...(policy.last > 0 ? [policy.last === 1 ? 'the newest' : `the ${policy.last} newest`] : []),
    ...(counted.length > 0 ? [`one for each of ${counted.join(', ')}`] : []),
    ...(policy.withinHours > 0 ? [`all of the last ${describeHours(policy.withinHours)}`] : []),
  ];
  const sentences = [`Keeps ${kept.length > 0 ? kept.join(', and ') : 'everything'}`];
  if (policy.minAgeHours > 0) sentences.push(`nothing younger than ${describeHours(policy.minAgeHours)} is removed`);
  if (policy.maxAgeDays > 0) sentences.push(`nothing older than ${describeHours(policy.maxAgeDays * 24)} is kept`);
  if (policy.maxTotalBytes > 0) sentences.push(`at most ${formatBytes(policy.maxTotalBytes)} of each source`);
  return `${sentences.join('; ')}.`;
}
