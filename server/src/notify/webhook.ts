/** Any program that takes JSON over HTTP, signed as Standard Webhooks describe. */
import { createHmac } from 'node:crypto';
import type { Secrets } from '@holdfast/shared/adapters/field.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { LEAST_SEVERITY } from '../core/alerts/channels.ts';
import { readAddress, URL_FIELD } from './address.ts';
import type { ChannelKind, Sending } from './channel.ts';

const KEY_FIELD = 'signingKey';
const KEY_PREFIX = 'whsec_';
const KEY_BYTES = { least: 24, most: 64 } as const;

/** The bytes behind `whsec_…`; undefined when there is no key. */
function readKey(secrets: Secrets): Buffer | undefined {
  const text = (secrets[KEY_FIELD] ?? '').trim();
  if (text === '') return undefined;
  const encoded = text.startsWith(KEY_PREFIX) ? text.slice(KEY_PREFIX.length) : text;
  const key = Buffer.from(encoded, 'base64');
  const isWhole = /^[A-Za-z0-9+/]+={0,2}$/u.test(encoded) && key.length >= KEY_BYTES.least && key.length <= KEY_BYTES.most;
  if (isWhole) return key;
  const message = `Signing key: must be ${KEY_PREFIX} and ${KEY_BYTES.least} to ${KEY_BYTES.most} bytes in base64`;
  throw new AppError('invalid', message, { details: { [`field.${KEY_FIELD}`]: message } });
}

/** What is posted: type, time and the facts. */
export function renderBody({ message }: Pick<Sending, 'message'>): string {
  const { type, at, text, link, alert } = message;
  const toTime = (instant: number | undefined) => (instant === undefined ? undefined : new Date(instant).toISOString());
  const about = alert && {
    ...alert,
    since: toTime(alert.since),
    raisedAt: toTime(alert.raisedAt),
    resolvedAt: toTime(alert.resolvedAt),
    lastGoodAt: toTime(alert.lastGoodAt),
  };
  return JSON.stringify({ type, timestamp: toTime(at), data: { text, link, ...about } });
}

/** The headers of Standard Webhooks; without a key there is no signature. `at` is the time of this attempt. */
export function signBody({ id, at }: Pick<Sending, 'id' | 'at'>, body: string, key: Buffer | undefined): Record<string, string> {
  const seconds = String(Math.floor(at / 1000));
  const heads = { 'webhook-id': id, 'webhook-timestamp': seconds };
  if (key === undefined) return heads;
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { ...heads, 'webhook-signature': `v1,${signature}` };
}

export const WEBHOOK: ChannelKind = {
  kind: 'webhook',
  label: 'Webhook',
  summary: 'Posts JSON to any address, signed as Standard Webhooks describe.',
  purpose: 'alerts',
  fields: [
    {
      kind: 'secret',
      name: URL_FIELD,
      label: 'Address',
      help: 'Such as https://hooks.example.com/backup. It is kept like a password, because such addresses often hold a token.',
      required: true,
    },
    {
      kind: 'secret',
      name: KEY_FIELD,
      label: 'Signing key',
      help: `${KEY_PREFIX} and ${KEY_BYTES.least} to ${KEY_BYTES.most} bytes in base64. The other side verifies with the same key that a message is from here.`,
    },
    {
      kind: 'choice',
      name: LEAST_SEVERITY,
      label: 'Tell of',
      default: 'notice',
      options: [
        { value: 'notice', label: 'every alert' },
        { value: 'warning', label: 'warnings and critical alerts' },
        { value: 'critical', label: 'critical alerts only' },
      ],
    },
  ],
  check(_config, secrets) {
    readKey(secrets);
    return readAddress(secrets).host;
  },
  async send(sending, { secrets }, http) {
    const body = renderBody(sending);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Holdfast',
      ...signBody(sending, body, readKey(secrets)),
    };
    const { status, retryAfterMs } = await http.ask({ url: readAddress(secrets), method: 'POST', headers, body });
    if (status >= 200 && status < 300) return `answered ${status}`;
    const words = status >= 300 && status < 400 ? ' and points elsewhere, which is not followed' : '';
    throw new AppError('unavailable', `it answered ${status}${words}`, {
      details: { status, retryAfterMs: retryAfterMs ?? null },
    });
  },
};
