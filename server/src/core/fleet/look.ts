/** The whole fleet as it stands at one instant: each source with its word, and how many have which. */
import type { HostId, PlanId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Host } from '../../store/hosts.ts';
import type { Plan } from '../../store/plans.ts';
import type { ProofTrouble } from '../drills/proof-trouble.ts';
import type { Objectives } from '../protection/objectives.ts';
import type { Protection, ProtectionCounts, ProtectionVerdict } from '../protection/protection.ts';
import type { HostSituation, SourceSituation } from '../protection/protection-facts.ts';

/** What is kept in memory of a source: all that its protection is judged by, and by what lists are ordered and narrowed. Never changed. */
export interface KeptSource extends SourceSituation {
  id: SourceId;
  name: string;
  /** What lists are ordered by and searched in. */
  nameKey: string;
  kind: string;
  host: HostId;
  /** Its own wish. */
  proofDays: number | undefined;
}

export type KeptHost = Pick<Host, 'id' | 'name' | 'state' | 'tags' | 'lastSeenAt'>;

export interface KeptFleet {
  sources: Map<SourceId, KeptSource>;
  /** Of the lists: by name. Undefined when sources came, went or were renamed. */
  order: readonly SourceId[] | undefined;
  hosts: Map<HostId, KeptHost>;
  plans: Map<PlanId, Plan>;
  /** When the newest fire was due that is owed, by plan and host with a blank between. */
  misses: ReadonlyMap<string, number>;
  objectives: Objectives;
  /** Sources that were read anew, or came under other objectives, since all were judged last. */
  changed: Set<SourceId>;
}

export interface LookedHost extends KeptHost, HostSituation {}

/** What is told of one of many; the whole of it is for `judgeSources` to say. */
export interface LookedSource {
  source: KeptSource;
  host: LookedHost;
  protection: ProtectionVerdict;
}

/** One of a few, with all that is said of it: the sentence, and what drills say against it. */
export interface JudgedSource {
  source: KeptSource;
  host: LookedHost;
  protection: Protection;
  proofTrouble: ProofTrouble | undefined;
}

export interface FleetLook {
  /** Epoch milliseconds. */
  at: number;
  /** All that have a host, in the order of lists: by name. The same list in the next look, as long as all of it is as it was. */
  sources: readonly LookedSource[];
  counts: ProtectionCounts;
  /** All that have or had sources. */
  hosts: ReadonlyMap<HostId, LookedHost>;
  /** All plans, in no particular order. */
  plans: readonly Plan[];
  /** The sentence that explains the word of a source. */
  explain(one: LookedSource): string;
  /** The next fire of a plan that is switched on, epoch milliseconds; undefined for one that has none. */
  findNextFire(plan: Pick<Plan, 'enabled' | 'schedule'>): number | undefined;
}

/** In no plan that is switched on. */
export function isWithoutPlan({ source }: LookedSource): boolean {
  return !source.plans.some(({ enabled }) => enabled);
}

/** Sources that wait for a plan: one that somebody switched off is no gap. */
export function countWithoutPlan({ sources }: FleetLook): number {
  return sources.filter((one) => one.source.enabled && isWithoutPlan(one)).length;
}

export interface FleetKeeper {
  /** Whatever was written before the call counts; what changes by time alone may be a second old. */
  look(tenant: TenantId): Promise<FleetLook>;
  /** These alone, in their order, as of this instant; what is gone, or has no host, is left out. Whatever was written before the call counts. */
  judge(tenant: TenantId, ids: readonly SourceId[]): Promise<readonly JudgedSource[]>;
  /** Reads what was written and judges nothing, so that the next look has little to read. */
  follow(tenant: TenantId): Promise<void>;
}
