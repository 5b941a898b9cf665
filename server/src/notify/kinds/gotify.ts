/** Gotify, a push server of one's own. */
import { createServerField, readServer } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { PEOPLE_HEAR } from '../hearing.ts';
import { cutText, describeMessage, fitWords, renderPlain } from '../words.ts';

const TOKEN = 'token';
const MESSAGE_CHARS = 20_000;
const PRIORITIES = { good: 2, notice: 4, warning: 6, critical: 9 } as const;

export const GOTIFY: ChannelKind = {
  kind: 'gotify',
  label: 'Gotify',
  summary: 'Pushes by a Gotify server of your own.',
  hears: PEOPLE_HEAR,
  fields: [
    createServerField(undefined, 'Such as https://gotify.example.com.'),
    { kind: 'secret', name: TOKEN, label: 'Application token', help: 'Of an application made in Gotify.', required: true },
  ],
  check: (config) => readServer(config).host,
  async send({ message }, { config, secrets }, http) {
    const words = describeMessage(message);
    const text = fitWords(words, renderPlain, (rendered) => rendered.length <= MESSAGE_CHARS);
    const json = {
      title: cutText(words.title, 300),
      message: text === '' ? words.title : text,
      priority: PRIORITIES[words.tone],
      extras: {
        'client::display': { contentType: 'text/plain' },
        ...(words.link === undefined ? {} : { 'client::notification': { click: { url: words.link } } }),
      },
    };
    const headers = { 'x-gotify-key': secrets[TOKEN] ?? '' };
    return demandSuccess(await postJson(http, { url: readServer(config, '/message'), json, headers }));
  },
};
