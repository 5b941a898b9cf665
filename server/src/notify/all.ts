/** Every kind of channel there is. */
import type { ChannelKind } from './channel.ts';
import { PING } from './ping.ts';
import { WEBHOOK } from './webhook.ts';

export const CHANNEL_KINDS: readonly ChannelKind[] = [WEBHOOK, PING];
