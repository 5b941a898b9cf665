/** Hosts, their tokens, announcements and enrolment tokens. */
import type { Ailment } from '@holdfast/shared/domain/ailments.ts';
import type { Drain } from '@holdfast/shared/domain/drain.ts';
import type { AnnouncementId, EnrolmentTokenId, HostId, PlanId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { HostOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { RunLimits, SecretsMode } from '@holdfast/shared/domain/plan.ts';
import type { HostFacts, ToolReport } from '@holdfast/shared/protocol/messages.ts';
import type { Page, SortedPage } from './page.ts';

export const HOST_STATES = ['active', 'revoked', 'quarantined'] as const;
export type HostState = (typeof HOST_STATES)[number];

/** A drain with the name of who ordered it. */
export interface HostDrain extends Drain {
  by: string;
}

export interface Host {
  id: HostId;
  tenant: TenantId;
  name: string;
  state: HostState;
  tags: readonly string[];
  signingKey: string;
  sealingKey: string;
  fingerprint: string;
  facts?: HostFacts | undefined;
  tools: readonly ToolReport[];
  createdAt: number;
  lastSeenAt?: number | undefined;
  /** Host clock minus server clock at the last hello, milliseconds. */
  skewMs?: number | undefined;
  /** Rises whenever anything this host is told changes. */
  specVersion: number;
  /** What the host last confirmed; below `specVersion` is drift. */
  acknowledgedSpecVersion: number;
  /** The signature under the newest spec made for this host; undefined when none was made yet. */
  specSignature?: string | undefined;
  /** The highest counter of a proof this server accepted. */
  counter: number;
  boot?: string | undefined;
  concurrency: number;
  /** Of each of its runs, beside those of the plan. */
  limits: RunLimits;
  secretsMode: SecretsMode;
  /** The last one that was not ended by a person; it may be over by now. */
  drain?: HostDrain | undefined;
  /** What was found broken when it was judged last, while it was connected; undefined before that. */
  ailments?: readonly Ailment[] | undefined;
}

/** Where the durable stream of one host stands. */
export interface EventPosition {
  epoch: string;
  seq: number;
}

export interface Announcement {
  id: AnnouncementId;
  tenant: TenantId;
  hostname: string;
  signingKey: string;
  sealingKey: string;
  fingerprint: string;
  facts: HostFacts;
  address: string;
  nonce: string;
  createdAt: number;
  expiresAt: number;
  state: 'pending' | 'approved' | 'rejected';
  /** Set when approved. */
  host?: HostId | undefined;
  /** The bearer token sealed to the host (JSON of SealedSecrets), until it was claimed. */
  sealedToken?: string | undefined;
  rejection?: string | undefined;
}

export interface HostToken {
  hash: string;
  tenant: TenantId;
  host: HostId;
  createdAt: number;
  firstUsedAt?: number | undefined;
}

export interface EnrolmentToken {
  id: EnrolmentTokenId;
  tenant: TenantId;
  hash: string;
  note: string;
  tags: readonly string[];
  /** Only a host that calls itself so may use it; undefined: any. */
  hostname?: string | undefined;
  /** Of the first source of each host that joins with it; none: no source. */
  paths: readonly string[];
  /** Takes that source. */
  plan?: PlanId | undefined;
  usesLeft: number;
  createdAt: number;
  expiresAt: number;
}

export interface HostFilter {
  search?: string | undefined;
  state?: HostState | undefined;
  tag?: string | undefined;
  /** Only hosts seen at or after (online) or before (offline) this instant. */
  seenSince?: number | undefined;
  notSeenSince?: number | undefined;
  /** Only those of `ids`, which are connected, that were seen at or after `since`; or, not online, only the others. */
  connection?: { isOnline: boolean; ids: readonly HostId[]; since: number } | undefined;
  /** Only hosts whose drain has not ended at this instant. */
  drainedAt?: number | undefined;
  /** Only hosts of which something was found broken, or only the others. */
  ailing?: boolean | undefined;
  /** Only hosts whose own configuration offers dump files for restores. */
  offersDumps?: true | undefined;
  /** The agent's version, exactly; empty for a host that never told. */
  version?: string | undefined;
}

/** An order by status needs to know since when a host must have been seen to be online. */
export interface HostPage extends SortedPage<HostOrder> {
  freshSince?: number | undefined;
}

/** What people set of a host. */
export type HostNaming = Pick<Host, 'name' | 'tags' | 'concurrency' | 'limits' | 'secretsMode'>;

/** A host as a sentence speaks of it. */
export type NamedHost = Pick<Host, 'id' | 'name'>;

export interface HostStore {
  insertHost(host: Host): Promise<void>;
  findHost(tenant: TenantId, id: HostId): Promise<Host | undefined>;
  /** Those that exist, each once, by name, then id. */
  findHosts(tenant: TenantId, ids: readonly HostId[]): Promise<readonly Host[]>;
  findHostByKey(signingKey: string): Promise<Host | undefined>;
  /** By name, then id, unless another order is wished for. */
  listHosts(tenant: TenantId, filter: HostFilter, page: HostPage): Promise<Page<Host>>;
  /** All tags of hosts that are not revoked, each once, by name. */
  listTags(tenant: TenantId): Promise<readonly string[]>;
  countHosts(tenant: TenantId): Promise<{ total: number; active: number }>;
  countHostsSeenSince(tenant: TenantId, since: number): Promise<number>;
  /** Active ones seen since then of which something was found broken, by name. */
  listAilingHosts(tenant: TenantId, seenSince: number): Promise<readonly HostId[]>;
  /** The host that has this name, unless it is revoked. Exact but for case. */
  findHostNamed(tenant: TenantId, name: string): Promise<NamedHost | undefined>;
  /** The oldest host that calls itself so and is not revoked, whatever name people gave it. Exact but for case. */
  findHostCalling(tenant: TenantId, hostname: string): Promise<NamedHost | undefined>;
  /** Active hosts that call themselves so, ten at most; exact but for case. */
  findHostsByHostname(tenant: TenantId, hostname: string): Promise<readonly Host[]>;
  /** `conflict` with `details.field = "version"` where the host is not `expected` any more; without it the last one wins. */
  updateHostNaming(tenant: TenantId, id: HostId, change: Partial<HostNaming>, expected?: HostNaming): Promise<void>;
  /** Begins, changes or (undefined) ends the drain of a host, and raises its wanted spec version. */
  setHostDrain(tenant: TenantId, id: HostId, drain: HostDrain | undefined): Promise<void>;
  setHostState(tenant: TenantId, id: HostId, state: HostState): Promise<void>;
  /**
   * Judges a proof in one step with the token it came by: stored when `counter` is above the last one and the token still stands.
   * `repeated` is a clone or a replay; `stale_token` is one that was deleted while its connection was being opened.
   */
  advanceCounter(
    id: HostId,
    proof: { counter: number; boot: string; tokenHash: string },
  ): Promise<'accepted' | 'repeated' | 'stale_token'>;
  recordContact(
    id: HostId,
    contact: { at: number; facts?: HostFacts; tools?: readonly ToolReport[]; skewMs?: number },
  ): Promise<void>;
  /** False when it was known already. */
  recordAilments(id: HostId, ailments: readonly Ailment[]): Promise<boolean>;
  touchHosts(ids: readonly HostId[], at: number): Promise<void>;
  /** Raises the wanted spec version of these hosts by one. */
  bumpSpec(tenant: TenantId, hosts: readonly HostId[]): Promise<void>;
  /** Raises the wanted spec version to one above `above`, unless it is above it already. */
  raiseSpecVersion(id: HostId, above: number): Promise<void>;
  acknowledgeSpec(id: HostId, version: number): Promise<void>;
  /** Notes the signature of a spec before the host can have it. */
  recordSpecSignature(id: HostId, signature: string): Promise<void>;
  /**
   * Ends a quarantine in favour of the one agent that holds this token: the host is active, its counter goes on from this agent's,
   * and every other token of the host is gone. `conflict` when the host is not quarantined any more.
   */
  readmitHost(id: HostId, agent: { tokenHash: string; counter: number; boot: string }): Promise<void>;
  /** The last applied event of this outbox epoch, seq 0 when the epoch is new. */
  getEventPosition(id: HostId, epoch: string): Promise<EventPosition>;

  insertHostToken(token: HostToken): Promise<void>;
  findHostByToken(hash: string): Promise<{ host: Host; token: HostToken } | undefined>;
  /** Marks first use and deletes all older tokens of the host, in one transaction. */
  settleHostToken(hash: string, at: number): Promise<void>;
  /** The one given last, used or not; undefined where none is left. */
  findNewestHostToken(tenant: TenantId, host: HostId): Promise<HostToken | undefined>;
  deleteHostTokens(host: HostId): Promise<number>;

  /** Stores a new pending announcement; the same keys renew theirs. `limit` at `maxPending`. */
  upsertAnnouncement(announcement: Announcement, maxPending: number): Promise<Announcement>;
  findAnnouncement(id: AnnouncementId): Promise<Announcement | undefined>;
  setAnnouncementNonce(id: AnnouncementId, nonce: string): Promise<void>;
  listPending(tenant: TenantId, now: number): Promise<readonly Announcement[]>;
  /**
   * Approves in one step: the host row, its token, the announcement and, where the host brought an enrolment token (its hash), a use of that.
   * `conflict` when it does not wait any more, or of the name when that is taken; `unauthenticated` when the enrolment token has no use left.
   * Then none of it has happened.
   */
  approveAnnouncement(
    id: AnnouncementId,
    host: Host,
    token: HostToken,
    sealedToken: string,
    enrolmentHash?: string | undefined,
  ): Promise<void>;
  /** False when it was not pending any more. */
  rejectAnnouncement(id: AnnouncementId, message: string): Promise<boolean>;
  /** Rejections that stand at `now`, by announcement, then id. */
  listRejected(tenant: TenantId, now: number): Promise<readonly Announcement[]>;
  /** Lets a rejected announcement wait again as it did. False when no rejection of it stands at `now`. */
  takeBackRejection(id: AnnouncementId, now: number): Promise<boolean>;
  deleteExpiredAnnouncements(now: number): Promise<number>;

  insertEnrolmentToken(token: EnrolmentToken): Promise<void>;
  listEnrolmentTokens(tenant: TenantId, now: number): Promise<readonly EnrolmentToken[]>;
  /** Undefined when it is unknown, used up or expired at `now`. */
  findEnrolmentToken(hash: string, now: number): Promise<EnrolmentToken | undefined>;
  deleteEnrolmentToken(tenant: TenantId, id: EnrolmentTokenId): Promise<boolean>;
}
