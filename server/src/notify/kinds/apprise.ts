/** An Apprise API server, which passes messages on to whatever it knows. */
import { createUrlField, readAddress } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { PEOPLE_HEAR } from '../hearing.ts';
import { cutText, describeMessage, fitWords, renderPlain, signOf } from '../words.ts';

const TAG = 'tag';
const BODY_CHARS = 20_000;
const TYPES = { good: 'success', notice: 'info', warning: 'warning', critical: 'failure' } as const;

export const APPRISE: ChannelKind = {
  kind: 'apprise',
  label: 'Apprise API',
  summary: 'Hands messages to an Apprise API server, which passes them on to the services it is set up for.',
  hears: PEOPLE_HEAR,
  fields: [
    createUrlField(
      'With the key of the stored configuration, such as https://apprise.example.com/notify/key. It is kept like a password.',
    ),
    {
      kind: 'text',
      name: TAG,
      label: 'Tags',
      help: 'Which of its services are told; empty for all of them.',
      maxChars: 200,
      pattern: /^[A-Za-z0-9 ,_-]*$/u,
      patternHint: 'may hold letters, digits, blanks, commas, _ and -',
    },
  ],
  check: (_config, secrets) => readAddress(secrets).host,
  async send({ message }, { config, secrets }, http) {
    const words = describeMessage(message);
    const body = fitWords(words, renderPlain, (rendered) => rendered.length <= BODY_CHARS);
    const json = {
      title: cutText(`${signOf(words)} ${words.title}`, 300),
      body: body === '' ? words.title : body,
      type: TYPES[words.tone],
      format: 'text',
      ...(config[TAG] === undefined ? {} : { tag: config[TAG] }),
    };
    const answer = await postJson(http, { url: readAddress(secrets), json });
    // Nothing is stored under this key: nobody was told.
    return demandSuccess(answer.status === 204 ? { ...answer, status: 404 } : answer);
  },
};
