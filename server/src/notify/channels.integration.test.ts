import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import type { DeliveryId } from '@holdfast/shared/domain/ids.ts';
import { CHANNEL_KINDS } from './all.ts';
import { checkChannelKind, sampleSending } from './contract.ts';
import { PING } from './ping.ts';
import { renderBody, signBody, WEBHOOK } from './webhook.ts';

const KEY = Buffer.from('0123456789abcdef0123456789abcdef');

checkChannelKind(WEBHOOK, (url) => ({
  config: { least: 'notice' },
  secrets: { url, signingKey: `whsec_${KEY.toString('base64')}` },
}));
checkChannelKind(PING, (url) => ({ config: { everyMinutes: 5 }, secrets: { url } }));

describe('The kinds of channel', () => {
  it('each have a name of their own, and an interval where they tell of life', () => {
    assert.equal(new Set(CHANNEL_KINDS.map(({ kind }) => kind)).size, CHANNEL_KINDS.length);
    for (const { purpose, everyMs } of CHANNEL_KINDS) assert.equal(everyMs !== undefined, purpose === 'life');
    assert.equal(PING.everyMs?.({ everyMinutes: 3 }), 180_000);
  });
});

describe('A webhook', () => {
  it('signs id, time and body as Standard Webhooks say', () => {
    // The example of the specification.
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    const at = 1_614_265_330_000;
    const heads = signBody({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek' as DeliveryId, at }, '{"test": 2432232314}', key);
    assert.deepEqual(heads, {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
    assert.equal(signBody({ id: 'msg_1' as DeliveryId, at }, '{}', undefined)['webhook-signature'], undefined);
    const own = createHmac('sha256', KEY).update('msg_1.1614265330.{}').digest('base64');
    assert.equal(signBody({ id: 'msg_1' as DeliveryId, at }, '{}', KEY)['webhook-signature'], `v1,${own}`);
  });

  it('says what is wrong, since when, and when all was well', () => {
    const body = JSON.parse(renderBody(sampleSending('alert.raised'))) as {
      type: string;
      timestamp: string;
      data: Record<string, unknown>;
    };
    assert.deepEqual([body.type, body.timestamp], ['alert.raised', '2026-02-02T02:40:00.000Z']);
    const { data } = body;
    assert.deepEqual(
      [data['since'], data['lastGoodAt'], data['count']],
      ['2026-02-02T02:39:55.000Z', '2026-02-02T02:38:30.000Z', 214],
    );
    assert.equal(data['link'], 'https://backup.example.test/alerts/alert_1');
  });

  it('refuses a signing key that is none', () => {
    const url = 'https://hooks.example.com/x';
    for (const signingKey of ['whsec_kurz', 'whsec_!!!!', `whsec_${Buffer.alloc(65).toString('base64')}`])
      assert.throws(() => WEBHOOK.check({}, { url, signingKey }), { code: 'invalid' }, signingKey);
    assert.equal(WEBHOOK.check({}, { url, signingKey: KEY.toString('base64') }), 'hooks.example.com');
  });
});
