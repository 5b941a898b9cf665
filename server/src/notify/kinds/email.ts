/** Email, by a mail server that takes it in by SMTP. */
import { isIP } from 'node:net';
import type { Config, Secrets } from '@holdfast/shared/adapters/field.ts';
import { createFieldError } from '../address.ts';
import { createRefusal, type Fault } from '../answer.ts';
import type { ChannelKind, Sending } from '../channel.ts';
import { describeCode, type GuardedHttp } from '../guarded-http.ts';
import { PEOPLE_HEAR } from '../hearing.ts';
import { cutText, describeMessage, fitBytes, renderPlain, signOf, type Words } from '../words.ts';

const HOST = 'host';
const PORT = 'port';
const SECURITY = 'security';
const USER = 'user';
const PASSWORD = 'password';
const FROM = 'from';
const TO = 'to';
const CA = 'ca';
const SUBJECT_CHARS = 180;
const TEXT_BYTES = 50_000;
const RECIPIENTS_MOST = 20;
const COLORS = { good: '#2e7d32', notice: '#546e7a', warning: '#b26a00', critical: '#c62828' } as const;
/** One plain address: what else mail allows (comments, groups, quoted names) is how headers are forged. */
const ADDRESS = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/u;
const HOST_NAME = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45})$/u;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeText = (text: string): string => text.replace(/[&<>"']/gu, (char) => ENTITIES[char] ?? char);

/** Plain tags with inline styles alone: nothing is fetched when it is read. */
function renderHtml({ title, tone, facts, lines, log, link }: Words): string {
  const cell = 'padding:4px 16px 4px 0;vertical-align:top';
  return [
    '<!doctype html><html><body style="margin:0;padding:24px;font:15px/1.5 system-ui,sans-serif;color:#1c2024">',
    `<p style="margin:0 0 16px;padding-left:12px;border-left:4px solid ${COLORS[tone]};font-size:18px;font-weight:600">${escapeText(title)}</p>`,
    '<table style="border-collapse:collapse">',
    ...facts.map(
      ({ label, value }) =>
        `<tr><td style="${cell};color:#60646c">${escapeText(label)}</td><td style="${cell}">${escapeText(value)}</td></tr>`,
    ),
    '</table>',
    ...(lines.length === 0 ? [] : [`<ul>${lines.map((line) => `<li>${escapeText(line)}</li>`).join('')}</ul>`]),
    ...(log.length === 0
      ? []
      : [`<pre style="padding:12px;background:#f4f5f6;white-space:pre-wrap;font-size:13px">${escapeText(log.join('\n'))}</pre>`]),
    ...(link === undefined ? [] : [`<p style="margin:16px 0 0"><a href="${escapeText(link)}">Open in Holdfast</a></p>`]),
    '</body></html>',
  ].join('');
}

function listRecipients(config: Config): readonly string[] {
  const listed = config[TO];
  return Array.isArray(listed) ? listed.map((one: string) => one.trim()) : [];
}

/** A reply of the mail server, or what kept it from giving one; its own words may repeat the login, so only its code is told. */
function toRefusal(thrown: unknown): Error {
  const failure = thrown instanceof Error ? thrown : new Error('the exchange failed');
  const { code, responseCode, syscall } = failure as Error & { code?: unknown; responseCode?: unknown; syscall?: unknown };
  if (code === 'EAUTH') return createRefusal('it refused user or password', { fault: 'settings' });
  if (code === 'ETLS') return createRefusal('it offers no encryption', { fault: 'settings' });
  if (typeof syscall === 'string') {
    const [network = ''] = /\bE[A-Z]{3,20}\b/u.exec(failure.message) ?? [];
    return createRefusal(describeCode(network), { fault: 'busy' });
  }
  if (/certificate/iu.test(failure.message)) return createRefusal('its certificate is not trusted', { fault: 'settings' });
  if (code === 'ESOCKET') return createRefusal('no encrypted connection came about', { fault: 'settings' });
  if (typeof responseCode !== 'number') return failure;
  const fault: Fault = responseCode < 500 ? 'busy' : responseCode === 552 || responseCode === 554 ? 'message' : 'settings';
  return createRefusal(`it answered ${responseCode}`, { status: responseCode, fault });
}

async function deliver(
  sending: Sending,
  { config, secrets }: { config: Config; secrets: Secrets },
  http: GuardedHttp,
): Promise<string> {
  // Loaded with the first message: a server without such a channel does without it.
  const { createTransport } = await import('nodemailer');
  const name = String(config[HOST]).toLowerCase();
  const words = describeMessage(sending.message);
  const text = fitBytes(words, renderPlain, TEXT_BYTES);
  const html = fitBytes(words, renderHtml, 2 * TEXT_BYTES);
  const from = String(config[FROM]);
  const user = String(config[USER] ?? '');
  const ca = String(config[CA] ?? '').trim();
  return http.admit(name, async (host, signal) => {
    const transport = createTransport({
      host,
      port: Number(config[PORT]),
      secure: config[SECURITY] === 'tls',
      requireTLS: config[SECURITY] === 'starttls',
      ignoreTLS: config[SECURITY] === 'none',
      tls: { ...(isIP(name) === 0 ? { servername: name } : {}), ...(ca === '' ? {} : { ca }), minVersion: 'TLSv1.2' },
      ...(user === '' ? {} : { auth: { user, pass: secrets[PASSWORD] ?? '' } }),
      name: from.slice(from.indexOf('@') + 1),
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      await transport.sendMail({
        signal,
        from: { name: 'Holdfast', address: from },
        to: [...listRecipients(config)],
        subject: cutText(`${signOf(words)} ${words.title}`, SUBJECT_CHARS),
        text: `${words.title}\n\n${text}`,
        html,
        // The same for every attempt, so that a repeat can be told.
        messageId: `<${sending.id}@${from.slice(from.indexOf('@') + 1)}>`,
        date: new Date(sending.message.at),
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Holdfast-Type': sending.message.type },
      });
      return 'the mail server took it';
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      throw toRefusal(thrown);
    } finally {
      transport.close();
    }
  });
}

export const EMAIL: ChannelKind = {
  kind: 'email',
  label: 'Email',
  summary: 'Sends mail by your own mail server.',
  hears: PEOPLE_HEAR,
  fields: [
    {
      kind: 'text',
      name: HOST,
      label: 'Mail server',
      help: 'Such as mail.example.com.',
      required: true,
      maxChars: 253,
      pattern: HOST_NAME,
      patternHint: 'must be the name or address of a host',
    },
    {
      kind: 'choice',
      name: SECURITY,
      label: 'Encryption',
      default: 'starttls',
      options: [
        { value: 'starttls', label: 'STARTTLS, usually port 587' },
        { value: 'tls', label: 'TLS from the start, usually port 465' },
        { value: 'none', label: 'none, for a mail server on the same network' },
      ],
    },
    { kind: 'number', name: PORT, label: 'Port', default: 587, min: 1, max: 65_535 },
    { kind: 'text', name: USER, label: 'User', help: 'Empty where the mail server asks for none.', maxChars: 200 },
    { kind: 'secret', name: PASSWORD, label: 'Password' },
    {
      kind: 'text',
      name: FROM,
      label: 'From',
      help: 'Such as backup@example.com.',
      required: true,
      maxChars: 320,
      pattern: ADDRESS,
      patternHint: 'must be one plain address, such as backup@example.com',
    },
    {
      kind: 'list',
      name: TO,
      label: 'To',
      help: 'One address a line.',
      entry: 'name',
      maxEntries: RECIPIENTS_MOST,
      required: true,
    },
    {
      kind: 'multiline',
      name: CA,
      label: 'CA certificate',
      help: 'In PEM, where the mail server has a certificate of your own authority.',
      advanced: true,
    },
  ],
  check(config, secrets) {
    const wrong = listRecipients(config).find((address) => !ADDRESS.test(address));
    if (wrong !== undefined)
      throw createFieldError(TO, 'To', `${cutText(wrong, 60)} is no plain address, such as ada@example.com`);
    if ((secrets[PASSWORD] ?? '') !== '' && (config[USER] ?? '') === '')
      throw createFieldError(USER, 'User', 'is needed with a password');
    return `${String(config[HOST])}:${String(config[PORT])}`;
  },
  send: deliver,
};
