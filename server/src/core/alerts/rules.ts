/**
 * What an operator says of alerts beyond the thresholds of the whole installation: other thresholds for a plan or a tag, how much a
 * repository may store, maintenance windows in which nothing new is raised, and who is told when nobody takes an alert. Reading them is pure.
 */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { blackoutSchema, nameSchema, tagSchema } from '@holdfast/shared/domain/plan.ts';
import { scheduleSchema } from '@holdfast/shared/domain/schedule.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { SEVERITIES } from './conditions.ts';
import { type Thresholds, thresholdsSchema } from './thresholds.ts';

const { failuresInARow, silentMinutes, hostDiskGib } = thresholdsSchema.shape;
const hostFields = {
  silentMinutes: silentMinutes.unwrap().optional(),
  hostDiskGib: hostDiskGib.unwrap().optional(),
};

/** Things a window is for. Nothing given: all of them. */
const windowTarget = { plan: idSchema('plan').optional(), tag: tagSchema.optional() };
const weeklySchema = z.strictObject({
  kind: z.literal('weekly'),
  name: nameSchema,
  ...windowTarget,
  zone: scheduleSchema.shape.zone,
  ...blackoutSchema.shape,
});
const onceSchema = z.strictObject({
  kind: z.literal('once'),
  name: nameSchema,
  ...windowTarget,
  /** Epoch milliseconds; the beginning counts, the end does not. */
  fromAt: z.int().min(0),
  toAt: z.int().min(0),
});
const windowSchema = z
  .discriminatedUnion('kind', [weeklySchema, onceSchema])
  .refine((window) => window.plan === undefined || window.tag === undefined, 'is for a plan or for a tag, not for both')
  .refine(
    (window) =>
      window.kind === 'once'
        ? window.fromAt < window.toAt && window.toAt - window.fromAt <= ALERTS.windowMaxMs
        : window.from !== window.to && window.from !== '24:00',
    'must end after it begins, and a single one within 31 days',
  );
export type MaintenanceWindow = z.infer<typeof windowSchema>;

const escalationSchema = z.strictObject({
  /** Minutes an alert stays open, unacknowledged and not put off, before this channel is told. */
  afterMinutes: z.int().min(1).max(ALERTS.escalationMinutesMax),
  least: z.enum(SEVERITIES),
  channel: idSchema('channel'),
});
export type EscalationStep = z.infer<typeof escalationSchema>;

export const alertRulesSchema = z.strictObject({
  plans: z
    .array(z.strictObject({ plan: idSchema('plan'), failuresInARow: failuresInARow.unwrap() }))
    .max(ALERTS.rules)
    .default([]),
  tags: z
    .array(z.strictObject({ tag: tagSchema, failuresInARow: failuresInARow.unwrap().optional(), ...hostFields }))
    .max(ALERTS.rules)
    .default([]),
  repositories: z
    .array(
      z.strictObject({
        repository: idSchema('repository'),
        /** GiB that it may take in storage, by its newest measurement. */
        storedGib: z.number().min(0.1).max(ALERTS.storedGibMax),
      }),
    )
    .max(ALERTS.rules)
    .default([]),
  windows: z.array(windowSchema).max(ALERTS.windows).default([]),
  escalation: z.array(escalationSchema).max(ALERTS.escalationSteps).default([]),
});
export type AlertRules = z.infer<typeof alertRulesSchema>;

type TagRule = AlertRules['tags'][number];

/** The most patient of the tags' values: who asked for patience for one of them meant these hosts. */
function findOfTags(rules: AlertRules, tags: readonly string[], choose: (rule: TagRule) => number | undefined): number[] {
  return rules.tags.flatMap((rule) => (tags.includes(rule.tag) ? (choose(rule) ?? []) : []));
}

/** Unclean runs in a row before one of a plan on a host with these tags is an alert: the plan's own number, then the highest of the tags. */
export function resolveFailuresInARow(
  rules: AlertRules,
  thresholds: Thresholds,
  about: { plan: string; tags: readonly string[] },
): number {
  const own = rules.plans.find(({ plan }) => plan === about.plan);
  if (own !== undefined) return own.failuresInARow;
  const ofTags = findOfTags(rules, about.tags, (rule) => rule.failuresInARow);
  return ofTags.length === 0 ? thresholds.failuresInARow : Math.max(...ofTags);
}

export interface HostLimits {
  silentMinutes: number;
  diskGib: number;
}

/** The longest silence any of the tags allows, and the highest floor of disk any of them wants. */
export function resolveHostLimits(rules: AlertRules, thresholds: Thresholds, tags: readonly string[]): HostLimits {
  const silences = findOfTags(rules, tags, (rule) => rule.silentMinutes);
  const floors = findOfTags(rules, tags, (rule) => rule.hostDiskGib);
  return {
    silentMinutes: silences.length === 0 ? thresholds.silentMinutes : Math.max(...silences),
    diskGib: floors.length === 0 ? thresholds.hostDiskGib : Math.max(...floors),
  };
}
