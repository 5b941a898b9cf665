/** What hosts told of their regular looks at their sources. */
import type { HostId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { SourceHealthState } from '@holdfast/shared/domain/source-health.ts';

export interface KeptLook {
  at: number;
  state: SourceHealthState;
  latencyMs: number;
}

export interface SourceHealth {
  source: SourceId;
  state: SourceHealthState;
  /** Since when it is so. */
  since: number;
  /** The newest look that was told of, and when this server heard of it. */
  lookedAt: number;
  toldAt: number;
  /** Looks in a row that failed. */
  failures: number;
  latencyMs: number;
  /** Why the newest look failed; hostile text. */
  failure?: string | undefined;
  /** Oldest first, the newest among them; at most `SOURCE_HEALTH.keptLooks`. */
  looks: readonly KeptLook[];
}

export interface HealthStore {
  /** Of these sources; those nobody told of are left out. */
  listHealth(tenant: TenantId, sources: readonly SourceId[]): Promise<readonly SourceHealth[]>;
  /** Replaces what is known of these sources; those that are not on this host are left out. */
  putHealth(tenant: TenantId, host: HostId, health: readonly SourceHealth[]): Promise<void>;
}
