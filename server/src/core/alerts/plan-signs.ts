/** What is wrong with plans beside their backups: fires nobody answered, and retention that stands still, fails or may not. Pure. */
import type { HostId, PlanId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { AlertSign, NewestForget } from '../../store/alerts.ts';
import type { OpenMiss } from '../../store/fires.ts';
import type { Plan } from '../../store/plans.ts';
import type { Repository } from '../../store/repositories.ts';
import { findPolicyThere } from '../retention/retention-preview.ts';
import { type AlertCondition, judgeFailureCause } from './conditions.ts';
import { shortenText } from './text.ts';

export interface PlanLook {
  plans: readonly Pick<Plan, 'id' | 'name' | 'enabled' | 'repository' | 'retentionPolicy' | 'copyRepository' | 'copyPolicy'>[];
  misses: readonly OpenMiss[];
  forgets: readonly NewestForget[];
  /** When the newest clean backup run of a plan was made, where the newest is clean. */
  cleanAt: ReadonlyMap<PlanId, number>;
  hostNames: ReadonlyMap<HostId, string>;
  /** Hosts that have sources of a plan, of those whose retention says something against it. */
  sourceHosts: ReadonlyMap<PlanId, ReadonlySet<HostId>>;
  /** Those that were removed from. */
  repositories: ReadonlyMap<RepositoryId, Pick<Repository, 'id' | 'name' | 'admin'>>;
}

/** What leaves everything where it is, and is no fault of the run. */
const WAITS: Readonly<Record<string, AlertCondition>> = {
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

/** Undefined where the run says nothing against anything. */
function findTrouble(look: PlanLook, { plan, repository, state, failure }: NewestForget) {
  const reason = failure?.reason ?? '';
  const waits = WAITS[reason];
  if (waits !== undefined) return { condition: waits, thing: { kind: 'plan' as const, id: plan } };
  const there = { kind: 'repository' as const, id: repository };
  if (reason === 'removal_refused') {
    // With an admin credential, removing is left to people because somebody said so.
    const isChosen = look.repositories.get(repository)?.admin !== undefined && state === 'skipped';
    return isChosen ? undefined : { condition: 'retention.refused' as const, thing: there };
  }
  if (state !== 'failed' && state !== 'partial') return undefined;
  const { condition, at } = judgeFailureCause(reason);
  if (at === 'repository') return { condition, thing: there };
  return { condition: 'forget.failed' as const, thing: { kind: 'plan' as const, id: plan } };
}

function judgeRetention(look: PlanLook, plan: PlanLook['plans'][number]): readonly AlertSign[] {
  return look.forgets.flatMap((forget): AlertSign[] => {
    const { plan: id, host, repository, run, failure, at, isForAll } = forget;
    if (id !== plan.id || failure === undefined || findPolicyThere(plan, repository) === undefined) return [];
    const trouble = findTrouble(look, forget);
    if (trouble === undefined || !look.hostNames.has(host)) return [];
    // Nothing follows any more on a host whose sources were taken out of the plan, and nothing would end what it said last.
    if (!isForAll && look.sourceHosts.get(plan.id)?.has(host) !== true) return [];
    // A host says so itself when it goes on; the next removal that the server orders may be a day away.
    if (isForAll && trouble.condition === 'retention.frozen' && (look.cleanAt.get(plan.id) ?? 0) > at) return [];
    const subject = `retention ${host} ${repository}`;
    const isOfRepository = trouble.thing.kind === 'repository';
    const name = isOfRepository ? `retention of ${plan.name}` : nameHost(look, host);
    return [{ scope: 'plan', scopeId: plan.id, subject, ...trouble, name, text: shortenText(failure.message), since: at, run }];
  });
}

export function judgePlans(look: PlanLook): readonly AlertSign[] {
  return look.plans.flatMap((plan) => (plan.enabled ? [...judgeMisses(look, plan), ...judgeRetention(look, plan)] : []));
}
