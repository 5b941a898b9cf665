/** The rules of alerts that an operator set: read by every look, changed whole. */
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { demandVersion, findSettingVersion, parseSetting, readSetting, writeSetting } from '../stored-setting.ts';
import { type AlertRules, alertRulesSchema } from './rules.ts';

const SETTING = {
  key: 'alerts.rules',
  schema: alertRulesSchema,
  name: 'rules of alerts',
  action: 'alert_rules.updated',
} as const;

export function readRules(context: Pick<CoreContext, 'store'>): Promise<AlertRules> {
  return readSetting(context, SETTING);
}

export async function getRules(context: CoreContext, caller: Caller): Promise<AlertRules> {
  demand(caller, 'view');
  return readRules(context);
}

/** For `saveRules`: what this content comes to. */
export function findRulesVersion(rules: AlertRules): number {
  return findSettingVersion(SETTING, rules);
}

/** What no longer leads anywhere is left out: rules of plans and repositories that are gone, steps to channels that are. */
async function dropDangling({ store }: CoreContext, { tenant }: Caller, rules: AlertRules): Promise<AlertRules> {
  const named = [...rules.plans.map(({ plan }) => plan), ...rules.windows.flatMap(({ plan }) => plan ?? [])];
  const [plans, repositories, channels] = await Promise.all([
    store.plans.findPlans(tenant, named),
    store.repositories.findRepositories(
      tenant,
      rules.repositories.map(({ repository }) => repository),
    ),
    store.channels.listChannels(tenant),
  ]);
  const plansThere = new Set<string>(plans.map(({ id }) => id));
  const repositoriesThere = new Set<string>(repositories.map(({ id }) => id));
  const channelsThere = new Set<string>(channels.map(({ id }) => id));
  return {
    ...rules,
    plans: rules.plans.filter(({ plan }) => plansThere.has(plan)),
    repositories: rules.repositories.filter(({ repository }) => repositoriesThere.has(repository)),
    windows: rules.windows.filter(({ plan }) => plan === undefined || plansThere.has(plan)),
    escalation: rules.escalation
      .filter(({ channel }) => channelsThere.has(channel))
      .toSorted((a, b) => a.afterMinutes - b.afterMinutes),
  };
}

/**
 * Replaces the rules; they hold from the next look on, within a minute. `invalid` names the field at fault, and `conflict` the version
 * there is where it is not the expected one.
 */
export async function saveRules(
  context: CoreContext,
  caller: Caller,
  wanted: unknown,
  expectedVersion?: number,
): Promise<AlertRules> {
  demand(caller, 'channel.manage');
  const parsed = parseSetting(SETTING, wanted);
  const before = await readRules(context);
  demandVersion(SETTING, before, expectedVersion);
  const after = await dropDangling(context, caller, parsed);
  await writeSetting(context, caller, SETTING, { before, after });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.alerts });
  return after;
}
