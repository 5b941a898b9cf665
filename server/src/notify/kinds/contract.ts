/** What every kind of channel that speaks HTTP must do, with a real address at the other end. A kind exists when it passes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AppError } from '@holdfast/shared/errors.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import { parseAdapterInput } from '../../core/adapters/adapter-input.ts';
import type { MessageType } from '../../core/alerts/message.ts';
import type { ChannelKind, ChannelSettings } from '../channel.ts';
import { type HttpSink, type SunkRequest, startHttpSink } from '../fixtures/http-sink.ts';
import { LINK, sampleSending } from '../fixtures/sample-messages.ts';
import { createGuardedHttp, type GuardedHttp } from '../guarded-http.ts';

const RUN_FAILED = /nightly.*The dump ended early/su;
const RUN_WITH_LOG = /nightly.*The dump ended early.*error nightly/su;

/** In every secret and in the path of every address. */
export const CANARY = 'canary0in0the0address';

export interface KindCase {
  kind: ChannelKind;
  /** The fields of a channel that leads to an address. */
  fill(url: string): ChannelSettings;
  /** Checks the form of a request, as the service documents it, and gives what a person reads; throws for what the service would refuse. */
  read(request: SunkRequest, type: MessageType): { text: string; link?: string | undefined };
  /** What its markup would be, were hostile text not escaped. */
  markup?: RegExp;
  /** The service may be asked for a wait by the body alone. */
  waitBody?: string;
  /** Kinds that say no more than that something began or ended. */
  saysLittle?: boolean;
  /** Whether the last lines of a log have their place in a short message; the oldest are left out where there is too little. */
  log?: 'whole' | 'as fits';
}

/** The lines of an alert's log that stand in a text, in their order. */
function findLogLines(text: string): readonly number[] {
  return [...text.matchAll(/error (\d+) Fatal/gu)].map(([, line]) => Number(line));
}

export function readJson(request: SunkRequest): Record<string, unknown> {
  assert.match(String(request.headers['content-type']), /^application\/json/u);
  return JSON.parse(request.body) as Record<string, unknown>;
}

export function checkChannelKind({ kind, fill, read, markup, waitBody, saysLittle = false, log = 'whole' }: KindCase): void {
  describe(`a channel of the kind ${kind.kind}`, () => {
    let sink: HttpSink;
    let http: GuardedHttp;
    /** For what never answers. */
    let impatient: GuardedHttp;
    before(async () => {
      sink = await startHttpSink();
      http = createGuardedHttp({ allowedCidrs: ['127.0.0.0/8'], timeoutMs: 10_000 });
      impatient = createGuardedHttp({ allowedCidrs: ['127.0.0.0/8'], timeoutMs: 150 });
    });
    after(() => sink.close());
    const types: readonly MessageType[] = [...kind.hears, 'channel.test'];
    const send = (type = types[0] ?? 'channel.test', shape: 'plain' | 'hostile' | 'long' = 'plain') =>
      kind.send(sampleSending(type, shape), fill(`${sink.url}/${CANARY}`), http);
    const last = () => sink.requests.at(-1) ?? assert.fail('nothing came');

    it('takes its own fields and names where it leads, without what is secret', () => {
      const { config, secrets } = fill(`https://hooks.example.com/${CANARY}`);
      const parsed = parseAdapterInput(kind.fields, { config, secrets });
      const where = kind.check(parsed.config, parsed.secrets);
      assert.equal(where, 'hooks.example.com');
      const isSecret = kind.fields.some(({ name, kind: of }) => name === 'url' && of === 'secret');
      const field = isSecret ? 'url' : 'server';
      for (const url of [
        '',
        'hooks.example.com',
        'ftp://hooks.example.com',
        'https://ada:geheim@hooks.example.com',
        'file:///etc/passwd',
      ]) {
        const call = () => (isSecret ? kind.check(config, { ...secrets, url }) : kind.check({ ...config, server: url }, secrets));
        assert.throws(call, (error: AppError) => error.code === 'invalid' && Object.hasOwn(error.details, `field.${field}`), url);
      }
    });

    it('hands over every message there is for it, in the form of the service, with the link', async () => {
      for (const type of types) {
        sink.answer = 202;
        const count = sink.requests.length;
        assert.match(await send(type), /202/u);
        assert.equal(sink.requests.length, count + 1);
        const { text, link } = read(last(), type);
        if (saysLittle || type === 'server.alive') continue;
        if (type === 'alert.raised') {
          assert.match(text, /s3-eu/u);
          for (const part of ['2026-02-02 02:39', '2026-02-02 02:38'])
            assert.ok(text.includes(part) || text.includes(part.replace(' ', 'T')), text);
          const all = Array.from({ length: OUTGOING.logLines }, (_, line) => line);
          const told = findLogLines(text);
          if (log === 'whole') assert.deepEqual(told, all, 'the last lines of the log, in their order');
          else
            assert.deepEqual(told, told.length === 0 ? [] : all.slice(-told.length), 'the newest lines, as far as there is room');
        }
        if (type === 'run.failed') assert.match(text, log === 'whole' ? RUN_WITH_LOG : RUN_FAILED);
        if (type !== 'alert.acknowledged' && type !== 'alert.resolved') assert.equal(link, LINK);
      }
    });

    it('sends hostile text as text', async () => {
      for (const type of types) {
        sink.answer = 202;
        await send(type, 'hostile');
        read(last(), type);
        if (markup !== undefined) assert.doesNotMatch(last().body, markup);
        assert.ok(!last().body.includes('\u202e'), 'text that turns the reading direction');
      }
    });

    it('keeps within the limits of the service, whatever is to be said', async () => {
      for (const type of types) {
        sink.answer = 202;
        await send(type, 'long');
        const { link } = read(last(), type);
        if (link !== undefined) assert.equal(link, LINK);
      }
    });

    it('fails on any other answer than success, says whether it may pass, and follows nothing', async () => {
      const faults = {
        301: 'settings',
        400: 'message',
        401: 'settings',
        404: 'settings',
        410: 'settings',
        429: 'busy',
        500: 'busy',
        503: 'busy',
      };
      for (const [status, fault] of Object.entries(faults)) {
        const count = sink.requests.length;
        sink.answer = (response) =>
          response.writeHead(Number(status), { location: `${sink.url}/elsewhere` }).end('x'.repeat(100_000));
        await assert.rejects(send(), (error: AppError) => {
          assert.deepEqual([error.code, error.details['fault']], ['unavailable', fault], status);
          assert.ok(error.message.includes(status));
          return true;
        });
        assert.equal(sink.requests.length, count + 1);
      }
    });

    it('waits as long as it is told to', async () => {
      const wait = (error: AppError) => error.details['retryAfterMs'] === 7000;
      sink.answer = (response) => response.writeHead(429, { 'retry-after': '7' }).end();
      await assert.rejects(send(), wait);
      if (waitBody === undefined) return;
      sink.answer = (response) => response.writeHead(429).end(waitBody);
      await assert.rejects(send(), wait);
    });

    it('fails when nobody answers in time, and where it may not go', async () => {
      sink.answer = 'hang';
      const sending = sampleSending(types[0] ?? 'channel.test');
      const late = { code: 'unavailable', message: 'it did not answer in time' };
      await assert.rejects(kind.send(sending, fill(`${sink.url}/x`), impatient), late);
      const closed = createGuardedHttp();
      await assert.rejects(kind.send(sending, fill(`${sink.url}/x`), closed), { code: 'forbidden' });
    });

    it('never says anything secret', async () => {
      const { secrets } = fill(`${sink.url}/${CANARY}`);
      const said: string[] = [];
      for (const answer of [500, 403, 429, 400, 200]) {
        sink.answer = (response) => response.writeHead(answer).end(Object.values(secrets).join(' '));
        await send().then(
          (text) => said.push(text),
          (error: AppError) => said.push(error.message, JSON.stringify(error.details)),
        );
      }
      said.push(kind.check(fill(`${sink.url}/${CANARY}`).config, secrets));
      for (const secret of [CANARY, ...Object.values(secrets)])
        assert.ok(!said.some((text) => text.includes(secret)), `${secret} was said`);
    });
  });
}
