/** Which sources are backed up where, and when. */
import type { HostId, PlanId, PolicyId, RepositoryId, ScheduleId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { PlanOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { PlanOptions } from '@holdfast/shared/domain/plan.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { Page, SortedPage } from './page.ts';

export interface Plan {
  id: PlanId;
  tenant: TenantId;
  name: string;
  repository: RepositoryId;
  sources: readonly SourceId[];
  /** When it is due, whether that is its own or a shared one; undefined: only by hand. */
  schedule?: Schedule | undefined;
  /** Where its schedule comes from; undefined: it is its own. */
  sharedSchedule?: ScheduleId | undefined;
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

export interface PlanFilter {
  search?: string | undefined;
  source?: SourceId | undefined;
  host?: HostId | undefined;
  repository?: RepositoryId | undefined;
  /** Where backups are copied to. */
  copyRepository?: RepositoryId | undefined;
  enabled?: boolean | undefined;
  retentionPolicy?: PolicyId | undefined;
  sharedSchedule?: ScheduleId | undefined;
  /** With a source on a host that has this tag. */
  tag?: string | undefined;
}

/** An order by the next fire needs to know when that is. */
export interface PlanPage extends SortedPage<PlanOrder> {
  /** Epoch milliseconds; undefined for a schedule that does not fire any more. */
  nextFire?: ((schedule: Schedule) => number | undefined) | undefined;
}

/** Names are unique in a tenant; a taken one is `conflict` with `details.field = "name"`. */
export interface PlanStore {
  /** One of a shared schedule is stored with what that says now, here and at each change. */
  insertPlan(plan: Plan): Promise<void>;
  /** Replaces the row when its version is still `expectedVersion`; `conflict` otherwise, `not_found` when it is gone. */
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
  /** Hosts whose spec mentions this repository. */
  listHostsOfRepository(tenant: TenantId, id: RepositoryId): Promise<readonly HostId[]>;
  /** Hosts whose spec mentions this plan. */
  listHostsOfPlan(tenant: TenantId, id: PlanId): Promise<readonly HostId[]>;
}
