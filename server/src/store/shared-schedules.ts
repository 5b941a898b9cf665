/** When plans are due, under names that they share. */
import type { HostId, ScheduleId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { Page, PageRequest } from './page.ts';

/** When plans are due, under a name that they refer to. */
export interface SharedSchedule {
  id: ScheduleId;
  tenant: TenantId;
  name: string;
  /** What it is for, in words; may be empty. */
  description: string;
  schedule: Schedule;
  version: number;
  createdAt: number;
  updatedAt: number;
}

/** Names are unique in a tenant; a taken one is `conflict` with `details.field = "name"`. */
export interface SharedScheduleStore {
  insertSharedSchedule(shared: SharedSchedule): Promise<void>;
  /**
   * Replaces the row when its version is still `expectedVersion`; `conflict` otherwise, `not_found` when it is gone. Where it is due at other
   * times, every plan that uses it moves in the same transaction: from `updatedAt` on, as a new version of the plan.
   */
  updateSharedSchedule(shared: SharedSchedule, expectedVersion: number): Promise<void>;
  findSharedSchedule(tenant: TenantId, id: ScheduleId): Promise<SharedSchedule | undefined>;
  /** Those that exist, each once, by name, then id. */
  findSharedSchedules(tenant: TenantId, ids: readonly ScheduleId[]): Promise<readonly SharedSchedule[]>;
  listSharedSchedules(
    tenant: TenantId,
    filter: { search?: string | undefined },
    page: PageRequest,
  ): Promise<Page<SharedSchedule>>;
  countSharedSchedules(tenant: TenantId): Promise<number>;
  /** `conflict` with the plans' names in details when a plan still uses it. */
  deleteSharedSchedule(tenant: TenantId, id: ScheduleId): Promise<void>;
  /** Plans by the shared schedule they use; one that has none has no entry. */
  countPlansOfSharedSchedules(tenant: TenantId, ids: readonly ScheduleId[]): Promise<ReadonlyMap<ScheduleId, number>>;
  /** Hosts whose spec holds a plan that uses it. */
  listHostsOfSharedSchedule(tenant: TenantId, id: ScheduleId): Promise<readonly HostId[]>;
}
