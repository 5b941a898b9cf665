/** How long snapshots are kept. */
import type { HostId, PolicyId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { RetentionPolicy } from '@holdfast/shared/domain/retention-policy.ts';
import type { Page, PageRequest } from './page.ts';

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

/** Names are unique in a tenant; a taken one is `conflict` with `details.field = "name"`. */
export interface PolicyStore {
  insertPolicy(policy: Policy): Promise<void>;
  /** Replaces the row when its version is still `expectedVersion`; `conflict` otherwise, `not_found` when it is gone. */
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
}
