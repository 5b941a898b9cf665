/** Every kind of channel there is, as people choose among them. */
import type { ChannelKind } from './channel.ts';
import { APPRISE } from './kinds/apprise.ts';
import { DISCORD } from './kinds/discord.ts';
import { EMAIL } from './kinds/email.ts';
import { GOTIFY } from './kinds/gotify.ts';
import { HEALTHCHECKS } from './kinds/healthchecks.ts';
import { NTFY } from './kinds/ntfy.ts';
import { PAGERDUTY } from './kinds/pagerduty.ts';
import { PING } from './kinds/ping.ts';
import { PUSHOVER } from './kinds/pushover.ts';
import { SLACK } from './kinds/slack.ts';
import { TEAMS } from './kinds/teams.ts';
import { TELEGRAM } from './kinds/telegram.ts';
import { TWILIO } from './kinds/twilio.ts';
import { WEBHOOK } from './kinds/webhook.ts';

export const CHANNEL_KINDS: readonly ChannelKind[] = [
  EMAIL,
  SLACK,
  DISCORD,
  TELEGRAM,
  TEAMS,
  NTFY,
  GOTIFY,
  PUSHOVER,
  PAGERDUTY,
  TWILIO,
  APPRISE,
  WEBHOOK,
  HEALTHCHECKS,
  PING,
];
