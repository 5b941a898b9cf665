/** What was written since somebody last asked, so that what is kept in memory follows the store, whoever wrote. */
import type { HostId, PlanId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';

export interface FleetChanges {
  /** Another process wrote: nothing that is kept can be relied on. */
  isAllStale: boolean;
  /**
   * Sources of which a word on their protection may be another one now: they themselves, their plans, backups, copies, drills and what these
   * are to ask.
   */
  sources: readonly SourceId[];
  /** Hosts that were changed or heard of. */
  hosts: readonly HostId[];
  plans: readonly PlanId[];
  /** Missed fires came or went. */
  isMissChanged: boolean;
}

export interface ChangeStore {
  /**
   * Everything since the call before, or since the store was opened; each is told once, to one caller. What a transaction wrote that
   * failed is not told.
   */
  takeChanges(tenant: TenantId): Promise<FleetChanges>;
}
