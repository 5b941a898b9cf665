/** What the core needs from the rooms around it, as interfaces; the composition root hands in the implementations. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { Crypto, SigningKeys } from '@holdfast/shared/crypto/crypto.ts';
import type { HostId, Id, IdKind, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { WireError } from '@holdfast/shared/errors.ts';
import type { AgentFrames, Progress, RequestBody, RequestResult, RequestType } from '@holdfast/shared/protocol/messages.ts';
import type { Store } from '../store/store.ts';
import type { RecoverySealer } from '../vault/recovery-sealer.ts';
import type { FleetKeeper } from './fleet/look.ts';

/** Encrypts one field of one row; the place is associated data, so a ciphertext that was moved is refused (`integrity`). */
export interface FieldCipher {
  encryptField(place: FieldPlace, plaintext: string): string;
  decryptField(place: FieldPlace, ciphertext: string): string;
}

export interface FieldPlace {
  tenant: TenantId;
  table: string;
  row: string;
  field: string;
}

/** Slow, salted password hashing with a bounded queue (`limit` when it is full). */
export interface PasswordHasher {
  hashPassword(password: string): Promise<string>;
  /** Takes as long for an unknown user (`undefined`) as for a known one. */
  verifyPassword(hash: string | undefined, password: string): Promise<boolean>;
  needsRehash(hash: string): boolean;
}

/** One agent that was seen to use the identity of a quarantined host. What it says of itself is hostile text. */
export interface Claimant {
  /** Made anew at each start of an agent, and nowhere on its disk: tells copies of a host apart. */
  boot: string;
  /** Where its connection came from; undefined while only its report is known. */
  address?: string | undefined;
  hostname: string;
  agentVersion: string;
  /** Start of its machine, epoch milliseconds by its own clock. */
  bootedAt: number;
  firstSeenAt: number;
  lastSeenAt: number;
}

/** The connected hosts. Knows sockets; the core knows only this. */
export interface Directory {
  isOnline(host: HostId): boolean;
  listOnline(): readonly HostId[];
  /** Asks a host and waits for its answer; `unavailable` when it is offline or silent. */
  request<T extends RequestType>(
    host: HostId,
    type: T,
    body: RequestBody<T>,
    options?: { id?: string; timeoutMs?: number },
  ): Promise<RequestResult<T>>;
  /** Something this host is told has changed: send its spec and waiting orders again, soon. */
  wake(host: HostId): void;
  /** Ends the host's connection with a reason; `reconnect: false` makes the agent stop trying. */
  disconnect(host: HostId, error: WireError, reconnect: boolean): void;
  /** Remembers an agent of a quarantined host, in memory: it comes again within a minute. */
  recordClaimant(host: HostId, claimant: Omit<Claimant, 'firstSeenAt'>): void;
  /** The one seen last first. */
  listClaimants(host: HostId): readonly Claimant[];
  /** A person says that the agent of this boot is the host; undefined takes that back. */
  chooseClaimant(host: HostId, boot: string | undefined): void;
  findChosenBoot(host: HostId): string | undefined;
  /** The quarantine is over, one way or another. */
  forgetClaimants(host: HostId): void;
  findHeartbeat(host: HostId): (AgentFrames['heartbeat'] & { at: number }) | undefined;
  /** The newest progress that the run's host told on its present connection; undefined when it told none, or the run has ended. */
  findProgress(run: { id: RunId; host: HostId }): Progress | undefined;
}

/** What browsers are told, by topic. Never a secret, never a place for truth: pages read the store. */
export type LiveEvent =
  | { kind: 'refresh'; topic: string }
  | { kind: 'log'; topic: string; run: RunId; lines: readonly LogLine[] }
  | { kind: 'progress'; topic: string; run: RunId; progress: Progress };

export interface Bus {
  publish(tenant: TenantId, event: LiveEvent): void;
  subscribe(tenant: TenantId, listener: (event: LiveEvent) => void): () => void;
}

/** What part of the server a line is of; one without is of the server as a whole. Of runs, their `kind` stands for it. */
type LogArea = 'http' | 'hosts' | 'scheduler' | 'database';

type LogFields = { readonly area?: LogArea; readonly [field: string]: unknown };

/** The composition root's logger, as far as the core uses it: a failure is logged once, where it is finally handled. */
export interface Log {
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Everything a use case may touch. */
export interface CoreContext {
  store: Store;
  clock: Clock;
  crypto: Crypto;
  cipher: FieldCipher;
  passwords: PasswordHasher;
  /** Seals what people alone can open. */
  recovery: RecoverySealer;
  /** The server's identity: agents pin its public key. */
  identity: SigningKeys;
  bus: Bus;
  directory: Directory;
  /** How all sources stand, kept in memory. */
  fleet: FleetKeeper;
  log: Log;
  createId<K extends IdKind>(kind: K): Id<K>;
  /** Why a schedule cannot be kept (the cron expression is unreadable or never due); undefined for a good one. */
  findScheduleFault(schedule: Schedule): string | undefined;
  /** A schedule in plain words, such as `every day at 02:00`. */
  describeSchedule(schedule: Schedule): string;
  /** The next `count` fires after an instant; epoch milliseconds, rising. */
  listFires(schedule: Schedule, after: number, count: number): readonly number[];
  /** Where people reach this server, without a slash at the end. */
  baseUrl: string;
  serverEpoch: number;
}
