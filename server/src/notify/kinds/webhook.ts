/** Any program that takes HTTP, signed as Standard Webhooks describe; the body is ours or a template's. */
import { createHmac } from 'node:crypto';
import type { Config, Secrets } from '@holdfast/shared/adapters/field.ts';
import { MESSAGE_TYPES } from '../../core/alerts/message.ts';
import { createFieldError, createUrlField, readAddress } from '../address.ts';
import { demandSuccess } from '../answer.ts';
import type { ChannelKind, Sending } from '../channel.ts';
import { checkTemplate, fillTemplate, PLACE_NAMES, TEMPLATE_CHARS, type TemplateMedium } from '../template.ts';
import { describeMessage, fitBytes } from '../words.ts';

const KEY_FIELD = 'signingKey';
const METHOD_FIELD = 'method';
const HEADERS_FIELD = 'headers';
const TEMPLATE_FIELD = 'template';
const MEDIUM_FIELD = 'medium';
const KEY_PREFIX = 'whsec_';
const KEY_BYTES = { least: 24, most: 64 } as const;
const BODY_BYTES = 100_000;
const HEADERS_MOST = 20;
/** The exchange itself needs these, or they say what the message is. */
const OWN_HEADERS = /^(?:host|content-length|content-type|connection|transfer-encoding|te|trailer|upgrade|expect|webhook-.*)$/iu;
const MEDIA: Readonly<Record<TemplateMedium, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  text: 'text/plain; charset=utf-8',
};

/** The bytes behind `whsec_…`; undefined when there is no key. */
function readKey(secrets: Secrets): Buffer | undefined {
  const text = (secrets[KEY_FIELD] ?? '').trim();
  if (text === '') return undefined;
  const encoded = text.startsWith(KEY_PREFIX) ? text.slice(KEY_PREFIX.length) : text;
  const key = Buffer.from(encoded, 'base64');
  const isWhole = /^[A-Za-z0-9+/]+={0,2}$/u.test(encoded) && key.length >= KEY_BYTES.least && key.length <= KEY_BYTES.most;
  if (isWhole) return key;
  const problem = `must be ${KEY_PREFIX} and ${KEY_BYTES.least} to ${KEY_BYTES.most} bytes in base64`;
  throw createFieldError(KEY_FIELD, 'Signing key', problem);
}

/** `Name: value` lines. */
function readHeaders(secrets: Secrets): Record<string, string> {
  const refuse = (problem: string) => createFieldError(HEADERS_FIELD, 'Headers', problem);
  const lines = (secrets[HEADERS_FIELD] ?? '').split(/\r?\n/u).filter((line) => line.trim() !== '');
  if (lines.length > HEADERS_MOST) throw refuse(`are more than ${HEADERS_MOST}`);
  const headers: Record<string, string> = {};
  for (const [index, line] of lines.entries()) {
    const [, name = '', value = ''] =
      /^\s*([A-Za-z0-9!#$%&'*+.^_|~-]{1,100})\s*:\s*([\t\x20-\x7e]{0,2000}?)\s*$/u.exec(line) ?? [];
    if (name === '') throw refuse(`line ${index + 1} is no header, such as X-Team: storage`);
    if (OWN_HEADERS.test(name)) throw refuse(`${name} is set by Holdfast itself`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function readTemplate(config: Config): { template: string; medium: TemplateMedium } {
  const medium = config[MEDIUM_FIELD];
  const template = String(config[TEMPLATE_FIELD] ?? '');
  return { template: template.trim() === '' ? '' : template, medium: medium === 'form' || medium === 'text' ? medium : 'json' };
}

/** What is sent without a template: type, time and the facts. */
export function renderBody({ message }: Pick<Sending, 'message'>): string {
  const { type, at, text, link, alert, run, digest, act } = message;
  const toTime = (instant: number | undefined) => (instant === undefined ? undefined : new Date(instant).toISOString());
  const about = alert && {
    ...alert,
    since: toTime(alert.since),
    raisedAt: toTime(alert.raisedAt),
    resolvedAt: toTime(alert.resolvedAt),
    lastGoodAt: toTime(alert.lastGoodAt),
  };
  const backup = run && { ...run, startedAt: toTime(run.startedAt), finishedAt: toTime(run.finishedAt) };
  const summary = digest && { ...digest, from: toTime(digest.from), to: toTime(digest.to) };
  const done = act && { ...act, at: toTime(act.at) };
  const facts = { type, timestamp: toTime(at), data: { text, link, ...about, run: backup, digest: summary, act: done } };
  return JSON.stringify(facts, (_name, value: unknown) => (typeof value === 'string' ? value.replace(/\p{C}+/gu, ' ') : value));
}

/** The headers of Standard Webhooks; without a key there is no signature. `at` is the time of this attempt. */
export function signBody({ id, at }: Pick<Sending, 'id' | 'at'>, body: string, key: Buffer | undefined): Record<string, string> {
  const seconds = String(Math.floor(at / 1000));
  const heads = { 'webhook-id': id, 'webhook-timestamp': seconds };
  if (key === undefined) return heads;
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { ...heads, 'webhook-signature': `v1,${signature}` };
}

function renderOwn(sending: Sending, config: Config): { body: string; type: string } {
  const { template, medium } = readTemplate(config);
  if (template === '') return { body: renderBody(sending), type: MEDIA.json };
  const { message } = sending;
  const body = fitBytes(describeMessage(message), (words) => fillTemplate(template, medium, message, words), BODY_BYTES);
  return { body, type: MEDIA[medium] };
}

export const WEBHOOK: ChannelKind = {
  kind: 'webhook',
  label: 'Webhook',
  summary: 'Sends JSON, or a body of your own, to any address, signed as Standard Webhooks describe.',
  hears: MESSAGE_TYPES.filter((type) => type !== 'run.started' && type !== 'server.alive' && type !== 'alert.acknowledged'),
  fields: [
    createUrlField(
      'Such as https://hooks.example.com/backup. It is kept like a password, because such addresses often hold a token.',
    ),
    {
      kind: 'secret',
      name: KEY_FIELD,
      label: 'Signing key',
      help: `${KEY_PREFIX} and ${KEY_BYTES.least} to ${KEY_BYTES.most} bytes in base64. The other side verifies with the same key that a message is from here.`,
    },
    {
      kind: 'choice',
      name: METHOD_FIELD,
      label: 'Method',
      default: 'POST',
      options: [
        { value: 'POST', label: 'POST' },
        { value: 'PUT', label: 'PUT' },
      ],
      advanced: true,
    },
    {
      kind: 'secret',
      name: HEADERS_FIELD,
      label: 'Headers',
      multiline: true,
      help: 'One a line, such as Authorization: Bearer …. They are kept like a password.',
      advanced: true,
    },
    {
      kind: 'choice',
      name: MEDIUM_FIELD,
      label: 'The body below is',
      default: 'json',
      options: [
        { value: 'json', label: 'JSON' },
        { value: 'form', label: 'a form' },
        { value: 'text', label: 'plain text' },
      ],
      advanced: true,
    },
    {
      kind: 'multiline',
      name: TEMPLATE_FIELD,
      label: 'Body',
      maxChars: TEMPLATE_CHARS,
      help: `Empty for the JSON that the guide describes. Otherwise text with places such as {{title}}: ${PLACE_NAMES.join(', ')}. In JSON they stand within quotation marks.`,
      placeholder: '{"text": "{{sign}} {{title}}", "url": "{{link}}"}',
      advanced: true,
    },
  ],
  check(config, secrets) {
    readKey(secrets);
    readHeaders(secrets);
    const { template, medium } = readTemplate(config);
    if (template !== '') checkTemplate(template, medium, { name: TEMPLATE_FIELD, label: 'Body' });
    return readAddress(secrets).host;
  },
  async send(sending, { config, secrets }, http) {
    const { body, type } = renderOwn(sending, config);
    const headers = {
      'user-agent': 'Holdfast',
      ...readHeaders(secrets),
      'content-type': type,
      ...signBody(sending, body, readKey(secrets)),
    };
    const method = config[METHOD_FIELD] === 'PUT' ? 'PUT' : 'POST';
    return demandSuccess(await http.ask({ url: readAddress(secrets), method, headers, body }));
  },
};
