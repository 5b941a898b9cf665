import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { getRules } from '../../../core/alerts/rule-settings.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addSource, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { NAVIGATION_SCREENS } from '../shell.ts';
import { ALERT_RULE_SCREENS } from './alert-rules.ts';

const HOUR = 3_600_000;
const RULES = '/settings/alert-rules';
let world: World;
let plan: string;
let repository: string;
let channel: string;

before(async () => {
  world = await createWorld([...NAVIGATION_SCREENS, ...ALERT_RULE_SCREENS]);
  const host = await addHost(world, { name: 'db-1', tags: ['laptop'] });
  const source = await addSource(world, { host: host.id, name: 'shop' });
  const kept = await addRepository(world);
  repository = kept.id;
  plan = (await addPlan(world, { name: MARKUP_NAME, repository: kept.id, sources: [source.id] })).id;
  const id = world.context.createId('channel');
  const at = { createdAt: NOW, updatedAt: NOW, version: 1, failures: 0 };
  await world.context.store.channels.insertChannel({
    ...{ id, tenant: host.tenant, name: 'chief', kind: 'webhook', config: {}, secrets: {}, enabled: true, ...at },
  });
  channel = id;
});
after(() => world.close());

const post = (path: string, form: Record<string, string | string[]>, role: 'admin' | 'viewer' = 'admin') =>
  world.ask('post', `${RULES}${path}`, { form, role });
const rules = () => getRules(world.context, createCaller());

describe('Rules of alerts', () => {
  it('are none at first, and say what holds then', async () => {
    const first = await world.read(RULES);
    const ids = [...first.matchAll(/ id="([^"]+)"/gu)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length, 'each field has an id of its own');
    const words = readWords(first);
    assert.match(words, /No maintenance window is on\./u);
    assert.match(words, /The same thresholds hold for everything\./u);
    assert.match(words, /Nobody else is told of alerts that nobody takes\./u);
  });

  it('give tags and plans thresholds of their own, and take them back', async () => {
    await post('/thresholds', {
      'rule-of': 'tag:laptop',
      'rule-failuresInARow': '3',
      'rule-silentMinutes': '1440',
      'rule-hostDiskGib': '0,5',
    });
    await post('/thresholds', { of: `plan:${plan}`, failuresInARow: '2' });
    const page = await world.read(RULES);
    assert.ok(!page.includes(MARKUP_NAME));
    assert.match(
      readWords(page),
      /hosts with the tag laptop 3 unclean in a row · silent for 1440 min · less than 0\.5 GiB left/u,
    );
    await post('/remove', { key: 'tag:laptop' });
    assert.deepEqual((await rules()).tags, []);
    assert.equal((await rules()).plans.length, 1);
  });

  it('set a limit to what a repository stores, another one in its place, and none again', async () => {
    await post('/repositories', { 'limit-of': repository, 'limit-storedGib': '800' });
    await post('/repositories', { 'limit-of': repository, 'limit-storedGib': '1500,5' });
    assert.deepEqual((await rules()).repositories, [{ repository, storedGib: 1500.5 }]);
    assert.match(readWords(await world.read(RULES, { role: 'viewer' })), /the repository .{1,40} more than 1500\.5 GiB stored/u);
    await post('/remove', { key: `repository:${repository}` });
    assert.deepEqual((await rules()).repositories, []);
  });

  it('have windows each week and once, by the clock of a zone, and say which is on', async () => {
    await post('/windows', {
      kind: 'weekly',
      name: 'patch day',
      of: 'all',
      days: ['5', '6'],
      from: '22:00',
      to: '04:00',
      zone: 'Europe/Berlin',
    });
    await post('/windows', { kind: 'once', name: 'move', of: 'tag:laptop', begins: '', hours: '2', zone: 'UTC' });
    await post('/windows', {
      kind: 'once',
      name: 'later',
      of: `plan:${plan}`,
      begins: '2026-11-21 22:00',
      hours: '1.5',
      zone: 'Europe/Berlin',
    });
    const { windows } = await rules();
    const later = windows.find(({ name }) => name === 'later');
    const begin = Date.UTC(2026, 10, 21, 21);
    assert.deepEqual(later?.kind === 'once' && [later.fromAt, later.toAt], [begin, begin + 1.5 * HOUR]);
    const words = readWords(await world.read(RULES));
    assert.match(words, /1.maintenance window is on\./u);
    assert.match(words, /patch day everything · 22:00 to 04:00 of the next day, Friday, Saturday \(Europe\/Berlin\)/u);
    await post('/remove', { key: 'window:1:move' });
    assert.deepEqual(
      (await rules()).windows.map(({ name }) => name),
      ['patch day', 'later'],
    );
  });

  it('escalate to a channel', async () => {
    await post('/escalation', { afterMinutes: '30', least: 'critical', channel });
    assert.match(readWords(await world.read(RULES)), /After 30 min: chief critical alerts/u);
  });

  it('that cannot be read come back with a word at the field, and nothing is changed', async () => {
    const before = await rules();
    const once = { kind: 'once', name: 'x', of: 'all', zone: 'UTC' };
    for (const [path, form, word] of [
      ['/thresholds', { of: '', failuresInARow: '1' }, /choose a tag or a plan/u],
      ['/thresholds', { of: 'tag:laptop' }, /one of the three is needed/u],
      ['/thresholds', { of: 'tag:laptop', silentMinutes: '1' }, /A host was silent for/u],
      ['/thresholds', { of: `plan:${plan}`, failuresInARow: '1', silentMinutes: '5' }, /choose a tag for the rest/u],
      ['/repositories', { of: '', storedGib: '1' }, /choose a repository/u],
      ['/repositories', { of: repository, storedGib: '' }, /is needed/u],
      ['/repositories', { of: repository, storedGib: '0' }, /More stored than/u],
      ['/windows', { ...once, begins: 'tomorrow', hours: '1' }, /must be a time such as/u],
      ['/windows', { ...once, hours: '900' }, /within 31 days/u],
      ['/windows', { ...once, name: '', hours: '1' }, /is needed/u],
      ['/windows', { ...once, hours: '1', zone: 'Mars/Base' }, /time zone/u],
      [
        '/windows',
        { kind: 'weekly', name: 'x', of: 'all', from: '25:00', to: '01:00', days: ['1'], zone: 'UTC' },
        /must be a time such as/u,
      ],
      ['/escalation', { afterMinutes: '0', least: 'critical', channel }, /After/u],
      ['/escalation', { afterMinutes: '5', least: 'critical', channel: 'x' }, /choose a channel/u],
    ] as const) {
      const reply = await post(path, form as Record<string, string>);
      assert.ok(reply.kind === 'page' && reply.status === 422, `${path} ${JSON.stringify(form)}`);
      assert.match(readWords(reply.html.toString()), word);
    }
    assert.deepEqual(await rules(), before);
  });

  it('are read by everybody and changed by administrators', async () => {
    assert.doesNotMatch(await world.read(RULES, { role: 'viewer' }), /<form[^>]+alert-rules/u);
    for (const path of ['/thresholds', '/repositories', '/windows', '/escalation', '/remove'])
      await assert.rejects(post(path, {}, 'viewer'), { code: 'forbidden' });
  });
});
