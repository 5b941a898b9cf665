/** PagerDuty, by version 2 of its events: an alert is one incident there, from its first message to its last. */
import type { ChannelMessage } from '../../core/alerts/message.ts';
import { shortenText } from '../../core/alerts/text.ts';
import { createServerField, readServer } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { cutText, describeMessage, fitWords, type Words } from '../words.ts';

const KEY = 'routingKey';
const SUMMARY_CHARS = 1024;
/** Of a whole event, with room to spare. */
const EVENT_BYTES = 100_000;
const SEVERITIES = { good: 'info', notice: 'info', warning: 'warning', critical: 'critical' } as const;
const ACTIONS: Partial<Record<ChannelMessage['type'], string>> = {
  'alert.acknowledged': 'acknowledge',
  'alert.resolved': 'resolve',
};

function describePayload(message: ChannelMessage, { title, tone, facts, lines, log }: Words): unknown {
  const { alert, at } = message;
  return {
    summary: cutText(title, SUMMARY_CHARS),
    source: alert === undefined ? 'Holdfast' : shortenText(alert.thing.name, 200),
    severity: SEVERITIES[tone],
    timestamp: new Date(alert?.since ?? at).toISOString(),
    component: alert?.thing.kind ?? 'server',
    class: alert?.condition ?? message.type,
    custom_details: {
      ...Object.fromEntries(facts.map(({ label, value }) => [label, value])),
      ...(lines.length === 0 ? {} : { About: lines }),
      ...(log.length === 0 ? {} : { Log: log }),
    },
  };
}

export const PAGERDUTY: ChannelKind = {
  kind: 'pagerduty',
  label: 'PagerDuty',
  summary: 'Triggers, acknowledges and resolves an incident for each alert.',
  hears: ['alert.raised', 'alert.acknowledged', 'alert.resolved'],
  fields: [
    {
      kind: 'secret',
      name: KEY,
      label: 'Integration key',
      help: 'Of an Events API v2 integration: 32 letters and digits.',
      required: true,
    },
    createServerField('https://events.pagerduty.com', 'Another one for accounts in the European service region.'),
  ],
  check: (config) => readServer(config).host,
  async send({ id, message }, { config, secrets }, http) {
    const { type, alert } = message;
    const event_action = ACTIONS[type] ?? 'trigger';
    const render = (left: Words) => ({
      routing_key: secrets[KEY],
      event_action,
      dedup_key: alert?.id ?? id,
      ...(event_action === 'trigger'
        ? {
            payload: describePayload(message, left),
            client: 'Holdfast',
            ...(left.link === undefined ? {} : { client_url: left.link, links: [{ href: left.link, text: 'Open in Holdfast' }] }),
          }
        : {}),
    });
    const json = fitWords(describeMessage(message), render, (event) => Buffer.byteLength(JSON.stringify(event)) <= EVENT_BYTES);
    return demandSuccess(await postJson(http, { url: readServer(config, '/v2/enqueue'), json }));
  },
};
