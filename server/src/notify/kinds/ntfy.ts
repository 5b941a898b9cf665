/** ntfy, the public server or one of one's own. */
import { createServerField, readServer } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { PEOPLE_HEAR } from '../hearing.ts';
import { cutText, describeMessage, fitBytes, renderPlain } from '../words.ts';

const TOPIC = 'topic';
const TOKEN = 'token';
/** A longer message becomes an attachment. */
const MESSAGE_BYTES = 4000;
const TITLE_CHARS = 240;
const PRIORITIES = { good: 2, notice: 3, warning: 4, critical: 5 } as const;
/** Short codes that ntfy shows as emoji. */
const TAGS = { good: 'white_check_mark', notice: 'information_source', warning: 'warning', critical: 'red_circle' } as const;

export const NTFY: ChannelKind = {
  kind: 'ntfy',
  label: 'ntfy',
  summary: 'Pushes to phones and desktops that follow a topic of ntfy.',
  hears: PEOPLE_HEAR,
  fields: [
    {
      kind: 'text',
      name: TOPIC,
      label: 'Topic',
      help: 'On a public server whoever knows it can read along: choose one that cannot be guessed, or use a token.',
      required: true,
      maxChars: 64,
      pattern: /^[A-Za-z0-9_-]{1,64}$/u,
      patternHint: 'may hold letters, digits, _ and -',
    },
    { kind: 'secret', name: TOKEN, label: 'Access token', help: 'Where the topic is not open to all, such as tk_….' },
    createServerField('https://ntfy.sh', 'Where ntfy is; your own server if you run one.'),
  ],
  check: (config) => readServer(config).host,
  async send({ message }, { config, secrets }, http) {
    const words = describeMessage(message);
    const text = fitBytes(words, (left) => renderPlain(left, { withLink: false }), MESSAGE_BYTES);
    const json = {
      topic: config[TOPIC],
      title: cutText(words.title, TITLE_CHARS),
      message: text === '' ? words.title : text,
      priority: PRIORITIES[words.tone],
      tags: [TAGS[words.tone]],
      ...(words.link === undefined ? {} : { click: words.link }),
    };
    const token = secrets[TOKEN] ?? '';
    const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
    return demandSuccess(await postJson(http, { url: readServer(config), json, headers }));
  },
};
