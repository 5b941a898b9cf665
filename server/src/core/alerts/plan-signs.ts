/** What is wrong with plans beside their runs: fires nobody answered, and retention that stands still. Pure. */
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import type { AlertSign, NewestForget } from '../../store/alerts.ts';
import type { OpenMiss } from '../../store/fires.ts';
import type { Plan } from '../../store/plans.ts';
import type { AlertCondition } from './conditions.ts';
import { shortenText } from './text.ts';

export interface PlanLook {
  plans: readonly Pick<Plan, 'id' | 'name' | 'enabled'>[];
  misses: readonly OpenMiss[];
  forgets: readonly NewestForget[];
  /** When the newest clean backup run of a plan was made, where the newest is clean. */
  cleanAt: ReadonlyMap<PlanId, number>;
  hostNames: ReadonlyMap<HostId, string>;
}

const RETENTION: Readonly<Record<string, AlertCondition>> = {
  retention_frozen: 'retention.frozen',
  retention_asks: 'retention.waiting',
};

function nameHost(look: PlanLook, host: HostId): string {
  return look.hostNames.get(host) ?? 'a deleted host';
}

function judgeMisses(look: PlanLook, plan: PlanLook['plans'][number]): readonly AlertSign[] {
  return look.misses.flatMap(({ plan: id, host, count, newestAt }): AlertSign[] => {
    if (id !== plan.id || !look.hostNames.has(host)) return [];
    const when = new Date(newestAt).toISOString().slice(0, 16);
    const text = `${count === 1 ? 'its fire' : `${count} fires, the last one`} of ${when}Z passed and nothing ran within the grace`;
    const name = nameHost(look, host);
    const thing = { kind: 'plan' as const, id: plan.id };
    return [
      { scope: 'plan', scopeId: plan.id, subject: `fires ${host}`, condition: 'fire.missed', thing, name, text, since: newestAt },
    ];
  });
}

function judgeRetention(look: PlanLook, plan: PlanLook['plans'][number]): readonly AlertSign[] {
  return look.forgets.flatMap(({ plan: id, host, run, failure, at }): AlertSign[] => {
    const condition = RETENTION[failure?.reason ?? ''];
    if (id !== plan.id || condition === undefined || failure === undefined) return [];
    // A clean backup made since has thawed it; whether something is left to remove is for the next forget run to say.
    if (condition === 'retention.frozen' && (look.cleanAt.get(plan.id) ?? 0) > at) return [];
    const thing = { kind: 'plan' as const, id: plan.id };
    const text = shortenText(failure.message);
    const subject = `retention ${host}`;
    return [{ scope: 'plan', scopeId: plan.id, subject, condition, thing, name: nameHost(look, host), text, since: at, run }];
  });
}

export function judgePlans(look: PlanLook): readonly AlertSign[] {
  return look.plans.flatMap((plan) => (plan.enabled ? [...judgeMisses(look, plan), ...judgeRetention(look, plan)] : []));
}
