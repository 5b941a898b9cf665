/** The rules of alerts that an operator set: read by every look, changed whole. */
import { createFieldsError } from '../adapter-input.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { type AlertRules, alertRulesSchema, NO_RULES } from './rules.ts';

const SETTING = 'alerts.rules';

export async function readRules({ store }: Pick<CoreContext, 'store'>): Promise<AlertRules> {
  const stored = await store.settings.findSetting(SETTING);
  return stored === undefined ? NO_RULES : alertRulesSchema.parse(JSON.parse(stored));
}

export async function getRules(context: CoreContext, caller: Caller): Promise<AlertRules> {
  demand(caller, 'view');
  return readRules(context);
}

/** What no longer leads anywhere is left out: rules of plans that are gone, steps to channels that are. */
async function dropDangling({ store }: CoreContext, { tenant }: Caller, rules: AlertRules): Promise<AlertRules> {
  const named = [...rules.plans.map(({ plan }) => plan), ...rules.windows.flatMap(({ plan }) => plan ?? [])];
  const [plans, channels] = await Promise.all([store.catalog.findPlans(tenant, named), store.channels.listChannels(tenant)]);
  const plansThere = new Set<string>(plans.map(({ id }) => id));
  const channelsThere = new Set<string>(channels.map(({ id }) => id));
  return {
    ...rules,
    plans: rules.plans.filter(({ plan }) => plansThere.has(plan)),
    windows: rules.windows.filter(({ plan }) => plan === undefined || plansThere.has(plan)),
    escalation: rules.escalation
      .filter(({ channel }) => channelsThere.has(channel))
      .toSorted((a, b) => a.afterMinutes - b.afterMinutes),
  };
}

/** Replaces the rules; they hold from the next look on, within a minute. `invalid` names the field at fault. */
export async function saveRules(context: CoreContext, caller: Caller, wanted: unknown): Promise<AlertRules> {
  demand(caller, 'channel.manage');
  const parsed = alertRulesSchema.safeParse(wanted);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw createFieldsError({ [issue?.path.join('.') || 'rules']: issue?.message ?? 'is not well-formed' });
  }
  const before = await readRules(context);
  const after = await dropDangling(context, caller, parsed.data);
  await context.store.settings.putSetting(SETTING, JSON.stringify(after));
  await recordAct(context, caller, {
    action: 'alert_rules.updated',
    target: { kind: 'settings', id: SETTING, name: 'rules of alerts' },
    change: { before, after },
  });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.alerts });
  return after;
}
