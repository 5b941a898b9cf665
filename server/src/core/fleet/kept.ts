/** Reads what is kept in memory of sources, hosts and plans. */
import type { HostId, PlanId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Plan } from '../../store/plans.ts';
import type { Source } from '../../store/sources.ts';
import type { CoreContext } from '../ports.ts';
import { findSourceObjectives } from '../protection/objective-settings.ts';
import { findUncopied, groupPlans } from '../protection/protected-sources.ts';
import type { KeptFleet, KeptSource } from './look.ts';

/** As the store folds names for order and search. */
function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** Reads hosts anew; their sources are judged by other objectives when their tags are others. */
export async function readHosts(
  { store }: Pick<CoreContext, 'store'>,
  tenant: TenantId,
  fleet: KeptFleet,
  ids: readonly HostId[],
): Promise<void> {
  const retagged = new Set<HostId>();
  const gone = new Set(ids);
  for (const { id, name, state, tags, lastSeenAt } of await store.hosts.findHosts(tenant, ids)) {
    const before = fleet.hosts.get(id);
    if (before !== undefined && before.tags.join('\n') !== tags.join('\n')) retagged.add(id);
    fleet.hosts.set(id, { id, name, state, tags, lastSeenAt });
    gone.delete(id);
  }
  for (const id of gone) fleet.hosts.delete(id);
  if (retagged.size > 0) resolveObjectives(fleet, ({ host }) => retagged.has(host));
}

/** Reads plans anew, or forgets them. */
export async function readPlans(
  { store }: Pick<CoreContext, 'store'>,
  tenant: TenantId,
  fleet: KeptFleet,
  ids: readonly PlanId[],
): Promise<void> {
  const gone = new Set(ids);
  for (const plan of await store.plans.findPlans(tenant, ids)) {
    fleet.plans.set(plan.id, plan);
    gone.delete(plan.id);
  }
  for (const id of gone) fleet.plans.delete(id);
}

/** Reads sources anew, after their hosts; those that are gone are forgotten. Six reads, and one for each plan with a second repository. */
export async function readSources(
  context: Pick<CoreContext, 'store'>,
  tenant: TenantId,
  fleet: KeptFleet,
  ids: readonly SourceId[],
): Promise<void> {
  const { store } = context;
  const [sources, plans, standings, proofs, drills] = await Promise.all([
    store.sources.findSources(tenant, ids),
    store.plans.listPlansOfSources(tenant, ids),
    store.standings.listStandings(tenant, ids),
    store.drills.listProofs(tenant, ids),
    store.drills.listDrillSettings(tenant, ids),
  ]);
  const hosts = new Set(sources.flatMap(({ host }) => (fleet.hosts.has(host) ? [] : [host])));
  if (hosts.size > 0) await readHosts(context, tenant, fleet, [...hosts]);
  const uncopied = await findUncopied(context, tenant, plans, standings);
  const plansOf = groupPlans(plans.map((plan) => shareRow(fleet, plan)));
  const standingOf = new Map(standings.map((standing) => [standing.source, standing]));
  const proofOf = new Map(proofs.map((proof) => [proof.source, proof]));
  const daysOf = new Map(drills.map((settings) => [settings.source, settings.withinDays]));
  const gone = new Set(ids);
  for (const source of sources) {
    gone.delete(source.id);
    const about = {
      plans: plansOf.get(source.id) ?? [],
      standing: standingOf.get(source.id),
      proof: proofOf.get(source.id),
      proofDays: daysOf.get(source.id),
      uncopiedAt: uncopied.get(source.id),
    };
    const picked = pick(source);
    if (fleet.sources.get(source.id)?.nameKey !== picked.nameKey) fleet.order = undefined;
    fleet.sources.set(source.id, { ...picked, ...about, objectives: resolve(fleet, source, about) });
    fleet.changed.add(source.id);
  }
  for (const id of gone) if (fleet.sources.delete(id)) fleet.order = undefined;
}

function pick({
  id,
  name,
  kind,
  host,
  enabled,
}: Source): Pick<KeptSource, 'id' | 'name' | 'nameKey' | 'kind' | 'host' | 'enabled'> {
  return { id, name, nameKey: foldName(name), kind, host, enabled };
}

/** One row in memory for all sources of a plan. */
function shareRow(fleet: KeptFleet, plan: Plan): Plan {
  const kept = fleet.plans.get(plan.id);
  if (kept !== undefined && kept.version === plan.version) return kept;
  fleet.plans.set(plan.id, plan);
  return plan;
}

function resolve(
  fleet: KeptFleet,
  { kind, host }: Pick<KeptSource, 'kind' | 'host'>,
  { plans, proofDays }: Pick<KeptSource, 'plans' | 'proofDays'>,
): KeptSource['objectives'] {
  return findSourceObjectives(fleet.objectives, { kind }, { plans, tags: fleet.hosts.get(host)?.tags ?? [], proofDays });
}

export function resolveObjectives(fleet: KeptFleet, isMeant: (source: KeptSource) => boolean): void {
  for (const source of fleet.sources.values()) {
    if (!isMeant(source)) continue;
    source.objectives = resolve(fleet, source, source);
    fleet.changed.add(source.id);
  }
}
