/** Channels to people and programs outside, and the outbox of what they are told. */
import type { Config } from '@holdfast/shared/adapters/field.ts';
import type { AlertId, ChannelId, DeliveryId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { NewDelivery } from './alerts.ts';
import type { EncryptedSecrets } from './encrypted-secrets.ts';
import type { Page, PageRequest } from './page.ts';

export interface Channel {
  id: ChannelId;
  tenant: TenantId;
  name: string;
  kind: string;
  config: Config;
  secrets: EncryptedSecrets;
  enabled: boolean;
  version: number;
  createdAt: number;
  updatedAt: number;
  /** Attempts in a row that failed, since when, and why the last one did. */
  failures: number;
  failingSince?: number | undefined;
  failure?: string | undefined;
  workedAt?: number | undefined;
  triedAt?: number | undefined;
}

/** What was given up is dismissed once somebody has seen it. */
export const DELIVERY_STATES = ['waiting', 'delivered', 'given_up', 'dismissed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface Delivery extends NewDelivery {
  tenant: TenantId;
  createdAt: number;
  /** When it is tried next, or was tried last. */
  dueAt: number;
  attempts: number;
  state: DeliveryState;
  settledAt?: number | undefined;
  /** Of the last attempt. */
  outcome?: string | undefined;
}

export interface DeliveryAttempt {
  delivery: DeliveryId;
  at: number;
  tookMs: number;
  ok: boolean;
  /** What came back, or why nothing did. */
  text: string;
}

/** Where a message goes after an attempt. */
export interface AttemptEnd {
  state: DeliveryState;
  /** Of a message that waits on. */
  dueAt: number;
}

export interface ChannelStore {
  insertChannel(channel: Channel): Promise<void>;
  /** Replaces name, config, secrets and switch when the version is still `expectedVersion`; what it was heard to do stays. */
  updateChannel(channel: Channel, expectedVersion: number): Promise<void>;
  findChannel(tenant: TenantId, id: ChannelId): Promise<Channel | undefined>;
  /** By name, then id; at most `COUNTS.channels`. */
  listChannels(tenant: TenantId): Promise<readonly Channel[]>;
  /** With its messages. */
  deleteChannel(tenant: TenantId, id: ChannelId): Promise<void>;

  /** False when the channel was told of this topic, or has too many messages waiting. */
  insertDelivery(tenant: TenantId, delivery: NewDelivery, at: number): Promise<boolean>;
  /** Waiting messages of channels that are on, due at `now`, the longest due first, at most `perChannel` of a channel. */
  listDue(tenant: TenantId, now: number, perChannel: number): Promise<readonly Delivery[]>;
  findDelivery(tenant: TenantId, id: DeliveryId): Promise<Delivery | undefined>;
  /** Notes an attempt, what becomes of the message, and how the channel fares. When it works again, all that waits for it is due. */
  recordAttempt(tenant: TenantId, attempt: DeliveryAttempt, end: AttemptEnd): Promise<void>;
  /** Messages that were given up, among the newest `OUTGOING.lookedBack` of a channel; those of the kinds `except` count for nothing. */
  countUndelivered(tenant: TenantId, channel: ChannelId, except: readonly string[]): Promise<number>;
  /** What `countUndelivered` counts is dismissed, or waits again and is due at `at`. Returns how many. */
  settleUndelivered(
    tenant: TenantId,
    channel: ChannelId,
    except: readonly string[],
    end: { state: 'dismissed' | 'waiting'; at: number },
  ): Promise<number>;
  /** Newest first. */
  listDeliveries(
    tenant: TenantId,
    filter: { channel?: ChannelId | undefined; alert?: AlertId | undefined; topic?: string | undefined },
    page: PageRequest,
  ): Promise<Page<Delivery>>;
  /** Of one message, oldest first. */
  listAttempts(tenant: TenantId, delivery: DeliveryId): Promise<readonly DeliveryAttempt[]>;
  countWaiting(tenant: TenantId): Promise<number>;
  /** Messages that were delivered and given up since the store began. */
  listDeliveryTotals(tenant: TenantId): Promise<ReadonlyMap<DeliveryState, number>>;
  /** Drops settled messages that are older, at most `limit`; returns how many. */
  pruneDeliveries(before: number, limit: number): Promise<number>;
}
