/** Telegram, by a bot. */
import { createFieldError, createServerField, readServer } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { PEOPLE_HEAR } from '../hearing.ts';
import { describeMessage, fitWords, signOf, type Words } from '../words.ts';

const TOKEN = 'token';
const CHAT = 'chat';
const THREAD = 'thread';
const TEXT_CHARS = 4096;

const escapeText = (text: string): string =>
  text.replace(/&/gu, '&amp;').replace(/</gu, '&lt;').replace(/>/gu, '&gt;').replace(/"/gu, '&quot;');

function render(words: Words): string {
  const { title, facts, lines, log, link } = words;
  return [
    `${signOf(words)} <b>${escapeText(title)}</b>`,
    ...facts.map(({ label, value }) => `<b>${label}:</b> ${escapeText(value)}`),
    ...lines.map((line) => `• ${escapeText(line)}`),
    ...(log.length === 0 ? [] : [`<pre>${escapeText(log.join('\n'))}</pre>`]),
    ...(link === undefined ? [] : [`<a href="${escapeText(link)}">Open in Holdfast</a>`]),
  ].join('\n');
}

/** Telegram names its wait in the body. */
function readWait(body: string): number | undefined {
  const seconds = Number(/"retry_after"\s*:\s*(\d{1,9})/u.exec(body)?.[1] ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(seconds, 86_400) * 1000 : undefined;
}

export const TELEGRAM: ChannelKind = {
  kind: 'telegram',
  label: 'Telegram',
  summary: 'A bot writes into a Telegram chat, group or channel.',
  hears: PEOPLE_HEAR,
  fields: [
    { kind: 'secret', name: TOKEN, label: 'Bot token', help: 'As BotFather gives it, such as 123456:ABC-DEF….', required: true },
    {
      kind: 'text',
      name: CHAT,
      label: 'Chat',
      help: 'Its number, which begins with -100 for groups and channels, or @name of a public channel.',
      required: true,
      maxChars: 64,
      pattern: /^(?:-?\d{1,20}|@[A-Za-z0-9_]{4,60})$/u,
      patternHint: 'must be a number or @name',
    },
    {
      kind: 'number',
      name: THREAD,
      label: 'Topic',
      help: 'Of a group with topics: the number of one.',
      min: 1,
      max: 2_147_483_647,
      advanced: true,
    },
    createServerField('https://api.telegram.org', 'Where the Bot API is; another one only if you run your own.'),
  ],
  check(config, secrets) {
    if (!/^\d{1,20}:[A-Za-z0-9_-]{10,100}$/u.test(secrets[TOKEN] ?? ''))
      throw createFieldError(TOKEN, 'Bot token', 'must be a number, a colon and letters, as BotFather gives it');
    return readServer(config).host;
  },
  async send({ message }, { config, secrets }, http) {
    const text = fitWords(describeMessage(message), render, (rendered) => rendered.length <= TEXT_CHARS);
    const thread = config[THREAD];
    const json = {
      chat_id: config[CHAT],
      ...(thread === undefined ? {} : { message_thread_id: thread }),
      text,
      parse_mode: 'HTML',
      link_preview_options: { is_disabled: true },
    };
    return demandSuccess(await postJson(http, { url: readServer(config, `/bot${secrets[TOKEN]}/sendMessage`), json }), readWait);
  },
};
