import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { AppError } from '@holdfast/shared/errors.ts';
import { parseAdapterInput } from '../../core/adapters/adapter-input.ts';
import { HOSTILE, LINK, sampleSending } from '../fixtures/sample-messages.ts';
import { type Certificate, makeCertificate, type SmtpSink, type SmtpWish, startSmtpSink } from '../fixtures/smtp-sink.ts';
import { createGuardedHttp } from '../guarded-http.ts';
import { EMAIL } from './email.ts';

const LOGIN = { user: 'backup', password: 'geheim-canary' };
const http = createGuardedHttp({ allowedCidrs: ['127.0.0.0/8'], resolve: async () => ['127.0.0.1'] });
const sinks: SmtpSink[] = [];
let certificate: Certificate;

async function start(wish: SmtpWish): Promise<SmtpSink> {
  const sink = await startSmtpSink(wish);
  sinks.push(sink);
  return sink;
}

function fill(port: number, change: Record<string, unknown> = {}, secrets: Record<string, string> = {}) {
  const config = {
    host: 'localhost',
    port,
    security: 'none',
    from: 'backup@example.com',
    to: ['ada@example.com', 'ben@example.com'],
    ...change,
  };
  const parsed = parseAdapterInput(EMAIL.fields, { config, secrets });
  EMAIL.check(parsed.config, parsed.secrets);
  return parsed;
}

/** The decoded parts of a mail of two alternatives. */
function readMail(source: string): { head: string; text: string; html: string } {
  const [head = ''] = source.split('\r\n\r\n');
  const boundary = /boundary="([^"]+)"/u.exec(head)?.[1] ?? assert.fail('no parts');
  const parts = source
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const [heads = '', ...body] = part.split('\r\n\r\n');
      const raw = body.join('\r\n\r\n');
      if (/encoding: base64/iu.test(heads)) return Buffer.from(raw, 'base64').toString('utf8');
      const bytes = raw
        .replace(/=\r\n/gu, '')
        .replace(/=([0-9A-F]{2})/gu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
      return Buffer.from(bytes, 'latin1').toString('utf8');
    });
  return { head, text: parts[0] ?? '', html: parts[1] ?? '' };
}

before(async () => {
  certificate = await makeCertificate();
});
after(async () => {
  await Promise.all(sinks.map((sink) => sink.close()));
});

describe('Email', () => {
  it('goes over STARTTLS and over TLS with a login, and in the clear where that is chosen', async () => {
    const { ca } = certificate;
    const cases: readonly [SmtpWish, Record<string, unknown>][] = [
      [
        { certificate, login: LOGIN },
        { security: 'starttls', user: LOGIN.user, ca },
      ],
      [
        { certificate, login: LOGIN, isSecure: true },
        { security: 'tls', user: LOGIN.user, ca },
      ],
      [{}, {}],
    ];
    for (const [wish, change] of cases) {
      const sink = await start(wish);
      const settings = fill(sink.port, change, wish.login === undefined ? {} : { password: LOGIN.password });
      assert.equal(await EMAIL.send(sampleSending('alert.raised'), settings, http), 'the mail server took it');
      const [mail] = sink.mails;
      assert.deepEqual(mail?.to, ['ada@example.com', 'ben@example.com']);
      assert.deepEqual(
        [mail?.from, mail?.isEncrypted, mail?.user],
        ['backup@example.com', wish.certificate !== undefined, wish.login?.user],
      );
    }
  });

  it('says what is wrong, since when, what was good, the log and the link, as text and as a page', async () => {
    const sink = await start({});
    for (const type of [...EMAIL.hears, 'channel.test'] as const) await EMAIL.send(sampleSending(type), fill(sink.port), http);
    const mails = sink.mails.map(({ source }) => readMail(source));
    const first = mails[0] ?? assert.fail();
    for (const said of [first.text, first.html])
      for (const part of [
        'cannot be reached',
        '2026-02-02 02:39 UTC',
        '2026-02-02 02:38 UTC',
        'error 0 Fatal',
        'error 19 Fatal',
        LINK,
      ])
        assert.ok(said.includes(part), part);
    assert.match(first.head, /^Message-ID: <msg_1@example\.com>$/mu);
    assert.match(first.head, /^Auto-Submitted: auto-generated$/mu);
    for (const { text, html } of mails) assert.ok(text.includes(LINK) && html.includes(`href="${LINK}"`));
  });

  it('keeps hostile text out of headers and markup, and within bounds', async () => {
    const sink = await start({});
    for (const shape of ['hostile', 'long'] as const)
      for (const type of ['alert.raised', 'run.failed', 'digest.weekly'] as const)
        await EMAIL.send(sampleSending(type, shape), fill(sink.port), http);
    const breaking = sampleSending('alert.raised');
    const { alert } = breaking.message;
    const title = `x\r\nBcc: eve@example.com\r\n\r\n${HOSTILE}`;
    await EMAIL.send(
      { ...breaking, message: { ...breaking.message, ...(alert && { alert: { ...alert, title } }) } },
      fill(sink.port),
      http,
    );
    for (const { source, to } of sink.mails) {
      const { head, html } = readMail(source);
      assert.deepEqual(to, ['ada@example.com', 'ben@example.com']);
      assert.doesNotMatch(head, /^bcc:/imu);
      assert.doesNotMatch(html, /<b>|<!channel|javascript:|<img|<script/u);
      assert.ok(source.length < 300_000);
    }
  });

  it('fails with what may be said: refusals by their class, never the login', async () => {
    const sink = await start({ login: LOGIN });
    const wrong = fill(sink.port, { user: LOGIN.user }, { password: 'wrong-geheim' });
    await assert.rejects(EMAIL.send(sampleSending('channel.test'), wrong, http), (error: AppError) => {
      assert.deepEqual(
        [error.code, error.details['fault'], error.message],
        ['unavailable', 'settings', 'it refused user or password'],
      );
      return true;
    });
    const right = fill(sink.port, { user: LOGIN.user }, { password: LOGIN.password });
    for (const [code, fault] of [
      [451, 'busy'],
      [550, 'settings'],
      [554, 'message'],
    ] as const) {
      sink.refuse = code;
      await assert.rejects(EMAIL.send(sampleSending('channel.test'), right, http), (error: AppError) => {
        assert.deepEqual([error.message, error.details['fault']], [`it answered ${code}`, fault]);
        return true;
      });
    }
  });

  it('gives no login away to a server that it cannot trust, or that offers no encryption', async () => {
    const untrusted = await start({ certificate, login: LOGIN });
    const plain = await start({ login: LOGIN });
    const cases = [
      [untrusted, 'its certificate is not trusted'],
      [plain, 'it offers no encryption'],
    ] as const;
    for (const [sink, message] of cases) {
      const settings = fill(sink.port, { security: 'starttls', user: LOGIN.user }, { password: LOGIN.password });
      await assert.rejects(EMAIL.send(sampleSending('channel.test'), settings, http), { code: 'unavailable', message });
      assert.equal(sink.mails.length, 0);
    }
    const muddled = fill(plain.port, { security: 'tls' });
    const encrypted = { message: 'no encrypted connection came about' };
    await assert.rejects(EMAIL.send(sampleSending('channel.test'), muddled, http), encrypted);
    const gone = await startSmtpSink({});
    await gone.close();
    const refused = { message: 'the connection was refused' };
    await assert.rejects(EMAIL.send(sampleSending('channel.test'), fill(gone.port), http), refused);
  });

  it('ends in time where nobody speaks, goes nowhere it may not, and takes one plain address at a time', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const impatient = createGuardedHttp({ allowedCidrs: ['127.0.0.0/8'], timeoutMs: 200, resolve: async () => ['127.0.0.1'] });
    const late = { code: 'unavailable', message: 'it did not answer in time' };
    await assert.rejects(EMAIL.send(sampleSending('channel.test'), fill(port), impatient), late);
    silent.close();
    const guarded = createGuardedHttp({ resolve: async () => ['10.0.0.1'] });
    await assert.rejects(EMAIL.send(sampleSending('channel.test'), fill(port), guarded), { code: 'forbidden' });
    for (const to of ['Ada <ada@example.com>', 'a@example.com, b@example.com', 'ada@example.com\nBcc: x@example.com', 'ada'])
      assert.throws(() => fill(25, { to: [to] }), { code: 'invalid' }, to);
    for (const host of ['mail.example.com/x', 'ada@mail.example.com', 'a b', ''])
      assert.throws(() => fill(25, { host }), { code: 'invalid' }, host);
    assert.equal(EMAIL.check(fill(2525).config, {}), 'localhost:2525');
  });
});
