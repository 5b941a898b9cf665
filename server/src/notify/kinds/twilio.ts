/** Text messages to a phone, by Twilio. */
import { createServerField, readServer } from '../address.ts';
import { demandSuccess } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { SHORT_HEAR } from '../hearing.ts';
import { cutText, describeMessage, type Words } from '../words.ts';

const ACCOUNT = 'account';
const TOKEN = 'token';
const FROM = 'from';
const TO = 'to';
/** Two or three text messages; more is for other channels. The limit of the service is 1,600. */
const BODY_CHARS = 420;
const PHONE = /^\+[1-9]\d{4,18}$/u;

function render({ title, facts, link }: Words): string {
  const tail = link === undefined ? '' : `\n${link}`;
  const told = facts
    .filter(({ label }) => label === 'Since' || label === 'Last good backup' || label === 'Why')
    .map(({ label, value }) => `\n${label}: ${value}`)
    .join('');
  return `${cutText(title, 160)}${cutText(told, Math.max(0, BODY_CHARS - 160 - tail.length))}${tail}`;
}

export const TWILIO: ChannelKind = {
  kind: 'twilio',
  label: 'Twilio (text message)',
  summary: 'Sends short text messages to one phone by Twilio.',
  hears: SHORT_HEAR,
  fields: [
    {
      kind: 'text',
      name: ACCOUNT,
      label: 'Account SID',
      required: true,
      pattern: /^AC[0-9a-fA-F]{32}$/u,
      patternHint: 'must be AC and 32 digits',
    },
    { kind: 'secret', name: TOKEN, label: 'Auth token', required: true },
    {
      kind: 'text',
      name: FROM,
      label: 'From',
      help: 'A number of the account, such as +15550100, or the SID of a messaging service.',
      required: true,
      pattern: /^(?:\+[1-9]\d{4,18}|MG[0-9a-fA-F]{32})$/u,
      patternHint: 'must be a number such as +15550100, or MG and 32 digits',
    },
    {
      kind: 'text',
      name: TO,
      label: 'To',
      help: 'Such as +15550101.',
      required: true,
      pattern: PHONE,
      patternHint: 'must be a number such as +15550101',
    },
    createServerField('https://api.twilio.com', 'Where the service is.'),
  ],
  check: (config) => readServer(config).host,
  async send({ message }, { config, secrets }, http) {
    const from = String(config[FROM]);
    const form = new URLSearchParams({
      To: String(config[TO]),
      [from.startsWith('MG') ? 'MessagingServiceSid' : 'From']: from,
      Body: render(describeMessage(message)),
    });
    const login = Buffer.from(`${String(config[ACCOUNT])}:${secrets[TOKEN] ?? ''}`).toString('base64');
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'Holdfast',
      authorization: `Basic ${login}`,
    };
    const url = readServer(config, `/2010-04-01/Accounts/${String(config[ACCOUNT])}/Messages.json`);
    return demandSuccess(await http.ask({ url, method: 'POST', headers, body: form.toString() }));
  },
};
