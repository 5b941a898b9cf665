import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { type ChannelId, DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { createAlertWatch } from '../../../core/alerts/watch.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import type { ChannelDoor } from '../../../notify/channel.ts';
import { createDeliverer, type Deliverer } from '../../../notify/deliverer.ts';
import { type HttpSink, startHttpSink } from '../../../notify/fixtures/http-sink.ts';
import { createGuardedHttp } from '../../../notify/guarded-http.ts';
import type { Alert, AlertSign } from '../../../store/alerts.ts';
import { BULK_SCREENS } from '../bulk/bulk.ts';
import { createChannelFormScreens } from '../channels/channel-form.ts';
import { createChannelScreens } from '../channels/channels.ts';
import { createDeliveryScreens } from '../channels/delivery-page.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { NAVIGATION_SCREENS } from '../shell.ts';
import { ALERT_PAGE_SCREENS } from './alert-page.ts';
import { ALERT_SCREENS } from './alerts.ts';

const MINUTE = 60_000;
const CANARY = 'canary-in-the-address';

let world: World;
let sink: HttpSink;
let deliverer: Deliverer;
let freeBytes = 1;
let look: () => Promise<void>;

before(async () => {
  sink = await startHttpSink();
  const door: ChannelDoor = { kinds: CHANNEL_KINDS, sendTest: (channel) => deliverer.sendTest(channel) };
  world = await createWorld([
    ...NAVIGATION_SCREENS,
    ...BULK_SCREENS,
    ...ALERT_SCREENS,
    ...ALERT_PAGE_SCREENS,
    ...createChannelFormScreens(door),
    ...createChannelScreens(door),
    ...createDeliveryScreens(door),
  ]);
  const { context } = world;
  const http = createGuardedHttp({ allowedCidrs: ['127.0.0.0/8'] });
  deliverer = createDeliverer({
    context,
    kinds: CHANNEL_KINDS,
    http,
    randomBytes: systemRandomBytes,
    isHealthy: async () => true,
  });
  const watch = createAlertWatch(context, {
    serverVersion: '0.1.0',
    measureServer: async () => ({ freeBytes }),
    linkAlert: ({ id }) => `https://backup.example.test/alerts/${id}`,
    listensToAlerts: (kind) => kind === 'webhook',
  });
  look = () => watch.runRound();
});
after(async () => {
  await world.close();
  await sink.close();
});

const find = async (condition: string) => {
  const page = await world.context.store.alerts.listAlerts(DEFAULT_TENANT, {}, world.clock.now(), { limit: 50 });
  return page.rows.find((alert) => alert.condition === condition) ?? assert.fail(`no alert ${condition}`);
};

async function addChannel(form: Record<string, string | string[]>): Promise<string> {
  const reply = await world.ask('post', '/settings/channels/new?kind=webhook', { form });
  assert.ok(reply.kind === 'redirect', JSON.stringify(reply).slice(0, 500));
  return reply.to;
}

describe('Alerts before anything happened', () => {
  it('are none, and the page says that nobody would be told', async () => {
    const page = await world.read('/alerts');
    assert.match(readWords(page), /No alert needs a person\./u);
    assert.match(readWords(page), /Nothing is wrong that this server knows of\./u);
    assert.match(readWords(page), /no channel tells anybody of them\. Add a channel/u);
    assert.match(readWords(await world.read('/alerts?severity=critical')), /No alert fits these filters\./u);
    assert.match(readWords(await world.read('/alerts?state=resolved')), /No alert has been resolved yet\./u);
    assert.doesNotMatch(await world.read('/alerts', { role: 'operator' }), /Add a channel/u);
  });
});

describe('Channels', () => {
  it('are chosen by kind, made with their fields, tested, switched off and deleted', async () => {
    assert.match(readWords(await world.read('/settings/channels/new')), /Email .* Webhook .* Sign of life/u);
    for (const { kind, label } of CHANNEL_KINDS)
      assert.ok((await world.read(`/settings/channels/new?kind=${kind}`)).includes(label), kind);
    const wrong = await world.ask('post', '/settings/channels/new?kind=webhook', {
      form: { name: 'x', 'secret-url': 'ftp://x' },
    });
    assert.ok(wrong.kind === 'page' && wrong.status === 422);
    assert.match(wrong.html.toString(), /must begin with https:\/\/ or http:\/\//u);
    const path = await addChannel({ name: MARKUP_NAME, 'secret-url': `${sink.url}/${CANARY}`, 'sub-least': 'warning' });
    const page = await world.read(path);
    assert.ok(!page.includes(CANARY) && !page.includes(MARKUP_NAME));
    assert.match(readWords(page), /warnings and critical alerts/u);
    assert.ok(!(await world.read(`${path}/edit`)).includes(CANARY));
    const tested = await world.ask('post', `${path}/test`);
    assert.ok(tested.kind === 'redirect' && tested.flash?.text === 'The test was taken: answered 204.');
    sink.answer = 500;
    const failed = await world.ask('post', `${path}/test`);
    assert.ok(failed.kind === 'redirect' && failed.flash?.tone === 'bad');
    assert.equal(failed.flash?.text, 'It did not work: it answered 500.');
    assert.match(readWords(await world.read(path)), /Its last attempt failed/u);
    assert.match(readWords(await world.read('/settings/channels')), /1.channel of 1 does not deliver\./u);
    const listed = [...(await world.read(path)).matchAll(/href="([^"]+\/messages\/[^"]+)"/gu)].map(([, href = '']) => href);
    const [message = assert.fail('no message is listed')] = listed;
    const words = await Promise.all([...new Set(listed)].map(async (href) => readWords(await world.read(href))));
    assert.ok(
      words.some((text) => /This message was given up\. .* failed it answered 500/u.test(text)),
      words.join('\n'),
    );
    assert.ok(words.some((text) => /This message was taken\. .* taken answered 204/u.test(text)));
    await assert.rejects(world.ask('get', message.replace(/chan_\w+/u, `chan_${'0'.repeat(26)}`)), { code: 'not_found' });
    await world.ask('post', `${path}/switch`);
    assert.match(readWords(await world.read('/settings/channels')), /Nobody is told of alerts\./u);
    const gone = await world.ask('post', `${path}/delete`);
    assert.equal(gone.kind === 'redirect' && gone.to, '/settings/channels');
    await assert.rejects(world.ask('get', path), { code: 'not_found' });
  });

  it('say what was not delivered although they work again, until a person sends it again or dismisses it', async () => {
    const path = await addChannel({ name: 'pager', 'secret-url': sink.url, 'sub-least': 'critical' });
    const { store, createId } = world.context;
    const channel = path.slice(path.lastIndexOf('/') + 1) as ChannelId;
    for (const topic of ['one', 'two']) {
      const id = createId('delivery');
      await store.channels.insertDelivery(DEFAULT_TENANT, { id, channel, topic, kind: 'alert.raised', body: '{}' }, NOW);
      const attempt = { delivery: id, at: NOW, tookMs: 1, ok: false, text: 'it answered 500' };
      await store.channels.recordAttempt(DEFAULT_TENANT, attempt, { state: 'given_up', dueAt: NOW });
    }
    assert.match(readWords(await world.read('/settings/channels')), /pager 2 not delivered/u);
    const page = await world.read(path);
    assert.match(readWords(page), /2.messages were not delivered\. Send again Dismiss/u);
    const seen = await world.read(path, { role: 'viewer' });
    assert.ok(readWords(seen).includes('were not delivered') && !seen.includes('/undelivered/'));
    await assert.rejects(world.ask('post', `${path}/undelivered/dismiss`, { role: 'operator' }), { code: 'forbidden' });
    for (const said of [/2.messages dismissed\./u, /Nothing is left to dismiss\./u]) {
      const done = await world.ask('post', `${path}/undelivered/dismiss`);
      assert.ok(done.kind === 'redirect' && done.to === path);
      assert.match(done.flash?.text ?? '', said);
    }
    assert.doesNotMatch(readWords(await world.read(path)), /not delivered/u);
    await world.ask('post', `${path}/delete`);
  });

  it('are told of what is chosen for them, and of nothing that does not exist', async () => {
    const chosen = { 'sub-least': 'none', 'sub-runs': ['failed', 'never'], 'sub-digests': 'weekly', 'sub-tags': 'shop, eu' };
    const path = await addChannel({ name: 'team', 'secret-url': `${sink.url}/x`, ...chosen });
    assert.match(readWords(await world.read(path)), /Alerts no alerts Backups failed Digests weekly Only of tags shop, eu/u);
    const wrong = await world.ask('post', `${path}/edit`, { form: { name: 'team', 'sub-tags': '<b>' } });
    assert.ok(wrong.kind === 'page' && wrong.status === 422);
    assert.match(wrong.html.toString(), /may hold letters, digits/u);
    await world.ask('post', `${path}/delete`);
  });

  it('tell digests at an hour of a zone that administrators choose', async () => {
    const form = { 'digest-hour': '7', 'digest-weekday': '5', 'digest-zone': 'Europe/Berlin' };
    assert.equal((await world.ask('post', '/settings/channels/digest', { form })).kind, 'redirect');
    assert.match(readWords(await world.read('/settings/channels', { role: 'viewer' })), /07:00 Europe\/Berlin .* Friday/u);
    for (const change of [{ 'digest-zone': 'Nowhere/Land' }, { 'digest-hour': '24' }, { 'digest-weekday': 'x' }]) {
      const wrong = await world.ask('post', '/settings/channels/digest', { form: { ...form, ...change } });
      assert.ok(wrong.kind === 'page' && wrong.status === 422, JSON.stringify(change));
    }
    await assert.rejects(world.ask('post', '/settings/channels/digest', { role: 'operator', form }), { code: 'forbidden' });
  });

  it('are read by everybody and changed by administrators', async () => {
    const path = await addChannel({ name: 'on-call', 'secret-url': `${sink.url}/x` });
    for (const role of ['viewer', 'operator'] as const) {
      assert.doesNotMatch(await world.read('/settings/channels', { role }), /Add channel|<form[^>]+thresholds/u);
      assert.doesNotMatch(await world.read(path, { role }), /Send a test|Delete/u);
      for (const act of ['test', 'switch', 'delete', 'edit'])
        await assert.rejects(world.ask('post', `${path}/${act}`, { role, form: {} }), { code: 'forbidden' }, act);
      await assert.rejects(world.ask('post', '/settings/channels/thresholds', { role, form: {} }), { code: 'forbidden' });
    }
  });

  it('say from when on something is an alert', async () => {
    const form = { failuresInARow: '3', silentMinutes: '10', hostDiskGib: '0.5', serverDiskGib: '2', certificateDays: '21' };
    const wrong = await world.ask('post', '/settings/channels/thresholds', { form: { ...form, failuresInARow: 'often' } });
    assert.ok(wrong.kind === 'page' && wrong.status === 422);
    assert.equal((await world.ask('post', '/settings/channels/thresholds', { form })).kind, 'redirect');
    assert.match(await world.read('/settings/channels'), /value="0\.5"/u);
    const usual = { ...form, failuresInARow: '1', silentMinutes: '2' };
    await world.ask('post', '/settings/channels/thresholds', { form: usual });
  });
});

describe('Alerts', () => {
  before(async () => {
    const host = await addHost(world, { name: MARKUP_NAME });
    const source = await addSource(world, { host: host.id, name: 'shop' });
    const repository = await addRepository(world);
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
    const about = { host: host.id, plan: plan.id, repository: repository.id, source: source.id };
    await addRun(world, { ...about, at: NOW - 60 * MINUTE });
    await addRun(world, { ...about, at: NOW - 30 * MINUTE, state: 'failed', message: MARKUP_NAME });
    await look();
  });

  it('stand on the page gravest first, with what hosts say as text, and are counted in the side bar', async () => {
    const page = await world.read('/alerts');
    assert.ok(!page.includes(MARKUP_NAME));
    assert.match(readWords(page), /2.alerts need a person\. 2 critical/u);
    assert.match(readWords(await world.read('/navigation')), /Alerts 2 alerts need a person/u);
    assert.match(await world.read('/alerts', { part: 'alerts-answer' }), /^<div id="alerts-answer"/u);
    assert.doesNotMatch(readWords(await world.read('/alerts?condition=backup.failed')), /little disk/u);
  });

  it('show what is wrong, since when, the last clean backup, and who was told', async () => {
    const { id } = await find('backup.failed');
    const page = await world.read(`/alerts/${id}`);
    assert.ok(!page.includes(MARKUP_NAME));
    const words = readWords(page);
    assert.match(words, /Since 28.min ago/u);
    assert.match(words, /Last clean backup 59.min ago/u);
    assert.match(words, /History raised/u);
    assert.match(words, /Messages waiting on-call/u);
    assert.match(page, /href="\/runs\/run_/u);
    await assert.rejects(world.ask('get', '/alerts/alert_nothing'), { code: 'not_found' });
  });

  it('are acknowledged, snoozed and opened again by operators, and only read by viewers', async () => {
    const { id } = await find('server.disk_low');
    const viewer = { role: 'viewer' as const };
    assert.doesNotMatch(await world.read('/alerts', viewer), /acknowledge"/u);
    assert.doesNotMatch(await world.read(`/alerts/${id}`, viewer), /acknowledge"|Snooze for/u);
    for (const act of ['acknowledge', 'snooze', 'reopen'])
      await assert.rejects(world.ask('post', `/alerts/${id}/${act}`, { ...viewer, form: { hours: '1' } }), { code: 'forbidden' });
    const role = 'operator' as const;
    await world.ask('post', `/alerts/${id}/acknowledge`, { role });
    assert.match(readWords(await world.read('/alerts')), /1.alert needs a person\. 1 critical · 1 acknowledged/u);
    assert.match(readWords(await world.read(`/alerts/${id}`)), /ada sees to it/u);
    const never = await world.ask('post', `/alerts/${id}/snooze`, { role, form: { hours: '9999' } });
    assert.ok(never.kind === 'redirect' && never.flash?.tone === 'bad');
    await world.ask('post', `/alerts/${id}/snooze`, { role, form: { hours: '8' } });
    assert.match(readWords(await world.read('/alerts?state=snoozed')), /snoozed until .*18:00/u);
    await world.ask('post', `/alerts/${id}/reopen`, { role });
    assert.match(readWords(await world.read('/alerts')), /2.alerts need a person\./u);
  });

  it('are searched by what they say, and dealt with many at a time', async () => {
    assert.doesNotMatch(readWords(await world.read('/alerts?q=LITTLE+disk')), /backup of/u);
    assert.match(readWords(await world.read('/alerts?q=nowhere')), /No alert fits these filters\./u);
    assert.doesNotMatch(await world.read('/alerts', { role: 'viewer' }), /bulk-bar|name="ids"/u);
    const page = await world.read('/alerts');
    assert.equal([...page.matchAll(/form="alerts-acts"\s+name="ids"/gu)].length, 2);
    const [low, failed] = [await find('server.disk_low'), await find('backup.failed')];
    const act = async (form: Record<string, string>) => {
      const reply = await world.ask('post', '/alerts/acts', { role: 'operator', form: { back: '/alerts', ...form } });
      return readWords(reply.kind === 'page' ? reply.html.toString() : assert.fail('no page'));
    };
    assert.match(await act({ act: 'acknowledge', all: 'true', back: '/alerts?q=disk' }), /Acknowledge 1 alert\? .*little disk/u);
    const gone = `alert_${'0'.repeat(26)}`;
    const chosen = { chosen: `${low.id},${failed.id},${gone}`, confirm: 'yes' };
    assert.match(await act({ act: 'acknowledge', ...chosen }), /2 done, 1 not done\. .*you see to it/u);
    assert.match(await act({ act: 'acknowledge', ...chosen }), /2 as before, 1 not done\. .*ada sees to it already/u);
    assert.match(await act({ act: 'snooze', chosen: low.id }), /Snooze for .*a week/u);
    assert.match(await act({ act: 'snooze', hours: '9999', chosen: low.id, confirm: 'yes' }), /Choose how long\./u);
    assert.match(await act({ act: 'snooze', hours: '24', chosen: low.id, confirm: 'yes' }), /1 done\./u);
    assert.match(readWords(await world.read('/alerts')), /No alert needs a person\. 1 acknowledged · 1 snoozed/u);
    assert.match(await act({ act: 'reopen', ...chosen }), /2 done, 1 not done\./u);
    assert.match(readWords(await world.read('/alerts')), /2.alerts need a person\./u);
    const refused = world.ask('post', '/alerts/acts', { role: 'viewer', form: { act: 'reopen', ...chosen } });
    await assert.rejects(refused, { code: 'forbidden' });
  });

  it('are ordered by the heads of their columns, as long as they are not over', async () => {
    const order = async (query: string) => {
      const page = await world.read(`/alerts?${query}`);
      return ['little disk left', 'backup of'].toSorted((a, b) => page.indexOf(a) - page.indexOf(b));
    };
    assert.deepEqual(await order('sort=title'), ['backup of', 'little disk left'], 'The backup … before This server …');
    assert.deepEqual(await order('sort=title&order=desc'), ['little disk left', 'backup of']);
    const page = await world.read('/alerts?q=the&sort=title');
    assert.match(page, /aria-sort="ascending"><a[^>]+href="\/alerts\?q=the&amp;sort=title&amp;order=desc"/u);
    assert.match(
      page,
      /<input type="hidden"[^>]*name="sort"[^>]*value="title"|<input type="hidden"[^>]*value="title"[^>]*name="sort"/u,
    );
    assert.doesNotMatch(await world.read('/alerts?state=resolved'), /aria-sort|class="sort/u);
  });

  it('about many lead to each of them, page by page', async () => {
    const { context } = world;
    const thing = { kind: 'repository' as const, id: context.createId('repository') };
    const { alerts } = context.store;
    const ids = Array.from({ length: 60 }, () => context.createId('source'));
    for (const [index, id] of ids.entries()) {
      const sign: AlertSign = {
        ...{ scope: 'source', scopeId: id, subject: `${id} plan_1`, condition: 'repository.full', thing },
        ...{ name: `db-1 / shop ${index}`, text: 'no room', since: NOW + index },
      };
      await alerts.replaceSigns(DEFAULT_TENANT, { scope: 'source', ids: [id] }, [sign], NOW);
    }
    const alert: Alert = {
      ...{ id: context.createId('alert'), tenant: DEFAULT_TENANT, condition: 'repository.full', severity: 'critical', thing },
      ...{
        thingName: 's3',
        title: 'It is full',
        text: 'no room',
        members: 60,
        named: [],
        since: NOW,
        raisedAt: NOW,
        settledAt: NOW,
      },
      ...{ flaps: 0, version: 1 },
    };
    await alerts.applyStep({ alert, isNew: true, deliveries: [], at: NOW });
    const page = await world.read(`/alerts/${alert.id}`);
    assert.match(readWords(page), /It holds for 60 .*50 of 60 shown Previous Next/u);
    assert.match(page, new RegExp(`href="/sources/${ids[0]}">db-1 / shop 0<`, 'u'));
    const next = /rel="next" href="([^"]+)"/u.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? assert.fail('no next page');
    const last = await world.read(next);
    assert.match(readWords(last), /shop 59 .*10 of 60 shown/u);
    assert.ok(last.includes(`data-live-get="${next}"`), 'a live update stays on its page');
    await alerts.applyStep({ alert: { ...alert, resolvedAt: NOW }, isNew: false, deliveries: [], at: NOW });
    await alerts.replaceSigns(DEFAULT_TENANT, { scope: 'source', ids }, [], NOW);
  });

  it('that are over are found among the past ones, with their history, and nothing more is to be done', async () => {
    const { id } = await find('server.disk_low');
    freeBytes = 1e12;
    await look();
    assert.match(readWords(await world.read('/alerts?state=resolved')), /resolved This server has little disk left/u);
    const words = readWords(await world.read(`/alerts/${id}`));
    assert.match(words, /resolved .* opened again by ada .* snoozed by ada .* acknowledged by ada .* raised/u);
    assert.doesNotMatch(words, /Acknowledge |Snooze for/u);
    const late = await world.ask('post', `/alerts/${id}/acknowledge`);
    assert.ok(late.kind === 'redirect' && late.flash?.tone === 'bad');
  });
});
