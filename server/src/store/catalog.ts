/** What is protected and where to: sources, repositories, plans. */
import type { Config } from '@holdfast/shared/adapters/field.ts';
import type { HostId, PlanId, PolicyId, RepositoryId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { PlanOrder, RepositoryOrder, SourceOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { PlanOptions } from '@holdfast/shared/domain/plan.ts';
import type { RetentionPolicy } from '@holdfast/shared/domain/retention-policy.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { StandingInstants } from './maintenance.ts';
import type { Page, PageRequest, SortedPage } from './page.ts';

/** Secret fields by name, each encrypted with its row and name as associated data. */
export type EncryptedSecrets = Readonly<Record<string, string>>;

export interface Source {
  id: SourceId;
  tenant: TenantId;
  host: HostId;
  name: string;
  kind: string;
  config: Config;
  secrets: EncryptedSecrets;
  enabled: boolean;
  /** Rises with every change. */
  version: number;
  createdAt: number;
  updatedAt: number;
}

export interface Repository {
  id: RepositoryId;
  tenant: TenantId;
  name: string;
  kind: string;
  config: Config;
  secrets: EncryptedSecrets;
  /** The engine's own id, pinned when a host first opened or made it. */
  engineId?: string | undefined;
  /** The host that tested it last, for the next test. */
  testedFrom?: HostId | undefined;
  /** Runs of one host that may use it at the same time; undefined for as many as the host runs. */
  runsAtOnce?: number | undefined;
  /** The credential that may remove, where the everyday one may not. Never in a spec: it goes to a host with one order alone. */
  admin?: AdminCredential | undefined;
  version: number;
  createdAt: number;
  updatedAt: number;
}

/** What differs from the everyday credential; everything else is the same. */
export interface AdminCredential {
  config: Config;
  secrets: EncryptedSecrets;
}

/** How long snapshots are kept, under a name that plans refer to. */
export interface Policy {
  id: PolicyId;
  tenant: TenantId;
  name: string;
  /** What it is for, in words; may be empty. */
  description: string;
  policy: RetentionPolicy;
  version: number;
  /** 0 for the one that comes with the installation. */
  createdAt: number;
  updatedAt: number;
}

export interface Plan {
  id: PlanId;
  tenant: TenantId;
  name: string;
  repository: RepositoryId;
  sources: readonly SourceId[];
  schedule?: Schedule | undefined;
  enabled: boolean;
  options: PlanOptions;
  /** Undefined: everything it makes is kept. */
  retentionPolicy?: PolicyId | undefined;
  /** Each clean backup is copied there. */
  copyRepository?: RepositoryId | undefined;
  /** How long copies are kept; undefined: for ever. */
  copyPolicy?: PolicyId | undefined;
  effectiveFrom: number;
  version: number;
  createdAt: number;
  updatedAt: number;
}

export interface SourceFilter {
  search?: string | undefined;
  host?: HostId | undefined;
  kind?: string | undefined;
  /** Only sources that are in no enabled plan. */
  withoutPlan?: boolean | undefined;
}

export interface PlanFilter {
  search?: string | undefined;
  source?: SourceId | undefined;
  host?: HostId | undefined;
  repository?: RepositoryId | undefined;
  /** Where backups are copied to. */
  copyRepository?: RepositoryId | undefined;
  enabled?: boolean | undefined;
  retentionPolicy?: PolicyId | undefined;
  /** With a source on a host that has this tag. */
  tag?: string | undefined;
}

/** An order by the next fire needs to know when that is. */
export interface PlanPage extends SortedPage<PlanOrder> {
  /** Epoch milliseconds; undefined for a schedule that does not fire any more. */
  nextFire?: ((schedule: Schedule) => number | undefined) | undefined;
}

/** An order by standing needs the instants that standings are judged by. */
export interface RepositoryPage extends SortedPage<RepositoryOrder> {
  instants?: StandingInstants | undefined;
}

/** Names are unique in a tenant for each noun (sources: on each host); a taken one is `conflict` with `details.field = "name"`. */
export interface CatalogStore {
  insertSource(source: Source): Promise<void>;
  /** Replaces the row when its version is still `expectedVersion`; `conflict` otherwise, `not_found` when it is gone. */
  updateSource(source: Source, expectedVersion: number): Promise<void>;
  findSource(tenant: TenantId, id: SourceId): Promise<Source | undefined>;
  findSources(tenant: TenantId, ids: readonly SourceId[]): Promise<readonly Source[]>;
  listSources(tenant: TenantId, filter: SourceFilter, page: SortedPage<SourceOrder>): Promise<Page<Source>>;
  listSourcesOfHost(tenant: TenantId, host: HostId): Promise<readonly Source[]>;
  /** By name, then id. */
  listSourcesOfHosts(tenant: TenantId, hosts: readonly HostId[]): Promise<readonly Source[]>;
  countSources(tenant: TenantId): Promise<number>;
  /** `conflict` with the plans' names in details when a plan still uses it. Runs and snapshots stay. */
  deleteSource(tenant: TenantId, id: SourceId): Promise<void>;

  insertRepository(repository: Repository): Promise<void>;
  updateRepository(repository: Repository, expectedVersion: number): Promise<void>;
  /** Pins the engine's id once; `conflict` when another one is pinned. */
  pinEngineId(tenant: TenantId, id: RepositoryId, engineId: string, from: HostId): Promise<void>;
  findRepository(tenant: TenantId, id: RepositoryId): Promise<Repository | undefined>;
  /** Those that exist, each once, by name, then id. */
  findRepositories(tenant: TenantId, ids: readonly RepositoryId[]): Promise<readonly Repository[]>;
  listRepositories(
    tenant: TenantId,
    filter: { search?: string | undefined; kind?: string | undefined },
    page: RepositoryPage,
  ): Promise<Page<Repository>>;
  countRepositories(tenant: TenantId): Promise<number>;
  /** `conflict` when a plan uses it or the ledger still lists snapshots in it. */
  deleteRepository(tenant: TenantId, id: RepositoryId): Promise<void>;

  insertPolicy(policy: Policy): Promise<void>;
  updatePolicy(policy: Policy, expectedVersion: number): Promise<void>;
  findPolicy(tenant: TenantId, id: PolicyId): Promise<Policy | undefined>;
  /** Those that exist, each once, by name, then id. */
  findPolicies(tenant: TenantId, ids: readonly PolicyId[]): Promise<readonly Policy[]>;
  listPolicies(tenant: TenantId, filter: { search?: string | undefined }, page: PageRequest): Promise<Page<Policy>>;
  countPolicies(tenant: TenantId): Promise<number>;
  /** `conflict` with the plans' names in details when a plan still uses it. */
  deletePolicy(tenant: TenantId, id: PolicyId): Promise<void>;
  /** Plans by the policy they use; one that has none has no entry. */
  countPlansOfPolicies(tenant: TenantId, ids: readonly PolicyId[]): Promise<ReadonlyMap<PolicyId, number>>;
  /** Hosts whose spec holds this policy. */
  listHostsOfPolicy(tenant: TenantId, id: PolicyId): Promise<readonly HostId[]>;

  insertPlan(plan: Plan): Promise<void>;
  updatePlan(plan: Plan, expectedVersion: number): Promise<void>;
  findPlan(tenant: TenantId, id: PlanId): Promise<Plan | undefined>;
  /** Those that exist, each once, by name, then id. */
  findPlans(tenant: TenantId, ids: readonly PlanId[]): Promise<readonly Plan[]>;
  listPlans(tenant: TenantId, filter: PlanFilter, page: PlanPage): Promise<Page<Plan>>;
  /** Plans with at least one source on the host, with all their sources. */
  listPlansOfHost(tenant: TenantId, host: HostId): Promise<readonly Plan[]>;
  listPlansOfHosts(tenant: TenantId, hosts: readonly HostId[]): Promise<readonly Plan[]>;
  /** Plans with at least one of the sources, switched off or not, with all their sources. */
  listPlansOfSources(tenant: TenantId, sources: readonly SourceId[]): Promise<readonly Plan[]>;
  /** Plans by the repository they go to; one that has none has no entry. */
  countPlansOf(tenant: TenantId, repositories: readonly RepositoryId[]): Promise<ReadonlyMap<RepositoryId, number>>;
  countPlans(tenant: TenantId): Promise<number>;
  deletePlan(tenant: TenantId, id: PlanId): Promise<void>;
  /** Hosts whose spec mentions this thing. */
  listHostsOfRepository(tenant: TenantId, id: RepositoryId): Promise<readonly HostId[]>;
  listHostsOfPlan(tenant: TenantId, id: PlanId): Promise<readonly HostId[]>;
}
