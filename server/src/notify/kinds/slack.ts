/** Slack, by an incoming webhook of an app. */
import { createUrlField, readAddress } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { PEOPLE_HEAR } from '../hearing.ts';
import { cutText, describeMessage, fitWords, signOf, type Words } from '../words.ts';

/** Of one section block, after escaping. */
const SECTION_CHARS = 3000;
const TEXT_CHARS = 3000;
const COLORS = { good: '#2e7d32', notice: '#546e7a', warning: '#b26a00', critical: '#c62828' } as const;

/** The three characters that begin markup in Slack's text; mentions begin with one of them. */
const escapeText = (text: string): string => text.replace(/&/gu, '&amp;').replace(/</gu, '&lt;').replace(/>/gu, '&gt;');
/** Nothing in plain lines means anything to Slack. A code fence cannot be closed from within. */
const quote = (text: string): string => escapeText(text).replace(/`/gu, 'ˋ');
const plain = (text: string): string => escapeText(text).replace(/([*_~`])/gu, '\u200b$1');

function renderSection({ title, tone, facts, lines, log, link }: Words): string {
  return [
    `${signOf({ tone })} *${plain(title)}*`,
    ...facts.map(({ label, value }) => `*${label}:* ${plain(value)}`),
    ...lines.map((line) => `• ${plain(line)}`),
    ...(log.length === 0 ? [] : [`\`\`\`${log.map(quote).join('\n')}\`\`\``]),
    ...(link === undefined ? [] : [`<${link.replace(/[<>|]/gu, encodeURIComponent)}|Open in Holdfast>`]),
  ].join('\n');
}

export const SLACK: ChannelKind = {
  kind: 'slack',
  label: 'Slack',
  summary: 'Posts to a Slack channel by an incoming webhook.',
  hears: PEOPLE_HEAR,
  fields: [createUrlField('Of the incoming webhook, as the settings of the Slack app show it. It is kept like a password.')],
  check: (_config, secrets) => readAddress(secrets).host,
  async send({ message }, { secrets }, http) {
    const words = describeMessage(message);
    const text = fitWords(words, renderSection, (rendered) => rendered.length <= SECTION_CHARS);
    const json = {
      // What notifications and readers of screens have.
      text: `${signOf(words)} ${plain(cutText(words.title, TEXT_CHARS / 6))}`,
      attachments: [{ color: COLORS[words.tone], blocks: [{ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } }] }],
    };
    return demandSuccess(await postJson(http, { url: readAddress(secrets), json }));
  },
};
