/** Discord, by the webhook of a channel. */
import { createUrlField, readAddress } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { PEOPLE_HEAR } from '../hearing.ts';
import { cutText, describeMessage, fitWords, signOf, type Words } from '../words.ts';

const TITLE_CHARS = 256;
const DESCRIPTION_CHARS = 4000;
const COLORS = { good: 0x2e7d32, notice: 0x546e7a, warning: 0xb26a00, critical: 0xc62828 } as const;

/** Everything that is markup to Discord is written with a backslash; mentions are switched off for the whole message. */
const escapeText = (text: string): string => text.replace(/([\\*_~`|>#[\]()<:@-])/gu, '\\$1');
const quote = (text: string): string => text.replace(/`/gu, 'ˋ');

function renderDescription({ facts, lines, log }: Words): string {
  return [
    ...facts.map(({ label, value }) => `**${label}:** ${escapeText(value)}`),
    ...lines.map((line) => `• ${escapeText(line)}`),
    ...(log.length === 0 ? [] : [`\`\`\`\n${log.map(quote).join('\n')}\n\`\`\``]),
  ].join('\n');
}

/** Seconds in the body, where the header is missing. */
function readWait(body: string): number | undefined {
  const seconds = Number(/"retry_after"\s*:\s*([0-9.]{1,12})/u.exec(body)?.[1] ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(seconds, 86_400) * 1000 : undefined;
}

export const DISCORD: ChannelKind = {
  kind: 'discord',
  label: 'Discord',
  summary: 'Posts to a Discord channel by its webhook.',
  hears: PEOPLE_HEAR,
  fields: [createUrlField('Of the webhook, under the integrations of the Discord channel. It is kept like a password.')],
  check: (_config, secrets) => readAddress(secrets).host,
  async send({ message }, { secrets }, http) {
    const words = describeMessage(message);
    const description = fitWords(words, renderDescription, (rendered) => rendered.length <= DESCRIPTION_CHARS);
    const embed = {
      title: cutText(`${signOf(words)} ${escapeText(words.title)}`, TITLE_CHARS),
      description,
      color: COLORS[words.tone],
      ...(words.link === undefined ? {} : { url: words.link }),
      timestamp: new Date(message.at).toISOString(),
    };
    const json = { embeds: [embed], allowed_mentions: { parse: [] } };
    return demandSuccess(await postJson(http, { url: readAddress(secrets), json }), readWait);
  },
};
