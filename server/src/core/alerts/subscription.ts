/** What a channel is told: how grave an alert must be, of which conditions, plans and hosts; which backups; which digests. */
import {
  type HostId,
  idSchema,
  type PlanId,
  type RepositoryId,
  type SourceId,
  type TenantId,
} from '@holdfast/shared/domain/ids.ts';
import { tagSchema } from '@holdfast/shared/domain/plan.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Alert } from '../../store/alerts.ts';
import type { Channel } from '../../store/channels.ts';
import type { PageRequest } from '../../store/page.ts';
import type { Plan } from '../../store/plans.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import type { CoreContext } from '../ports.ts';
import { ALERT_CONDITIONS, isAsGrave, SEVERITIES } from './conditions.ts';
import type { MessageType } from './message.ts';

/** Beside a channel's fields, as JSON. */
export const SUBSCRIPTION = 'subscription';
/** Where channels had it before they had subscriptions. */
const LEAST = 'least';
const NARROWED_MOST = 100;

export const LEAST_CHOICES = [...SEVERITIES, 'none'] as const;
export const RUN_ENDS = ['succeeded', 'partial', 'failed'] as const;
export const DIGESTS = ['daily', 'weekly'] as const;
/** What people and programs do, in groups. */
export const ACT_GROUPS = ['restores', 'failed_sign_ins', 'sign_ins', 'people', 'hosts', 'setup'] as const;
export type ActGroup = (typeof ACT_GROUPS)[number];

const listed = <T extends z.ZodType>(entry: T) => z.array(entry).max(NARROWED_MOST);

export const subscriptionSchema = z.strictObject({
  /** Alerts at least this grave; `none` for no alerts at all. */
  least: z.enum(LEAST_CHOICES).default('notice'),
  /** Only these; empty for all. */
  conditions: listed(z.enum(ALERT_CONDITIONS)).default([]),
  /** Only what concerns these plans, or hosts with one of these tags; both empty for everything. */
  plans: listed(idSchema('plan')).default([]),
  tags: listed(tagSchema).default([]),
  /** Backups of plans that ended so. */
  runs: z.array(z.enum(RUN_ENDS)).max(RUN_ENDS.length).default([]),
  digests: z.array(z.enum(DIGESTS)).max(DIGESTS.length).default([]),
  /** Acts of the audit, whatever plans and tags are chosen. */
  acts: z.array(z.enum(ACT_GROUPS)).max(ACT_GROUPS.length).default([]),
});
export type Subscription = z.infer<typeof subscriptionSchema>;
export const EVERY_ALERT: Subscription = subscriptionSchema.parse({});

export function readSubscription({ config }: Pick<Channel, 'config'>): Subscription {
  const stored = config[SUBSCRIPTION];
  if (typeof stored === 'string') return subscriptionSchema.parse(JSON.parse(stored));
  const least = SEVERITIES.find((severity) => severity === config[LEAST]);
  return { ...EVERY_ALERT, least: least ?? EVERY_ALERT.least };
}

/** Throws `invalid` at what is wrong, as forms name it. */
export function checkSubscription(subscription: Subscription): Subscription {
  const parsed = subscriptionSchema.safeParse(subscription);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? 'subscription');
  throw createFieldsError({
    [`sub-${field}`]: `${field === 'tags' ? 'Tags of hosts' : field}: ${issue?.message ?? 'is not valid'}`,
  });
}

/** The fields of a channel without what is kept beside them for its subscription. */
export function omitSubscription(config: Channel['config']): Channel['config'] {
  const { [SUBSCRIPTION]: _subscription, [LEAST]: _least, ...fields } = config;
  return fields;
}

/** What news is about, as far as subscriptions ask. Undefined: about everything. */
export interface Concern {
  plans: ReadonlySet<PlanId>;
  tags: ReadonlySet<string>;
}

/** Whether it asks what news is about at all. */
export function isNarrowed({ plans, tags }: Subscription): boolean {
  return plans.length + tags.length > 0;
}

export function isConcerned(subscription: Subscription, concern: Concern | undefined): boolean {
  const { plans, tags } = subscription;
  if (concern === undefined || !isNarrowed(subscription)) return true;
  return plans.some((plan) => concern.plans.has(plan)) || tags.some((tag) => concern.tags.has(tag));
}

/** Whether a channel wants to hear of an alert. */
export function wantsAlert(
  subscription: Subscription,
  alert: Pick<Alert, 'severity' | 'condition'>,
  concern: Concern | undefined,
): boolean {
  const { least, conditions } = subscription;
  if (least === 'none' || !isAsGrave(alert.severity, least)) return false;
  return (conditions.length === 0 || conditions.includes(alert.condition)) && isConcerned(subscription, concern);
}

/** Whether a channel wants to hear of a backup. One whose whole work is backups hears of each. */
export function wantsRun(
  subscription: Subscription,
  hears: readonly MessageType[],
  type: Extract<MessageType, `run.${string}`>,
): boolean {
  if (!hears.includes(type)) return false;
  if (hears.includes('run.started')) return true;
  return subscription.runs.some((end) => `run.${end}` === type);
}

const GROUP_OF_NOUN: Readonly<Record<string, ActGroup>> = {
  restore: 'restores',
  user: 'people',
  api_key: 'people',
  host: 'hosts',
  enrolment_token: 'hosts',
};
/** Nouns whose acts are everyday work, or told as alerts and backups. */
const UNTOLD_NOUNS: ReadonlySet<string> = new Set(['alert', 'run', 'login']);
/** What hosts do by themselves, day by day. */
const UNTOLD_ACTS: ReadonlySet<string> = new Set(['repository.lock_cleared']);

/** The group of an act of the audit; undefined for what is no news of its own. */
export function groupAct(action: string): ActGroup | undefined {
  if (action === 'login.failed') return 'failed_sign_ins';
  if (action === 'login.succeeded') return 'sign_ins';
  const [noun = '', verb = ''] = action.split('.');
  const own = Object.hasOwn(GROUP_OF_NOUN, noun) ? GROUP_OF_NOUN[noun] : undefined;
  if (own !== undefined) return own;
  return UNTOLD_NOUNS.has(noun) || UNTOLD_ACTS.has(action) || verb.endsWith('_started') ? undefined : 'setup';
}

const ids = { source: idSchema('source'), plan: idSchema('plan'), host: idSchema('host'), repository: idSchema('repository') };
const PLANS_PER_PAGE = 200;
const PLAN_PAGES = 25;

async function gather(
  { store }: Pick<CoreContext, 'store'>,
  tenant: TenantId,
  hosts: readonly HostId[],
  plans: readonly Pick<Plan, 'id'>[],
): Promise<Concern> {
  const found = await store.hosts.findHosts(tenant, [...new Set(hosts)]);
  return { plans: new Set(plans.map(({ id }) => id)), tags: new Set(found.flatMap(({ tags }) => tags)) };
}

async function listPlansInto({ store }: Pick<CoreContext, 'store'>, tenant: TenantId, repository: RepositoryId): Promise<Plan[]> {
  const plans: Plan[] = [];
  let after: PageRequest['after'];
  for (let page = 0; page < PLAN_PAGES; page += 1) {
    const { rows, next } = await store.plans.listPlans(tenant, { repository }, { limit: PLANS_PER_PAGE, after });
    plans.push(...rows);
    after = next;
    if (after === undefined) break;
  }
  return plans;
}

/** The plans and hosts that an alert is about. This server, its channels and the fleet as a whole concern everybody. */
export async function findConcern(
  context: Pick<CoreContext, 'store'>,
  { tenant, thing, condition }: Pick<Alert, 'tenant' | 'thing' | 'condition'>,
): Promise<Concern | undefined> {
  const { store } = context;
  switch (thing.kind) {
    case 'server':
    case 'channel':
    case 'fleet':
      return undefined;
    case 'source':
      return findSourcesConcern(context, tenant, [ids.source.parse(thing.id)]);
    case 'plan': {
      const plan = ids.plan.parse(thing.id);
      return gather(context, tenant, await store.plans.listHostsOfPlan(tenant, plan), [{ id: plan }]);
    }
    case 'host': {
      const host = ids.host.parse(thing.id);
      return gather(context, tenant, [host], await store.plans.listPlansOfHost(tenant, host));
    }
    case 'repository': {
      const repository = ids.repository.parse(thing.id);
      const plans = await listPlansInto(context, tenant, repository);
      return gather(context, tenant, await store.plans.listHostsOfRepository(tenant, repository), plans);
    }
    default: {
      // What this file does not know of by name concerns what its signs are about.
      const signs = await store.alerts.listSignsOf(tenant, condition, thing, ALERTS.namedMembers);
      const sources = signs.filter(({ scope }) => scope === 'source').map(({ scopeId }) => ids.source.parse(scopeId));
      return sources.length === 0 ? undefined : findSourcesConcern(context, tenant, sources);
    }
  }
}

async function findSourcesConcern(
  context: Pick<CoreContext, 'store'>,
  tenant: TenantId,
  sources: readonly SourceId[],
): Promise<Concern> {
  const { store } = context;
  const [found, plans] = await Promise.all([
    store.sources.findSources(tenant, sources),
    store.plans.listPlansOfSources(tenant, sources),
  ]);
  return gather(
    context,
    tenant,
    found.map(({ host }) => host),
    plans,
  );
}
