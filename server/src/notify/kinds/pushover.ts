/** Pushover. */
import { createServerField, readServer } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { SHORT_HEAR } from '../hearing.ts';
import { cutText, describeMessage, fitWords, renderPlain } from '../words.ts';

const TOKEN = 'token';
const USER = 'user';
const MESSAGE_CHARS = 1024;
const TITLE_CHARS = 250;
const LINK_CHARS = 512;
const PRIORITIES = { good: -1, notice: -1, warning: 0, critical: 1 } as const;

export const PUSHOVER: ChannelKind = {
  kind: 'pushover',
  label: 'Pushover',
  summary: 'Pushes to phones by Pushover; critical news passes quiet hours.',
  hears: SHORT_HEAR,
  fields: [
    { kind: 'secret', name: TOKEN, label: 'Application token', help: 'Of an application made at Pushover.', required: true },
    { kind: 'secret', name: USER, label: 'User or group key', help: 'Who is told.', required: true },
    createServerField('https://api.pushover.net', 'Where the service is.'),
  ],
  check: (config) => readServer(config).host,
  async send({ message }, { config, secrets }, http) {
    const words = describeMessage(message);
    const hasRoom = words.link !== undefined && words.link.length <= LINK_CHARS;
    const text = fitWords(
      words,
      (left) => renderPlain(left, { withLink: !hasRoom }),
      (rendered) => rendered.length <= MESSAGE_CHARS,
    );
    const json = {
      token: secrets[TOKEN],
      user: secrets[USER],
      title: cutText(words.title, TITLE_CHARS),
      message: text === '' ? words.title : text,
      priority: PRIORITIES[words.tone],
      timestamp: Math.floor(message.at / 1000),
      ...(hasRoom ? { url: words.link, url_title: 'Open in Holdfast' } : {}),
    };
    return demandSuccess(await postJson(http, { url: readServer(config, '/1/messages.json'), json }));
  },
};
