import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import type { DeliveryId } from '@holdfast/shared/domain/ids.ts';
import { CHANNEL_KINDS } from '../all.ts';
import { sampleSending } from '../fixtures/sample-messages.ts';
import { APPRISE } from './apprise.ts';
import { CANARY, checkChannelKind, readJson } from './contract.ts';
import { DISCORD } from './discord.ts';
import { GOTIFY } from './gotify.ts';
import { HEALTHCHECKS, toRid } from './healthchecks.ts';
import { NTFY } from './ntfy.ts';
import { PAGERDUTY } from './pagerduty.ts';
import { PING } from './ping.ts';
import { PUSHOVER } from './pushover.ts';
import { SLACK } from './slack.ts';
import { TEAMS } from './teams.ts';
import { TELEGRAM } from './telegram.ts';
import { TWILIO } from './twilio.ts';
import { renderBody, signBody, WEBHOOK } from './webhook.ts';

const KEY = Buffer.from('0123456789abcdef0123456789abcdef');
const ACCOUNT = `AC${'0'.repeat(32)}`;
const byUrl = (url: string) => ({ config: {}, secrets: { url } });
const within = (text: string, chars: number) => assert.ok(text.length <= chars, `${text.length} > ${chars}`);
/** Whether a character stands there without a backslash before it. */
const isUnescaped = (text: string, char: string) => text.replace(/\\./gu, '').includes(char);

checkChannelKind({
  kind: WEBHOOK,
  fill: (url) => ({ config: {}, secrets: { url, signingKey: `whsec_${KEY.toString('base64')}`, headers: `X-Team: ${CANARY}` } }),
  read(request, type) {
    const { id, at } = sampleSending(type);
    const heads = signBody({ id, at }, request.body, KEY);
    for (const [name, value] of Object.entries(heads)) assert.equal(request.headers[name], value);
    assert.deepEqual([request.method, request.path, request.headers['x-team']], ['POST', `/${CANARY}`, CANARY]);
    const { data } = readJson(request) as { data: { link: string } };
    return { text: request.body, link: data.link };
  },
});
checkChannelKind({
  kind: SLACK,
  fill: byUrl,
  markup: /<b>|<!/u,
  read(request) {
    const json = readJson(request) as { text: string; attachments: { blocks: { text: { type: string; text: string } }[] }[] };
    const { type, text = '' } = json.attachments[0]?.blocks[0]?.text ?? {};
    assert.equal(type, 'mrkdwn');
    within(text, 3000);
    assert.doesNotMatch(`${json.text}${text.replace(/```[\s\S]*```/gu, '')}`, /(?<!\u200b)(?:\*x|_y|`z)/u);
    return { text, link: /<([^|<>]+)\|/u.exec(text)?.[1] };
  },
});
checkChannelKind({
  kind: DISCORD,
  fill: byUrl,
  waitBody: '{"message": "You are being rate limited.", "retry_after": 7.0, "global": false}',
  read(request) {
    const json = readJson(request) as { embeds: { title: string; description: string; url: string }[]; allowed_mentions: object };
    assert.deepEqual(json.allowed_mentions, { parse: [] });
    const { title = '', description = '', url } = json.embeds[0] ?? {};
    within(title, 256);
    within(description, 4096);
    const prose = description.replace(/```[\s\S]*```|\*\*[^*]*\*\*/gu, '');
    for (const char of ['*', '`', '[', '<']) assert.ok(!isUnescaped(prose, char), prose);
    return { text: `${title}\n${description}`.replace(/\\/gu, ''), link: url };
  },
});
checkChannelKind({
  kind: TELEGRAM,
  fill: (url) => ({ config: { chat: '-1001', server: url }, secrets: { token: `123456:${CANARY}` } }),
  waitBody: '{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}',
  markup: /<b>s3|<!channel/u,
  read(request) {
    assert.equal(request.path, `/${CANARY}/bot123456:${CANARY}/sendMessage`);
    const json = readJson(request) as { chat_id: string; text: string; parse_mode: string };
    assert.deepEqual([json.chat_id, json.parse_mode], ['-1001', 'HTML']);
    within(json.text, 4096);
    assert.equal(json.text.replace(/<\/?(?:b|pre)>|<a href="[^"<>]*">|<\/a>/gu, '').search(/[<>]/u), -1, json.text);
    return { text: json.text, link: /<a href="([^"]+)"/u.exec(json.text)?.[1] };
  },
});
checkChannelKind({
  kind: TEAMS,
  fill: byUrl,
  read(request) {
    assert.ok(Buffer.byteLength(request.body) < 28 * 1024);
    const json = readJson(request) as {
      type: string;
      attachments: { contentType: string; content: { type: string; body: unknown[]; actions: { url: string }[] } }[];
    };
    const [card] = json.attachments;
    assert.deepEqual(
      [json.type, card?.contentType, card?.content.type],
      ['message', 'application/vnd.microsoft.card.adaptive', 'AdaptiveCard'],
    );
    const text = JSON.stringify(card?.content.body);
    assert.doesNotMatch(text, /<b>|<at>|[^\\]\[a/u);
    return { text: text.replace(/\\/gu, ''), link: card?.content.actions[0]?.url };
  },
});
checkChannelKind({
  kind: NTFY,
  fill: (url) => ({ config: { topic: 'backup', server: url }, secrets: { token: `tk_${CANARY}` } }),
  read(request) {
    assert.deepEqual([request.path, request.headers.authorization], [`/${CANARY}`, `Bearer tk_${CANARY}`]);
    const json = readJson(request) as { topic: string; title: string; message: string; priority: number; click: string };
    assert.ok(json.topic === 'backup' && json.priority >= 1 && json.priority <= 5 && json.message !== '');
    assert.ok(Buffer.byteLength(json.message) <= 4096);
    within(json.title, 250);
    return { text: `${json.title}\n${json.message}`, link: json.click };
  },
});
checkChannelKind({
  kind: GOTIFY,
  fill: (url) => ({ config: { server: url }, secrets: { token: CANARY } }),
  read(request) {
    assert.deepEqual([request.path, request.headers['x-gotify-key']], [`/${CANARY}/message`, CANARY]);
    const json = readJson(request) as {
      title: string;
      message: string;
      priority: number;
      extras: Record<string, { contentType?: string; click?: { url: string } }>;
    };
    assert.ok(json.priority >= 0 && json.priority <= 10 && json.message !== '');
    assert.equal(json.extras['client::display']?.contentType, 'text/plain');
    return { text: `${json.title}\n${json.message}`, link: json.extras['client::notification']?.click?.url };
  },
});
checkChannelKind({
  kind: PUSHOVER,
  fill: (url) => ({ config: { server: url }, secrets: { token: CANARY, user: `u${CANARY}` } }),
  read(request) {
    assert.equal(request.path, `/${CANARY}/1/messages.json`);
    const json = readJson(request) as {
      token: string;
      user: string;
      title: string;
      message: string;
      priority: number;
      url: string;
    };
    assert.deepEqual([json.token, json.user], [CANARY, `u${CANARY}`]);
    within(json.title, 250);
    within(json.message, 1024);
    within(json.url, 512);
    assert.ok(json.message !== '' && json.priority >= -2 && json.priority < 2, 'priority 2 asks for more fields');
    return { text: `${json.title}\n${json.message}`, link: json.url };
  },
});
checkChannelKind({
  kind: PAGERDUTY,
  fill: (url) => ({ config: { server: url }, secrets: { routingKey: CANARY } }),
  read(request, type) {
    assert.equal(request.path, `/${CANARY}/v2/enqueue`);
    assert.ok(Buffer.byteLength(request.body) < 512 * 1024);
    const json = readJson(request) as {
      routing_key: string;
      event_action: string;
      dedup_key: string;
      payload?: { summary: string; source: string; severity: string };
      links?: { href: string }[];
    };
    const actions: Record<string, string> = { 'alert.acknowledged': 'acknowledge', 'alert.resolved': 'resolve' };
    assert.deepEqual([json.routing_key, json.event_action], [CANARY, actions[type] ?? 'trigger']);
    assert.equal(json.dedup_key, type === 'channel.test' ? 'msg_1' : 'alert_1');
    if (json.event_action === 'trigger') {
      within(json.payload?.summary ?? assert.fail(), 1024);
      assert.match(json.payload?.severity ?? '', /^(?:critical|error|warning|info)$/u);
    }
    return { text: request.body, link: json.links?.[0]?.href };
  },
});
checkChannelKind({
  kind: TWILIO,
  log: 'as fits',
  fill: (url) => ({ config: { account: ACCOUNT, from: '+15550100', to: '+15550101', server: url }, secrets: { token: CANARY } }),
  read(request) {
    assert.equal(request.path, `/${CANARY}/2010-04-01/Accounts/${ACCOUNT}/Messages.json`);
    assert.equal(request.headers.authorization, `Basic ${Buffer.from(`${ACCOUNT}:${CANARY}`).toString('base64')}`);
    const form = new URLSearchParams(request.body);
    assert.deepEqual([form.get('From'), form.get('To')], ['+15550100', '+15550101']);
    const text = form.get('Body') ?? '';
    within(text, 1600);
    return { text, link: text.split('\n').at(-1) };
  },
});
checkChannelKind({
  kind: APPRISE,
  fill: (url) => ({ config: { tag: 'ops' }, secrets: { url } }),
  read(request) {
    const json = readJson(request) as { title: string; body: string; type: string; format: string; tag: string };
    assert.deepEqual([json.format, json.tag], ['text', 'ops']);
    assert.match(json.type, /^(?:info|success|warning|failure)$/u);
    return { text: `${json.title}\n${json.body}`, link: json.body.split('\n').at(-1) };
  },
});
checkChannelKind({
  kind: HEALTHCHECKS,
  fill: byUrl,
  read(request, type) {
    const url = new URL(request.path, 'http://sink.example.test');
    const suffix =
      { 'run.started': '/start', 'run.succeeded': '', 'run.partial': '/fail', 'run.failed': '/fail' }[type as string] ?? '/log';
    assert.equal(url.pathname, `/${CANARY}${suffix}`);
    assert.equal(url.searchParams.get('rid'), type === 'channel.test' ? null : toRid('run_1'));
    assert.ok(Buffer.byteLength(request.body) < 100_000);
    return { text: request.body, link: request.body.split('\n').at(-1) };
  },
});
checkChannelKind({
  kind: PING,
  fill: (url) => ({ config: { everyMinutes: 5 }, secrets: { url } }),
  saysLittle: true,
  read(request) {
    assert.deepEqual([request.method, request.path, request.body], ['GET', `/${CANARY}`, '']);
    return { text: '' };
  },
});

describe('The kinds of channel', () => {
  it('each have a name of their own, and an interval where they tell of life', () => {
    assert.equal(new Set(CHANNEL_KINDS.map(({ kind }) => kind)).size, CHANNEL_KINDS.length);
    for (const { hears, everyMs } of CHANNEL_KINDS) assert.equal(everyMs !== undefined, hears.includes('server.alive'));
    assert.equal(PING.everyMs?.({ everyMinutes: 3 }), 180_000);
  });
});

describe('A monitor of a plan', () => {
  it('is given a UUID for a run, the same each time and another one for another run', () => {
    assert.match(toRid('run_1'), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u);
    assert.equal(toRid('run_1'), toRid('run_1'));
    assert.notEqual(toRid('run_1'), toRid('run_2'));
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

  it('refuses keys, headers and bodies that are none', () => {
    const url = 'https://hooks.example.com/x';
    for (const signingKey of ['whsec_kurz', 'whsec_!!!!', `whsec_${Buffer.alloc(65).toString('base64')}`])
      assert.throws(() => WEBHOOK.check({}, { url, signingKey }), { code: 'invalid' }, signingKey);
    for (const headers of [
      'no header',
      'Host: evil.example.test',
      'Content-Length: 0',
      'webhook-id: 1',
      'X: a\u0000b',
      `A: ${'x'.repeat(2001)}`,
    ])
      assert.throws(() => WEBHOOK.check({}, { url, headers }), { code: 'invalid' }, headers);
    for (const template of ['{"a": {{title}}}', '{"a": "{{nothing}}"}', '{{constructor}}', '{{ title | upper }}', '{'])
      assert.throws(() => WEBHOOK.check({ template }, { url }), { code: 'invalid' }, template);
    assert.equal(WEBHOOK.check({ template: '{"text": "{{title}}"}' }, { url, headers: 'A: b\nC: d' }), 'hooks.example.com');
  });
});
