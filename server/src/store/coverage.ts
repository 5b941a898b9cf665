/** What hosts found and nothing protects yet. */
import type { FindingId, HostId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { FindingOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { Page, SortedPage } from './page.ts';

/** One server on a host, or the host's own file system, as looks for what is unprotected go by it. */
export interface CoveragePlace {
  host: HostId;
  /** Of the sources that would be made there. */
  kind: string;
  /** Such as `127.0.0.1:5432`; empty for the file system. */
  place: string;
}

export interface Finding extends CoveragePlace {
  id: FindingId;
  tenant: TenantId;
  /** As the host told it: of a database its name, of a directory its path. */
  name: string;
  /** The source through whose connection it was found. */
  via?: SourceId | undefined;
  sizeBytes?: number | undefined;
  firstSeenAt: number;
  lastSeenAt: number;
  /** It was not there when its place was first looked at. */
  isNew: boolean;
  ignored?: { at: number; by: string; why: string } | undefined;
}

export interface CoverageLook extends CoveragePlace {
  firstAt: number;
  lastAt: number;
  /** Why the last look failed; what was found before it stays. */
  failure?: string | undefined;
}

/** Of hosts that are not revoked. */
export interface CoverageSummary {
  /** Places that were looked at, and those where the last look failed. */
  looked: number;
  failed: number;
  newestFailed: readonly CoverageLook[];
}

export interface SeenThing {
  name: string;
  sizeBytes?: number | undefined;
}

export interface CoverageFilter {
  host?: HostId | undefined;
  /** Of the source it would be. */
  kind?: string | undefined;
  /** Part of its name or of its host's. */
  search?: string | undefined;
  /** Only what was not there at the first look. */
  fresh?: true | undefined;
  /** Only what somebody chose to ignore, or only what nobody did; both where left out. */
  ignored?: boolean | undefined;
}

export interface CoverageStore {
  /**
   * Makes the findings of a place exactly `seen`; what was there before keeps its id, its first sight and its being ignored. `createId` is
   * called for what is new.
   */
  recordLook(
    tenant: TenantId,
    look: CoveragePlace & { at: number; via?: SourceId | undefined; seen: readonly SeenThing[] },
    createId: () => FindingId,
  ): Promise<void>;
  /** A look that failed: what is known of the place stays. */
  recordFailedLook(tenant: TenantId, look: CoveragePlace & { at: number; failure: string }): Promise<void>;
  /** Drops what is known of a host's other places. */
  keepPlaces(tenant: TenantId, host: HostId, places: readonly Omit<CoveragePlace, 'host'>[]): Promise<void>;
  findFinding(tenant: TenantId, id: FindingId): Promise<Finding | undefined>;
  /** Newest first, unless another order is asked for; what nobody could measure is the smallest. */
  listFindings(tenant: TenantId, filter: CoverageFilter, page: SortedPage<FindingOrder>): Promise<Page<Finding>>;
  /** Those nobody chose to ignore, on hosts that are not revoked; `fresh` of them appeared after the first look. */
  countFindings(tenant: TenantId): Promise<{ open: number; fresh: number }>;
  /** Undefined takes being ignored back. `not_found` when it is gone. */
  setIgnored(tenant: TenantId, id: FindingId, ignored: Finding['ignored']): Promise<void>;
  deleteFinding(tenant: TenantId, id: FindingId): Promise<void>;
  /** Counts all looks, and names those that failed last, at most `named`. */
  summarizeLooks(tenant: TenantId, named: number): Promise<CoverageSummary>;
  /** Active hosts whose turn has come, the longest waiting first; the first turn is `COVERAGE.firstMs` after a host joined. */
  listDueHosts(tenant: TenantId, now: number, limit: number): Promise<readonly HostId[]>;
  setTurn(tenant: TenantId, host: HostId, dueAt: number): Promise<void>;
  /** Brings the turn of one host, or of all active ones, to this instant where it is later; returns how many hosts it was asked for. */
  hurryTurns(tenant: TenantId, host: HostId | undefined, dueAt: number): Promise<number>;
}
