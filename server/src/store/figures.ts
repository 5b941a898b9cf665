/**
 * What is told of each host, source, plan and repository by number, in slim rows: a scrape reads tens of thousands of them. Lists go
 * by id, `limit` rows after `after`, with the revoked hosts and what belongs to them left out.
 */

import type { PlanId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { SourceHealthState } from '@holdfast/shared/domain/source-health.ts';

export interface FigurePage {
  /** The id of the last row already seen; undefined for the first page. */
  after?: string | undefined;
  limit: number;
}

export interface HostFigures {
  id: string;
  name: string;
  state: 'active' | 'quarantined';
  lastSeenAt?: number | undefined;
  /** It works by an older spec than it should. */
  hasDrift: boolean;
  /** Whether something of it was found broken when it was judged last; undefined before that. */
  isAiling?: boolean | undefined;
  drainUntil?: number | undefined;
}

/** All instants are those of the host's clock, epoch milliseconds. */
export interface SourceFigures {
  id: string;
  host: string;
  source: string;
  /** Of the newest clean backup. */
  goodAt?: number | undefined;
  goodBytes?: number | undefined;
  goodDurationMs?: number | undefined;
  /** When a snapshot was last read whole and found to be as it was made. */
  verifiedAt?: number | undefined;
  /** Of the newest drill that proved a backup. */
  provenAt?: number | undefined;
  restoreMs?: number | undefined;
  /** What its host saw at its newest look, and when this server heard of it; undefined before the first. */
  health?: SourceHealthState | undefined;
  healthToldAt?: number | undefined;
  /** Of its host. */
  tags: readonly string[];
  /** Those that are switched on; none for a source that is switched off. */
  plans: readonly FigurePlan[];
}

/** A plan as far as it promises its sources something. */
export interface FigurePlan {
  id: PlanId;
  name: string;
  /** Undefined for one that runs only by hand. */
  schedule?: Schedule | undefined;
}

export interface PlanFigures {
  id: string;
  plan: string;
  /** Undefined for a plan that is switched off or runs only by hand. */
  schedule?: Schedule | undefined;
  effectiveFrom: number;
}

export interface RepositoryFigures {
  id: string;
  repository: string;
  snapshots: number;
  sizeBytes?: number | undefined;
  measuredAt?: number | undefined;
}

export interface FleetFigures {
  revokedHosts: number;
  enabledPlans: number;
  activeRuns: number;
  queuedRuns: number;
  /** When the run was made that waits longest. */
  queuedSince?: number | undefined;
  /** Orders on their way to hosts. */
  waitingOrders: number;
  /** When the message was made that waits longest for its channel. */
  messageWaitingSince?: number | undefined;
  /** Of the database's file, without its log. */
  databaseBytes: number;
}

export interface FigureStore {
  listHostFigures(tenant: TenantId, page: FigurePage): Promise<readonly HostFigures[]>;
  listSourceFigures(tenant: TenantId, page: FigurePage): Promise<readonly SourceFigures[]>;
  listPlanFigures(tenant: TenantId, page: FigurePage): Promise<readonly PlanFigures[]>;
  listRepositoryFigures(tenant: TenantId, page: FigurePage): Promise<readonly RepositoryFigures[]>;
  getFleetFigures(tenant: TenantId): Promise<FleetFigures>;
}
