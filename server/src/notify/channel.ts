/**
 * A channel: one kind of way to people or programs outside. A kind is one file: its fields, and how a message is sent with them. It is
 * listed in `all.ts` and exists when it passes the suite in `contract.ts`.
 */
import type { Config, Field, Secrets } from '@holdfast/shared/adapters/field.ts';
import type { DeliveryId } from '@holdfast/shared/domain/ids.ts';
import type { ChannelMessage, MessageType } from '../core/alerts/message.ts';
import type { Channel } from '../store/channels.ts';
import type { GuardedHttp } from './guarded-http.ts';

export interface ChannelSettings {
  config: Config;
  secrets: Secrets;
}

/** One attempt at one message. Each attempt at the same message has the same id, so that the other side can tell a repeat. */
export interface Sending {
  id: DeliveryId;
  message: ChannelMessage;
  /** Of this attempt, epoch milliseconds. */
  at: number;
}

export interface ChannelKind {
  kind: string;
  label: string;
  /** One sentence for whoever chooses. */
  summary: string;
  /** Messages it has a form for, besides tests. What it is told of them is its subscription. */
  hears: readonly MessageType[];
  fields: readonly Field[];
  /** Checks what no single field can say, and names where it leads, without anything secret. Throws `invalid` naming the field. */
  check(config: Config, secrets: Secrets): string;
  /**
   * Hands a message over and returns what came back, in a few words without anything secret. Throws an AppError of the same
   * kind of words when it was not taken; whoever calls tries again.
   */
  send(sending: Sending, settings: ChannelSettings, http: GuardedHttp): Promise<string>;
  /** Milliseconds between two signs of life. Only for `life`. */
  everyMs?(config: Config): number;
}

/** What pages and API need of this room. */
export interface ChannelDoor {
  kinds: readonly ChannelKind[];
  /** Sends a test now and says what came back. Throws what the channel threw. */
  sendTest(channel: Channel): Promise<string>;
}
