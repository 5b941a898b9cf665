import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type PlanId, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import { getRules } from '../../../core/alerts/rule-settings.ts';
import { readSubscription } from '../../../core/alerts/subscription.ts';
import { getObjectives } from '../../../core/protection/objective-settings.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Source } from '../../../store/sources.ts';
import { ALERT_RULE_SCREENS } from '../alerts/alert-rules.ts';
import { createChannelFormScreens } from '../channels/channel-form.ts';
import { DRILL_SCREENS } from '../drills/drills.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { ADD_HOST_SCREENS } from '../hosts/host-add.ts';
import { OBJECTIVE_SCREENS } from '../objectives/objectives.ts';
import { createPlanScreens } from '../plans/plans.ts';
import { REPOSITORY_ACT_SCREENS } from '../repositories/repository-acts.ts';
import { REPOSITORY_PAGE_SCREENS } from '../repositories/repository-page.ts';
import { STORED_SNAPSHOT_SCREENS } from '../repositories/stored-snapshot.ts';
import { SNAPSHOT_SCREENS } from '../snapshots/snapshot.ts';
import { SNAPSHOT_ACT_SCREENS } from '../snapshots/snapshot-acts.ts';
import { SOURCE_DRILL_SCREENS } from '../sources/source-drills.ts';

/** As many of each kind as a select offers, and one behind all of them by its name. */
const MANY = HTTP.pageSizeMax;
let world: World;
let first: Host;
let spare: Host;
let shop: Source;
let last: Source;
let repository: Repository;
let zurich: Repository;
let nightly: Plan;
let zulu: Plan;
let zebra: Plan;
let snapshot: SnapshotId;

before(async () => {
  const door = { kinds: CHANNEL_KINDS, sendTest: async () => 'sent' };
  world = await createWorld([
    ...REPOSITORY_PAGE_SCREENS,
    ...REPOSITORY_ACT_SCREENS,
    ...SNAPSHOT_SCREENS,
    ...SNAPSHOT_ACT_SCREENS,
    ...SOURCE_DRILL_SCREENS,
    ...DRILL_SCREENS,
    ...ALERT_RULE_SCREENS,
    ...OBJECTIVE_SCREENS,
    ...createChannelFormScreens(door),
    ...ADD_HOST_SCREENS,
    ...STORED_SNAPSHOT_SCREENS,
    ...createPlanScreens(calendar, CHANNEL_KINDS),
  ]);
  const facts = { capabilities: [...AGENT_CAPABILITIES] };
  first = await addHost(world, { name: 'db-1', facts });
  shop = await addSource(world, { host: first.id, name: 'shop' });
  repository = await addRepository(world, { testedFrom: first.id });
  const sources = [shop.id];
  for (let n = 0; n < MANY; n += 1) {
    const host = await addHost(world, { name: `host-${n}`, facts });
    sources.push((await addSource(world, { host: host.id, name: 'far' })).id);
    await addSource(world, { host: first.id, name: `part-${n}` });
    await addRepository(world, { name: `bucket-${n}` });
  }
  spare = await addHost(world, { name: 'zz-spare', facts });
  sources.push((await addSource(world, { host: spare.id, name: 'far' })).id);
  last = await addSource(world, { host: first.id, name: 'zz-last' });
  zurich = await addRepository(world, { name: 'zurich' });
  nightly = await addPlan(world, { name: 'nightly', repository: repository.id, sources });
  for (let n = 0; n < MANY; n += 1) await addPlan(world, { name: `job-${n}`, repository: repository.id, sources: [shop.id] });
  zebra = await addPlan(world, { name: 'zebra', repository: repository.id, sources: [shop.id] });
  zulu = await addPlan(world, { name: 'zulu', repository: repository.id, sources: [shop.id] });
  await addRun(world, {
    ...{ host: first.id, plan: nightly.id, repository: repository.id, source: shop.id, at: NOW - HOUR_MS },
  });
  const made = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: shop.id }, { limit: 1 });
  snapshot = made.rows[0]?.id ?? assert.fail('no snapshot');
});
after(() => world.close());

type Form = Record<string, string | string[]>;

async function post(address: string, form: Form): Promise<string> {
  const reply = await world.ask('post', address, { form });
  if (reply.kind !== 'page') return assert.fail(`${address} answers with a ${reply.kind}`);
  assert.equal(reply.status ?? 200, 200, 'a search is no mistake');
  return reply.html.toString();
}

/** What a search that follows the typing gets: the field alone. */
async function follow(address: string, field: string, form: Form): Promise<string> {
  const part = await world.read(address, { form: { ...form, act: 'find' }, part: `f-${field}-part` });
  assert.match(part, new RegExp(`^<input type="hidden" hx-swap-oob="outerHTML"\\s+id="f-found-${field}"`, 'u'));
  assert.match(part, new RegExp(` id="f-${field}-part"`, 'u'));
  assert.ok(!part.includes('<form'), 'nothing but the field');
  return part;
}

function readSelect(page: string, name: string): string {
  return new RegExp(`<select[^>]* name="${name}"[^>]*>(.*?)</select>`, 's').exec(page)?.[1] ?? assert.fail(name);
}

const readChosen = (page: string, name: string): string | undefined =>
  /<option[^>]* selected[^>]*>([^<]*)</.exec(readSelect(page, name))?.[1];

/** The button of a search is sent to the address that its typing is. */
function assertSearch(page: string, field: string, action: string): void {
  const path = action.replaceAll('?', '\\?');
  assert.match(page, new RegExp(`<input[^>]* hx-post="${path}"[^>]* id="f-find-${field}"`, 'u'), field);
  assert.match(page, new RegExp(`<button[^>]* formaction="${path}" hx-post="${path}" hx-target="#f-${field}-part"`, 'u'), field);
}

const countRuns = async () => (await world.context.store.runs.listRuns(DEFAULT_TENANT, {}, { limit: 50 })).rows.length;

describe('The page of a repository, where there are more hosts than a select offers', () => {
  const at = (act = '') => `/repositories/${repository.id}${act}`;

  it('has a search of its own for each act, which a live update leaves alone, and no id twice', async () => {
    const page = await world.read(at());
    const ids = [...page.matchAll(/ id="([^"]+)"/gu)].map(([, id]) => id);
    assert.deepEqual(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      [],
    );
    for (const act of ['test', 'check', 'prune']) {
      assertSearch(page, `${act}-host`, at(`/${act}`));
      assert.match(page, new RegExp(`<div class="fields" id="${act}-host-choice" hx-morph-skip>`, 'u'));
      assert.equal(readChosen(page, `${act}-host`), 'db-1');
      assert.ok(!readSelect(page, `${act}-host`).includes('zz-spare'));
    }
  });

  it('finds a host for the check and for the prune, keeps what was chosen, and starts nothing', async () => {
    const typed = { scope: 'everything', 'check-host': first.id, 'find-check-host': 'SPARE' };
    for (const sent of [{ act: 'find' }, { 'found-check-host': '' }]) {
      const page = await post(at('/check'), { ...typed, ...sent });
      assert.match(readSelect(page, 'check-host'), /zz-spare/u);
      assert.ok(!readSelect(page, 'test-host').includes('zz-spare'), 'the other acts are not searched');
      assert.deepEqual([readChosen(page, 'check-host'), readChosen(page, 'scope')?.slice(0, 10)], ['db-1', 'Everything']);
    }
    const question = await post(at('/prune'), { 'prune-host': spare.id, 'find-prune-host': 'host-7', act: 'find' });
    assert.match(readWords(question), /Prune s3-eu\? .*Data that no snapshot needs any more is removed/u);
    assert.match(question, new RegExp(`<form[^>]* action="${at('/prune')}"`, 'u'));
    assert.equal(readChosen(question, 'prune-host'), 'zz-spare');
    assert.match(readSelect(question, 'prune-host'), />host-77</u);
    const part = await follow(at('/prune'), 'prune-host', { 'prune-host': first.id, 'find-prune-host': 'spare' });
    assert.match(readSelect(part, 'prune-host'), /zz-spare/u);
    assert.equal(await countRuns(), 1);
    const refused = world.ask('post', at('/prune'), { form: { act: 'find', 'find-prune-host': 'x' }, role: 'viewer' });
    await assert.rejects(refused, { code: 'forbidden' });
  });

  it('finds a host for the test and asks none by that; what was found is asked when the test is', async () => {
    const form = { 'test-host': first.id, 'find-test-host': 'spare' };
    assert.match(readSelect(await post(at('/test'), { ...form, act: 'find' }), 'test-host'), /zz-spare/u);
    assert.match(await follow(at('/test'), 'test-host', form), /zz-spare/u);
    const early = await world.read(at('/test'), { form: { ...form, 'found-test-host': '' }, part: 'test-result' });
    assert.match(readWords(early), /Nothing was asked: a search was typed\./u);
    assert.deepEqual(world.directory.calls, []);
    await world.read(at('/test'), {
      form: { ...form, 'test-host': spare.id, 'found-test-host': 'spare' },
      part: 'test-result',
    });
    assert.deepEqual(
      world.directory.calls.map(({ host, type }) => [host, type]),
      [[spare.id, 'repository.test']],
    );
    world.directory.calls.length = 0;
  });

  it('finds another repository to cut files after, and creates none by that', async () => {
    const fresh = await addRepository(world, { name: 'fresh', engineId: undefined });
    const address = `/repositories/${fresh.id}/init`;
    const page = await world.read(`/repositories/${fresh.id}?missing=${spare.id}`);
    assertSearch(page, 'like', address);
    assert.equal(readChosen(page, 'test-host'), 'zz-spare');
    const form = { host: spare.id, 'find-like': 'zur' };
    const found = await post(address, { ...form, act: 'find', like: repository.id });
    assert.match(readSelect(found, 'like'), /zurich/u);
    assert.equal(readChosen(found, 'like'), 's3-eu');
    assert.match(found, new RegExp(`name="host" value="${spare.id}"`, 'u'));
    assert.match(await follow(address, 'like', form), /zurich/u);
    assert.deepEqual(world.directory.calls, []);
  });
});

describe('What is done with a snapshot, where there are more repositories and hosts than a select offers', () => {
  const acts = (act: string) => `/snapshots/acts?act=${act}`;

  it('finds the repository that a copy goes to, and copies nothing by that', async () => {
    const page = await world.read(`/snapshots/${snapshot}`);
    assertSearch(page, 'repository', acts('copy'));
    assert.ok(!readSelect(page, 'repository').includes('zurich'));
    assert.equal(readChosen(page, 'repository'), 'Choose…', 'none is chosen that nobody chose');
    const form = { snapshots: snapshot, repository: zurich.id, 'find-repository': 'bucket-17' };
    for (const sent of [{ act: ['copy', 'find'] }, { act: 'copy', 'found-repository': '' }]) {
      const question = await post('/snapshots/acts', { ...form, ...sent });
      assert.match(readWords(question), /Copy this snapshot to another repository\? .*from s3-eu/u);
      assert.equal(readChosen(question, 'repository'), 'zurich');
      assert.match(readSelect(question, 'repository'), />bucket-17</u);
      assert.match(question, new RegExp(`name="snapshots" value="${snapshot}"`, 'u'));
    }
    const part = await follow(acts('copy'), 'repository', form);
    assert.ok(part.includes('bucket-17') && !part.includes('bucket-2'));
    assert.equal(await countRuns(), 1);
  });

  it('finds the host that reads or copies, or deletes, and what was typed and ticked stays', async () => {
    world.directory.online.delete(first.id);
    const asked = await post('/snapshots/acts', { act: 'verify', snapshots: snapshot });
    assertSearch(asked, 'host', acts('verify'));
    const form = { snapshots: snapshot, host: 'any', 'find-host': 'spare' };
    const verify = await post('/snapshots/acts', { ...form, act: ['verify', 'find'] });
    assert.match(readSelect(verify, 'host'), /zz-spare/u);
    assert.match(await follow(acts('verify'), 'host', form), /zz-spare/u);
    const removal = { ...form, act: ['delete', 'find'], confirm: 'delete 1', host: spare.id };
    const deletion = await post('/snapshots/acts', removal);
    assert.match(deletion, /name="confirm"[^>]*value="delete 1"|value="delete 1"[^>]*name="confirm"/u);
    assert.equal(readChosen(deletion, 'host'), 'zz-spare');
    assert.match(await follow(acts('delete'), 'host', form), /zz-spare/u);
    world.directory.online.add(first.id);
    assert.equal(await countRuns(), 1);
  });
});

describe('Forms of drills, alert rules, objectives, channels and tokens, where there are more choices than a select offers', () => {
  it('find the server that drills restore into, for the settings and for one drill, and neither save nor start', async () => {
    const settings = `/sources/${shop.id}/drills`;
    const drill = `/sources/${shop.id}/drill`;
    const page = await world.read(settings);
    assertSearch(page, 'server', settings);
    assertSearch(page, 'now-server', drill);
    assert.equal(readChosen(page, 'now-server'), 'Choose…');
    const typed = { everyDays: '9', host: 'own', server: last.id, 'find-server': 'spare' };
    const found = await post(settings, { ...typed, act: 'find' });
    assert.match(readSelect(found, 'server'), /far on zz-spare/u);
    assert.deepEqual([readChosen(found, 'server')?.slice(0, 7), /value="9"/u.test(found)], ['zz-last', true]);
    assert.match(await follow(settings, 'server', typed), /far on zz-spare/u);
    for (const sent of [{ act: 'find' }, { 'found-now-server': '' }]) {
      const now = await post(drill, { 'find-now-server': 'zz', ...sent });
      assert.match(readSelect(now, 'now-server'), /zz-last/u);
    }
    assert.match(await follow(drill, 'now-server', { 'find-now-server': 'zz' }), /zz-last/u);
    const none = await world.ask('post', drill, { form: { 'now-server': '' } });
    assert.match(none.kind === 'redirect' ? (none.flash?.text ?? '') : '', /^choose the server/u);
    assert.equal(await world.context.store.drills.findDrillSettings(DEFAULT_TENANT, shop.id), undefined);
    assert.equal(await countRuns(), 1);
  });

  it('keep the host that was chosen for drills while a server is searched for', async () => {
    const form = { host: first.id, find: 'spare', found: 'spare', 'find-server': 'zz', act: 'find' };
    assert.equal(readChosen(await post(`/sources/${last.id}/drills`, { ...form, host: spare.id }), 'host'), 'zz-spare');
    const other = await addHost(world, { name: 'zz-other' });
    assert.equal(readChosen(await post(`/sources/${last.id}/drills`, { ...form, host: other.id }), 'host'), 'zz-other');
  });

  it('find plans and repositories for rules of alerts, each in its own form, and set nothing', async () => {
    const rules = '/settings/alert-rules';
    const before = await getRules(world.context, createCaller());
    const page = await world.read(rules);
    const forms = { rule: '/thresholds', limit: '/repositories', weekly: '/windows', once: '/windows' };
    for (const [form, path] of Object.entries(forms)) assertSearch(page, `${form}-of`, `${rules}${path}`);
    const rule = { 'rule-of': `plan:${zulu.id}`, 'rule-failuresInARow': '3', 'find-rule-of': 'zeb' };
    for (const sent of [{ act: 'find' }, { 'found-rule-of': '' }]) {
      const found = await post(`${rules}/thresholds`, { ...rule, ...sent });
      assert.match(readSelect(found, 'rule-of'), /the plan zebra/u);
      assert.equal(readChosen(found, 'rule-of'), 'the plan zulu');
      assert.match(found, /name="rule-failuresInARow"[^>]*value="3"|value="3"[^>]*name="rule-failuresInARow"/u);
      assert.ok(!readSelect(found, 'weekly-of').includes('zebra'), 'the other forms are not searched');
    }
    const once = { kind: 'once', 'once-name': 'patch', 'once-of': 'all', 'once-hours': '2', 'find-once-of': 'zulu' };
    const open = await post(`${rules}/windows`, { ...once, act: 'find' });
    assert.match(open, /<details class="fold"\s+open><summary>.{0,400}A window once/su);
    assert.match(readSelect(open, 'once-of'), /the plan zulu/u);
    const limit = { 'limit-of': '', 'limit-storedGib': '5', 'find-limit-of': 'zur' };
    assert.match(readSelect(await post(`${rules}/repositories`, { ...limit, act: 'find' }), 'limit-of'), /zurich/u);
    assert.match(await follow(`${rules}/repositories`, 'limit-of', limit), /zurich/u);
    assert.match(await follow(`${rules}/windows`, 'weekly-of', { kind: 'weekly', 'find-weekly-of': 'zul' }), /zulu/u);
    assert.deepEqual(await getRules(world.context, createCaller()), before);
  });

  it('find the plan of an objective, and set none', async () => {
    assertSearch(await world.read('/objectives'), 'of', '/objectives/rules');
    const form = { of: `plan:${zulu.id}`, hours: '24', days: '', 'find-of': 'zeb' };
    for (const sent of [{ act: 'find' }, { 'found-of': '' }]) {
      const found = await post('/objectives/rules', { ...form, ...sent });
      assert.match(readSelect(found, 'of'), /the plan zebra/u);
      assert.deepEqual([readChosen(found, 'of'), /value="24"/u.test(found)], ['the plan zulu', true]);
    }
    assert.match(await follow('/objectives/rules', 'of', form), /zebra/u);
    assert.deepEqual((await getObjectives(world.context, createCaller())).plans, []);
    const done = await world.ask('post', '/objectives/rules', { form: { ...form, 'found-of': 'zeb' } });
    assert.equal(done.kind, 'redirect');
    assert.match(readWords(await world.read('/objectives')), /zulu plan 24.h/u);
  });

  it('find plans for a channel one after another; what was ticked stays, what is gone stays, and what is unticked goes', async () => {
    const address = '/settings/channels/new?kind=webhook';
    const page = await world.read(address);
    assertSearch(page, 'sub-plans', address);
    assert.ok(!page.includes('zulu'));
    const ticks = (markup: string) =>
      [...markup.matchAll(/name="sub-plans" value="([^"]+)" checked/gu)].map(([, id]) => id as PlanId);
    const typed = { name: 'on-call', 'secret-url': 'https://geheim.example.test/x', 'sub-least': 'warning' };
    const found = await post(address, { ...typed, 'sub-plans': [zulu.id], 'find-sub-plans': 'zeb', act: 'find' });
    assert.deepEqual([ticks(found), found.includes('zebra')], [[zulu.id], true]);
    assert.match(found, /value="on-call"/u);
    assert.deepEqual([found.includes('geheim'), /type them again before saving/u.test(found)], [false, true]);
    assert.match(found, /<details class="fold"\s+open><summary>.{0,400}Only of some plans/su);
    const form = { ...typed, 'sub-plans': [zulu.id, zebra.id], 'find-sub-plans': 'job-12' };
    const part = await follow(address, 'sub-plans', form);
    assert.deepEqual(new Set(ticks(part)), new Set([zulu.id, zebra.id]));
    assert.ok(part.includes('job-12') && !part.includes('job-3'));
    assert.equal((await world.context.store.channels.listChannels(DEFAULT_TENANT)).length, 0);
    const saved = await world.ask('post', address, { form: { ...form, 'found-sub-plans': 'job-12' } });
    assert.equal(saved.kind, 'redirect');
    const read = async () => (await world.context.store.channels.listChannels(DEFAULT_TENANT))[0] ?? assert.fail();
    const made = await read();
    assert.deepEqual(new Set(readSubscription(made).plans), new Set([zulu.id, zebra.id]));
    const edit = `/settings/channels/${made.id}/edit`;
    assert.deepEqual(new Set(ticks(await world.read(edit))), new Set([zulu.id, zebra.id]), 'wherever their names stand');
    const gone = await addPlan(world, { name: 'zz-gone', repository: repository.id, sources: [shop.id] });
    await world.ask('post', edit, { form: { ...typed, 'sub-plans': [zulu.id, gone.id] } });
    await world.context.store.plans.deletePlan(DEFAULT_TENANT, gone.id);
    await world.ask('post', edit, { form: { ...typed, 'sub-plans': [zebra.id] } });
    assert.deepEqual(new Set(readSubscription(await read()).plans), new Set([gone.id, zebra.id]));
  });

  it('find the plan that hosts of a token join, and make no token', async () => {
    const address = '/hosts/enrolment-tokens';
    assertSearch(await world.read('/hosts/new'), 'plan', address);
    const form = { note: 'web', uses: '3', lifeHours: '24', plan: zulu.id, 'find-plan': 'zeb' };
    for (const sent of [{ act: 'find' }, { 'found-plan': '' }]) {
      const found = await post(address, { ...form, ...sent });
      assert.match(readSelect(found, 'plan'), /zebra/u);
      assert.deepEqual([readChosen(found, 'plan'), /value="web"/u.test(found)], ['zulu', true]);
      assert.match(found, /<details class="fold"\s+open>/u);
    }
    assert.match(await follow(address, 'plan', form), /zebra/u);
    assert.ok(!readWords(await world.read('/hosts/new')).includes('Open tokens'));
  });

  it('find the source that a snapshot no run made is taken over for, and take none over', async () => {
    const engine = 'b'.repeat(64);
    const strange = {
      engineId: engine,
      createdAt: NOW - HOUR_MS,
      hostname: 'laptop',
      tags: [],
      paths: ['/a'],
      pathCount: 1,
      sizeBytes: 9,
    };
    world.directory.answers['repository.contents'] = () => ({ snapshots: [strange], total: 1, unreadable: 0 });
    const address = `/repositories/${repository.id}/contents/${engine}`;
    const page = await world.read(`${address}?host=${first.id}`);
    assertSearch(page, 'source', `${address}/adopt`);
    const looks = world.directory.calls.length;
    const form = { host: first.id, source: last.id, 'find-source': 'spare' };
    const part = await follow(`${address}/adopt`, 'source', form);
    assert.match(readSelect(part, 'source'), /zz-spare \/ far/u);
    assert.match(readChosen(part, 'source') ?? '', /zz-last/u);
    assert.equal(world.directory.calls.length, looks, 'no host looks again for that');
    const found = await post(`${address}/adopt`, { ...form, act: 'find', next: 'restore' });
    assert.match(readSelect(found, 'source'), /zz-spare \/ far/u);
  });

  it('press their own button when Enter is pressed in a field that is typed in, and not that of the search', async () => {
    const [form] = /<form[^>]*action="\/objectives\/rules".*?<\/form>/su.exec(await world.read('/objectives')) ?? assert.fail();
    assert.match(form, /^<form[^>]*><button hidden><\/button>/u);
    const check = /<form id="check-form".*?<\/form>/su.exec(await world.read(`/repositories/${repository.id}`))?.[0];
    assert.match(
      /<button[^>]*>/u.exec(check ?? '')?.[0] ?? '',
      /name="act" value="find"/u,
      'where nothing else is typed, it is the search',
    );
  });

  it('offer all of what is limited to a few hundred, such as shared schedules and policies', async () => {
    const { store, createId } = world.context;
    const at = { tenant: DEFAULT_TENANT, version: 1, createdAt: NOW, updatedAt: NOW };
    for (let n = 0; n <= MANY; n += 1) {
      const schedule = { cron: '0 3 * * *', zone: 'UTC' };
      await store.sharedSchedules.insertSharedSchedule({
        ...at,
        id: createId('schedule'),
        name: `times-${n}`,
        description: '',
        schedule,
      });
    }
    const page = await world.read('/plans/new');
    assert.equal([...readSelect(page, 'sharedSchedule').matchAll(/times-\d+/gu)].length, MANY + 1);
  });
});
