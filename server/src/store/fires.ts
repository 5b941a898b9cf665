/** The fires that plans owe: how far they are settled, and those that did not happen. */
import type { HostId, PlanId, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { PlanOptions } from '@holdfast/shared/domain/plan.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { HostState } from './hosts.ts';
import type { Page, PageRequest } from './page.ts';

/** One plan on one of its hosts, with what decides which fires it owes there. */
export interface FireWatch {
  tenant: TenantId;
  plan: PlanId;
  host: HostId;
  /** Fires up to this instant are settled. */
  settledThrough: number;
  planName: string;
  planVersion: number;
  enabled: boolean;
  schedule?: Schedule | undefined;
  options: PlanOptions;
  effectiveFrom: number;
  hostState: HostState;
  hostSkewMs?: number | undefined;
  /** The host confirmed the settings it should work by. */
  isInStep: boolean;
  /** At least one source of the plan on this host is switched on. */
  hasSources: boolean;
}

/** A run that a fire made. */
export interface FireRun {
  id: RunId;
  fireAt: number;
  /** Host's time. */
  createdAt: number;
}

/** A fire with the instants that count for it, epoch milliseconds of the host's clock. */
export interface OwedFire {
  fireAt: number;
  /** When it was to begin, spread and blackout windows included. */
  dueAt: number;
  /** From here on it is missed. */
  deadlineAt: number;
}

/**
 * `missed`: it did not happen. `late`: one later run, begun within the grace, stands for it. `reported`: it happened after all
 * and was told later.
 */
export const MISSED_STATES = ['missed', 'late', 'reported'] as const;
export type MissedState = (typeof MISSED_STATES)[number];

export interface MissedFire extends OwedFire {
  tenant: TenantId;
  plan: PlanId;
  host: HostId;
  notedAt: number;
  state: MissedState;
  /** When it stopped being missed, and the run that did it. */
  settledAt?: number | undefined;
  run?: RunId | undefined;
  /** When a later clean run of the plan on this host made it good. Undefined: it is still owed. */
  passedAt?: number | undefined;
}

/** What a look at a watch led to. */
export interface FireVerdict {
  tenant: TenantId;
  plan: PlanId;
  host: HostId;
  /** The version the look was taken at; a plan that changed meanwhile is left as it is. */
  planVersion: number;
  settledThrough: number;
  /** The next look, epoch milliseconds. */
  lookAt: number;
  missed: readonly OwedFire[];
  /** Whether a later run within the grace stands for a missed fire. */
  catchUp: boolean;
}

export interface MissedFilter {
  plan?: PlanId | undefined;
  host?: HostId | undefined;
  /** Only those that are still owed. */
  open?: boolean | undefined;
}

/** The fires that one plan still owes on one host. */
export interface OpenMiss {
  plan: PlanId;
  host: HostId;
  count: number;
  newestAt: number;
}

/** Watches exist for each plan on each host of its sources; they come and go with the plan, in its own transaction. */
export interface FireStore {
  /** Watches of all tenants whose next look is due at `now`, the longest overdue first. */
  listDueWatches(now: number, limit: number): Promise<readonly FireWatch[]>;
  /** Runs of the plan on the host that answer a fire at or after `from`, by fire. */
  listFireRuns(watch: Pick<FireWatch, 'tenant' | 'plan' | 'host'>, from: number, limit: number): Promise<readonly FireRun[]>;
  /**
   * Stores what looks led to, all or nothing. A fire that a run answers by now is not noted, nor one for which a later run within
   * its grace stands. Returns the fires that were noted.
   */
  settleFires(
    verdicts: readonly FireVerdict[],
    notedAt: number,
  ): Promise<readonly { plan: PlanId; host: HostId; fireAt: number }[]>;
  /** Newest fire first. */
  listMissedFires(tenant: TenantId, filter: MissedFilter, page: PageRequest): Promise<Page<MissedFire>>;
  /** What is still owed, the newest first; of all plans, or of these. */
  listOpenMisses(
    tenant: TenantId,
    filter: { plans?: readonly PlanId[] | undefined },
    limit: number,
  ): Promise<readonly OpenMiss[]>;
  /** Drops what was noted before this instant, at most `limit` rows; returns how many. */
  pruneMissedFires(before: number, limit: number): Promise<number>;
}
