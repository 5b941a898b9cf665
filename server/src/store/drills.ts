/** Proofs that backups can be restored: what drills came to, and what they are to ask. */
import type { DrillAssertion } from '@holdfast/shared/domain/drill.ts';
import type { HostId, PlanId, RepositoryId, RunId, SnapshotId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { PlanDrills } from '@holdfast/shared/domain/plan-drills.ts';
import type { Page, PageRequest } from './page.ts';

/** A drill that came to a verdict. */
export interface Drill {
  run: RunId;
  source: SourceId;
  host: HostId;
  snapshot: SnapshotId;
  isProven: boolean;
  /** By the clock of its host, epoch milliseconds. */
  endedAt: number;
  restoreMs: number;
  /** How old the snapshot was. */
  snapshotAgeMs: number;
  /** Rows of all tables; undefined for files. */
  rows?: number | undefined;
  /** Tables of a database, files of a sample. */
  things: number;
}

/** What a list of drills is narrowed to. */
export interface DrillFilter {
  isProven?: boolean | undefined;
  source?: SourceId | undefined;
  /** Where it took place. */
  host?: HostId | undefined;
  /** That made the snapshot. */
  plan?: PlanId | undefined;
  /** That the snapshot lies in. */
  repository?: RepositoryId | undefined;
  /** Ended at or after, and before; epoch milliseconds. */
  since?: number | undefined;
  until?: number | undefined;
}

/** What a plan says of the drills of its sources. */
export interface FollowedDrills {
  plan: PlanId;
  drills: PlanDrills;
}

/** A source for which something else holds than it goes by. */
export interface UnsettledDrills {
  tenant: TenantId;
  source: SourceId;
  /** The oldest of its enabled plans that say anything; undefined: none does any more. */
  followed?: FollowedDrills | undefined;
  /** The same, word for word as it is stored. */
  said?: string | undefined;
}

export interface DrillSettings {
  source: SourceId;
  assertions: readonly DrillAssertion[];
  /** With neither this nor `everyRuns` they are due as the plan says that is followed, and else only by hand. */
  everyDays?: number | undefined;
  /** A proof older than this is too old; undefined: none ever is. */
  withinDays?: number | undefined;
  /** One is due after so many clean backups; undefined: backups bring none about. */
  everyRuns?: number | undefined;
  /** Another host that carries drills out; undefined: the source's own. */
  host?: HostId | undefined;
  /** A source of that host through whose server drills restore, into a database of their own; undefined: into a server of their own. */
  server?: SourceId | undefined;
  /** The plan whose rhythm they follow, and what it says; read only. */
  followed?: FollowedDrills | undefined;
  /** When the next one is due, epoch milliseconds; set where `everyDays` or a schedule is, or when enough backups were made. */
  nextAt?: number | undefined;
  /** One is due since then and could not be started, and why; read only. */
  missed?: { since: number; why: string } | undefined;
  updatedAt: number;
}

/** How a source stands. */
export interface SourceProof {
  source: SourceId;
  /** The newest drill that proved a snapshot, and the newest of all with a verdict. */
  proven?: Drill | undefined;
  newest?: Drill | undefined;
}

export interface DrillStore {
  findDrillSettings(tenant: TenantId, source: SourceId): Promise<DrillSettings | undefined>;
  /** Of those that have any, in no particular order. */
  listDrillSettings(tenant: TenantId, sources: readonly SourceId[]): Promise<readonly DrillSettings[]>;
  /** Replaces them, and what was missed is forgotten, and what was followed until it is settled again; `not_found` when the source is gone. */
  saveDrillSettings(tenant: TenantId, settings: DrillSettings): Promise<void>;
  /** Sources without a rhythm of their own that do not go by what their plans say, at most `limit`, in no particular order. */
  listUnsettledDrills(limit: number): Promise<readonly UnsettledDrills[]>;
  /** They go by it from now on, what they missed is forgotten, and the next is due at `nextAt`; one whose plans say something else by now is left out. */
  settleDrills(settled: readonly (Omit<UnsettledDrills, 'followed'> & { nextAt?: number | undefined })[]): Promise<void>;
  /** One that is due cannot be started, and is tried again at `nextAt`; it is missed until one begins. `why` is a part of a sentence. */
  postponeDrill(tenant: TenantId, source: SourceId, nextAt: number, why: string): Promise<void>;
  /** One has begun: none is missed, backups are counted anew, and the next by days or a schedule is due at `nextAt`. */
  noteDrill(tenant: TenantId, source: SourceId, nextAt: number | undefined): Promise<void>;
  /** Sources for which one is due at `now`, longest due first, at most `limit`. */
  listDueDrills(now: number, limit: number): Promise<readonly { tenant: TenantId; source: SourceId }[]>;
  /** One answer for each source, in the same order. */
  listProofs(tenant: TenantId, sources: readonly SourceId[]): Promise<readonly SourceProof[]>;
  /** Snapshots of these sources that a drill on another host proved last, newest drills first, at most `limit`. */
  listProvenElsewhere(
    tenant: TenantId,
    sources: readonly SourceId[],
    limit: number,
  ): Promise<readonly { plan: PlanId; engineId: string }[]>;
  /** Newest first, by end then run. Never scans the table: every filter has an index, but for proven ones, which are nearly all. */
  listDrills(tenant: TenantId, filter: DrillFilter, page: PageRequest): Promise<Page<Drill>>;
}
