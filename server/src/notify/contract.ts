/** What every kind of channel must do, with a real address at the other end. A kind exists when it passes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AlertId, DeliveryId } from '@holdfast/shared/domain/ids.ts';
import { parseAdapterInput } from '../core/adapter-input.ts';
import { type ChannelMessage, messageSchema } from '../core/alerts/message.ts';
import type { ChannelKind, ChannelSettings, Sending } from './channel.ts';
import { type HttpSink, startHttpSink } from './fixtures/http-sink.ts';
import { createGuardedHttp, type GuardedHttp } from './guarded-http.ts';

const NOW = 1_770_000_000_000;
const CANARY = 'canary-in-the-address';

export function sampleSending(type: ChannelMessage['type']): Sending {
  const alert = {
    id: 'alert_1' as AlertId,
    condition: 'repository.unreachable' as const,
    severity: 'critical' as const,
    title: 'The repository s3-eu cannot be reached: 214 backups fail',
    detail: '“connection” refused\u2028',
    thing: { kind: 'repository' as const, id: 'repo_1', name: '<b>s3-eu</b>' },
    since: NOW - 5000,
    raisedAt: NOW,
    count: 214,
    names: ['db-1 / shop'],
    lastGoodAt: NOW - 90_000,
    log: ['error Fatal: unable to open repository'],
  };
  const about = type.startsWith('alert.') ? { alert } : {};
  const message = messageSchema.parse({
    type,
    at: NOW,
    text: 'It is so.',
    link: 'https://backup.example.test/alerts/alert_1',
    ...about,
  });
  return { id: 'msg_1' as DeliveryId, message, at: NOW + 1500 };
}

/** Registers the suite; `fill` gives the fields of a channel that leads to an address. */
export function checkChannelKind(kind: ChannelKind, fill: (url: string) => ChannelSettings): void {
  describe(`a channel of the kind ${kind.kind}`, () => {
    let sink: HttpSink;
    let http: GuardedHttp;
    before(async () => {
      sink = await startHttpSink();
      http = createGuardedHttp({ allowedCidrs: ['127.0.0.0/8'], timeoutMs: 300 });
    });
    after(() => sink.close());
    const types: readonly ChannelMessage['type'][] =
      kind.purpose === 'life' ? ['server.alive', 'channel.test'] : ['alert.raised', 'alert.resolved', 'channel.test'];
    const send = (type = types[0] ?? 'channel.test') => kind.send(sampleSending(type), fill(`${sink.url}/${CANARY}`), http);

    it('takes its own fields and names where it leads, without what is secret', () => {
      const { config, secrets } = fill(`https://hooks.example.com/${CANARY}`);
      const parsed = parseAdapterInput(kind.fields, { config, secrets });
      assert.equal(kind.check(parsed.config, parsed.secrets), 'hooks.example.com');
      for (const url of [
        '',
        'hooks.example.com',
        'ftp://hooks.example.com',
        'https://ada:geheim@hooks.example.com',
        'file:///etc/passwd',
      ])
        assert.throws(() => kind.check(config, { ...secrets, url }), { code: 'invalid' }, url);
    });

    it('hands over every message there is for it', async () => {
      for (const type of types) {
        sink.answer = 204;
        const count = sink.requests.length;
        assert.match(await send(type), /204/u);
        assert.equal(sink.requests.length, count + 1);
        assert.equal(sink.requests.at(-1)?.path, `/${CANARY}`);
      }
    });

    it('fails on any other answer than success, without following anything and without a word of the address', async () => {
      for (const status of [301, 302, 400, 404, 410, 429, 500, 503]) {
        const count = sink.requests.length;
        sink.answer = (response) => response.writeHead(status, { location: `${sink.url}/elsewhere` }).end('x'.repeat(100_000));
        await assert.rejects(send(), (error: Error & { code: string }) => {
          assert.equal(error.code, 'unavailable');
          assert.ok(!error.message.includes(CANARY) && error.message.includes(String(status)), error.message);
          return true;
        });
        assert.equal(sink.requests.length, count + 1);
      }
    });

    it('fails when nobody answers in time', async () => {
      sink.answer = 'hang';
      await assert.rejects(send(), { code: 'unavailable', message: 'it did not answer in time' });
    });
  });
}
