import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS } from '@holdfast/shared/domain/plan.ts';
import { createChannel } from '../../../core/alerts/channels.ts';
import { EVERY_ALERT, type Subscription } from '../../../core/alerts/subscription.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import { createFleet, type Fleet, HOSTILE, playDay } from '../fixtures/fleet.ts';
import { readWords } from '../fixtures/inert.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { createPlanScreens } from './plans.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld(createPlanScreens(calendar, CHANNEL_KINDS));
  fleet = await createFleet(world);
  await playDay(fleet, NOW);
});
after(() => world.close());

function headingOf(page: string): string {
  return (/<h1>([\s\S]*?)<\/h1>/.exec(page)?.[1] ?? '').replace(/<[^>]*>/g, '');
}

function source(name: string): string {
  return fleet.sources[name] ?? assert.fail(name);
}

const FILLED = () => ({
  name: 'weekly test',
  repository: fleet.repositories.s3,
  sources: [source('app'), source('shop')],
  preset: 'weekly',
  cron: '',
  zone: 'Europe/Berlin',
  enabled: 'true',
});

describe('The list of plans', () => {
  it('answers what fires next, says each schedule in words, and holds hostile names as text', async () => {
    const page = await world.read('/plans');
    assert.match(headingOf(page), /^“hourly” fires next, in 1\u00a0h\.$/);
    assert.match(page, /every day at 02:30, Europe\/Berlin/);
    assert.match(page, /by hand/);
    assert.ok(!page.includes(HOSTILE));
  });

  it('gives the table alone to the search', async () => {
    const part = await world.read('/plans?q=nightly', { part: 'plans' });
    assert.equal([...part.matchAll(/data-row/g)].length, 1);
    assert.doesNotMatch(part, /<html/);
  });

  it('offers no switch to those who may not use it', async () => {
    assert.match(await world.read('/plans'), />Pause</);
    assert.doesNotMatch(await world.read('/plans', { role: 'viewer' }), />Pause</);
  });
});

describe('The form of a plan', () => {
  it('groups sources by host, checks those of the address, and shows ten fires with what daylight saving does to them', async () => {
    const page = await world.read(`/plans/new?sources=${source('loose')}`);
    assert.match(page, /<legend><span class="cell">web-1<\/span><\/legend>/);
    assert.match(page, new RegExp(`value="${source('loose')}" checked`));
    assert.equal([...page.matchAll(/<dt class="num">/g)].length, 10);
    assert.match(page, /28 March 2027 02:00 does not exist in Europe\/Berlin: fires at 03:00\./);
    assert.ok(!page.includes(HOSTILE));
    const [first] = page.match(/<button[^>]* form="plan-form"[^>]*>/gu) ?? [];
    assert.equal(first, '<button hidden form="plan-form">', 'what Enter presses saves');
  });

  it('keeps what is checked when the search does not find it', async () => {
    const part = await world.read(`/plans/new?find=orders&sources=${source('loose')}`, { part: 'plan-sources' });
    assert.match(part, new RegExp(`value="${source('loose')}" checked`));
    assert.match(part, new RegExp(`value="${source('orders')}"`));
    assert.doesNotMatch(part, new RegExp(`value="${source('erp')}"`));
  });

  it('previews an expression as it is typed, and says what is wrong with it', async () => {
    const good = await world.read('/plans/fires?preset=own&cron=*%2F15+8-18+*+*+1-5&zone=UTC');
    assert.match(good, /<strong>Monday to Friday every 15 minutes, in the hours 08 to 18, UTC<\/strong>/);
    assert.match(await world.read('/plans/fires?preset=own&cron=61+*+*+*+*&zone=UTC'), /is no minute: it takes 0 to 59/);
    assert.match(await world.read('/plans/fires?preset=daily&zone=Mars%2FOlympus'), /is not a time zone this system knows/);
    const options = '&grace=24+h&attempts=3&retryAfter=60+s&overlap=skip&priority=normal&spread=1+h';
    const spread = readWords(await world.read(`/plans/fires?preset=daily&zone=UTC${options}`));
    assert.match(spread, /within 1.h after the fire, always the same one; the plan’s page names it/);
    assert.doesNotMatch(spread, /Begins/);
    const edited = readWords(await world.read(`/plans/fires?plan=${fleet.plans.nightly}&preset=daily&zone=UTC${options}`));
    assert.match(edited, /Begins .*after its fire/);
    assert.doesNotMatch(
      await world.read(`/plans/fires?preset=daily&zone=UTC${options.replace('1+h', 'long')}`),
      /at a moment of its own/,
    );
    assert.match(await world.read('/plans/fires?preset=none&zone=UTC'), /Runs only when somebody asks for it/);
    assert.match(await world.read('/plans/fires?preset=daily&cron=5+5+*+*+*&zone=UTC'), /is used once/);
  });

  it('makes a plan and leads to its page', async () => {
    const reply = await world.ask('post', '/plans/new', { form: FILLED() });
    assert.equal(reply.kind, 'redirect');
    const page = await world.context.store.plans.listPlans(DEFAULT_TENANT, { search: 'weekly test' }, { limit: 5 });
    const [plan] = page.rows;
    assert.deepEqual(plan?.schedule, { cron: '0 3 * * 0', zone: 'Europe/Berlin' });
    assert.deepEqual(plan?.sources, [source('app'), source('shop')]);
    assert.deepEqual([plan?.enabled, plan?.options.catchUp], [true, false]);
    assert.equal(reply.kind === 'redirect' && reply.to, `/plans/${plan?.id}`);
  });

  it('keeps what was typed when something is wrong, and says it at the field and in sum', async () => {
    const reply = await world.ask('post', '/plans/new', {
      form: { ...FILLED(), name: HOSTILE, sources: [], preset: 'own', cron: 'often' },
    });
    assert.ok(reply.kind === 'page');
    assert.equal(reply.status, 422);
    const page = reply.html.toString();
    assert.match(page, /Choose at least one source\./);
    assert.match(page, /five fields are needed/);
    assert.match(page, /value="often"/);
    assert.match(page, /value="&lt;script&gt;/);
    assert.match(page, new RegExp(`value="${fleet.repositories.s3}" selected`));
  });

  it('shows a taken name and a folder repository of another host at their fields', async () => {
    const taken = await world.ask('post', '/plans/new', { form: { ...FILLED(), name: 'hourly' } });
    assert.ok(taken.kind === 'page' && taken.status === 422);
    assert.match(taken.html.toString(), /field-wrong[\s\S]*id="f-name-error"/);
    const local = await world.ask('post', '/plans/new', {
      form: { ...FILLED(), name: 'two hosts', repository: fleet.repositories.local },
    });
    assert.ok(local.kind === 'page');
    assert.match(local.html.toString(), /a local folder belongs to one host/);
  });

  it('folds its options away, and keeps each of them', async () => {
    const blank = await world.read('/plans/new');
    for (const title of ['When it cannot run at its time', 'When it fails', 'Beside others', 'Hooks'])
      assert.match(blank, new RegExp(`<details class="fold"\\s*><summary>.*?<span>${title}</span>`));
    assert.match(blank, /<input[^>]*name="grace"[^>]*>/);
    assert.match(/<input[^>]*name="grace"[^>]*>/.exec(blank)?.[0] ?? '', /value="24 h"/);
    const form = {
      ...FILLED(),
      name: 'with options',
      catchUp: 'true',
      grace: '90 min',
      spread: '15 min',
      'window-0-from': '8:00',
      'window-0-to': '18:00',
      'window-0-days': ['1', '2', '3', '4', '5'],
      'window-1-from': '',
      'window-1-to': '',
      attempts: '1',
      overlap: 'queue',
      priority: 'low',
      upload: '2048',
      hookBefore: 'stop-writes',
    };
    const made = await world.ask('post', '/plans/new', { form });
    assert.ok(made.kind === 'redirect', JSON.stringify(made).slice(0, 300));
    const page = await world.context.store.plans.listPlans(DEFAULT_TENANT, { search: 'with options' }, { limit: 5 });
    assert.deepEqual(page.rows[0]?.options, {
      ...DEFAULT_PLAN_OPTIONS,
      graceMinutes: 90,
      spreadMinutes: 15,
      blackouts: [{ from: '08:00', to: '18:00', days: [1, 2, 3, 4, 5] }],
      attempts: 1,
      overlap: 'queue',
      priority: 'low',
      limits: { uploadKiBps: 2048 },
      hooks: { before: 'stop-writes' },
    });
    const edit = await world.read(`/plans/${page.rows[0]?.id}/edit`);
    assert.match(/<input[^>]*name="grace"[^>]*>/.exec(edit)?.[0] ?? '', /value="1 h 30 min"/);
    assert.equal([...edit.matchAll(/class="window-times"/g)].length, 3);
    assert.match(edit, /value="remove-window-0"/);
    const shown = (await world.read(`/plans/${page.rows[0]?.id}`)).replaceAll('\u00a0', ' ');
    assert.match(shown, /Never begins<\/dt><dd>08:00 to 18:00, Monday to Friday/);
    assert.match(shown, /A run that fails is not tried again\./);
    assert.doesNotMatch(shown, /<dt>Time limit<\/dt>/);
  });

  it('says what is wrong with an option at its field, in an open fold, and loses nothing', async () => {
    const form = {
      ...FILLED(),
      name: 'wrong',
      grace: 'soon',
      'window-0-from': '26:00',
      'window-0-to': '18:00',
      'window-0-days': '3',
      hookAfter: '/bin/sh',
      memory: '2048',
    };
    const reply = await world.ask('post', '/plans/new', { form });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    const page = reply.html.toString();
    assert.equal([...page.matchAll(/<details class="fold"\s+open>/g)].length, 2);
    assert.match(page, /href="#f-grace">Missed after<\/a>: must be a span from 1 min to 7 d/);
    assert.match(page, /href="#f-window-0-from">Window 1<\/a>/);
    assert.match(page, /id="f-window-0-from-error"/);
    for (const typed of ['soon', '26:00', '/bin/sh', '2048']) assert.match(page, new RegExp(`value="${typed}"`));
  });

  it('adds and removes rows of windows without saving, and without JavaScript', async () => {
    const before = await world.context.store.plans.countPlans(DEFAULT_TENANT);
    const rows = {
      'window-0-from': '01:00',
      'window-0-to': '02:00',
      'window-0-days': '0',
      'window-1-from': '03:00',
      'window-1-to': '04:00',
    };
    const added = await world.ask('post', '/plans/new', {
      form: { ...FILLED(), name: 'half typed', ...rows, act: 'add-window' },
    });
    assert.ok(added.kind === 'page' && added.status === 200);
    const page = added.html.toString();
    assert.equal([...page.matchAll(/class="window-times"/g)].length, 3);
    assert.match(page, /value="half typed"/);
    assert.equal(/<details class="fold"\s+open>/.test(page), true);
    const removed = await world.ask('post', '/plans/new', { form: { ...FILLED(), ...rows, act: 'remove-window-0' } });
    assert.ok(removed.kind === 'page');
    assert.equal([...removed.html.toString().matchAll(/class="window-times"/g)].length, 1);
    assert.match(removed.html.toString(), /value="03:00"/);
    assert.equal(await world.context.store.plans.countPlans(DEFAULT_TENANT), before);
  });

  it('refuses the second of two people who save at once', async () => {
    const edit = `/plans/${fleet.plans.byHand}/edit`;
    const version = /name="version" value="(\d+)"/.exec(await world.read(edit))?.[1] ?? assert.fail('no version');
    const form = { ...FILLED(), name: 'erp', sources: [source('erp')], repository: fleet.repositories.local, version };
    assert.equal((await world.ask('post', edit, { form })).kind, 'redirect');
    const second = await world.ask('post', edit, { form: { ...form, name: 'erp again' } });
    assert.ok(second.kind === 'page' && second.status === 422);
    assert.match(second.html.toString(), /value="erp again"/);
  });

  it('is closed to viewers', async () => {
    await assert.rejects(world.ask('get', '/plans/new', { role: 'viewer' }), { code: 'forbidden' });
    await assert.rejects(world.ask('post', '/plans/new', { role: 'viewer', form: FILLED() }), { code: 'forbidden' });
  });
});

describe('The page of a plan', () => {
  it('says what it does and how each of its sources stands', async () => {
    const page = await world.read(`/plans/${fleet.plans.hourly}`);
    assert.equal(headingOf(page), '“hourly” backs up 3\u00a0sources every hour, Europe/Berlin.');
    assert.match(page, /no clean backup for 1\u00a0h, expected every hour; the last run failed/);
    assert.match(page, /Run now/);
    assert.match(page, /data-live="runs" data-live-get="\/plans\//);
    assert.match(await world.read(`/plans/${fleet.plans.hourly}`, { part: 'runs' }), /^<div class="table-wrap"/);
  });

  it('names the channels that are told when it fails, and of each backup, and says where nobody is', async () => {
    const read = async () => readWords(await world.read(`/plans/${fleet.plans.nightly}`));
    assert.match(await read(), /Told when it fails nobody/);
    const add = (name: string, kind: string, subscription: Partial<Subscription>) =>
      createChannel(world.context, createCaller(), CHANNEL_KINDS, {
        ...{ name, kind, config: {}, secrets: { url: 'https://hooks.example.com/x' } },
        subscription: { ...EVERY_ALERT, ...subscription },
      });
    const pager = await add('pager', 'webhook', {});
    await add('log of all', 'webhook', { least: 'none', runs: ['succeeded', 'failed'] });
    await add('other plan', 'webhook', { plans: [fleet.plans.hourly] });
    await add('digests', 'slack', { least: 'none', digests: ['daily'] });
    await add('monitor', 'healthchecks', {});
    assert.match(await read(), /Told when it fails log of all ?, monitor ?, pager Told of each backup log of all ?, monitor /);
    assert.ok((await world.read(`/plans/${fleet.plans.nightly}`)).includes(`href="/settings/channels/${pager.id}"`));
  });

  it('lists missed fires with what became of them, and counts those of a silent host as unknown', async () => {
    const { store } = world.context;
    const plan = fleet.plans.hourly;
    assert.doesNotMatch(await world.read(`/plans/${plan}`), /Missed fires/);
    const watches = (await store.fires.listDueWatches(Number.MAX_SAFE_INTEGER, 50)).filter((watch) => watch.plan === plan);
    const [watch] = watches;
    assert.ok(watch);
    // Not on the hour: each of those has its run.
    const fire = { fireAt: NOW - 7_260_000, dueAt: NOW - 7_260_000, deadlineAt: NOW - 3_600_000 };
    await store.fires.settleFires([{ ...watch, lookAt: NOW, missed: [fire], catchUp: false }], NOW);
    const page = await world.read(`/plans/${plan}`);
    assert.match(page, /<h2>Missed fires<\/h2>/);
    assert.match(page, /Nothing ran for it until/);
    const silent = Object.entries(fleet.hosts).find(([, id]) => id === watch.host) ?? assert.fail('no host');
    world.directory.online.delete(silent[1]);
    await store.hosts.recordContact(silent[1], { at: NOW });
    world.clock.advance(3 * 3_600_000);
    const later = await world.read(`/plans/${plan}`);
    world.clock.set(NOW);
    world.directory.online.add(silent[1]);
    assert.match(later, new RegExp(`unknown</span>[\\s\\S]*?${silent[0]}</a>: 3\u00a0fires`));
    assert.match(later, /whether it ran 2\u00a0h ago is unknown/);
  });

  it('starts one run on each host: to the run where it is one, to the list where they are several', async () => {
    const several = await world.ask('post', `/plans/${fleet.plans.hourly}/run`);
    assert.deepEqual(several.kind === 'redirect' && several.to, `/runs?plan=${fleet.plans.hourly}`);
    const one = await world.ask('post', `/plans/${fleet.plans.hourly}/run`, { form: { sources: source('app') } });
    assert.match(one.kind === 'redirect' ? one.to : '', /^\/runs\/run_/);
  });

  it('comes back with the reason when nothing can run', async () => {
    const reply = await world.ask('post', `/plans/${fleet.plans.nightly}/run`, { form: { sources: source('app') } });
    assert.ok(reply.kind === 'redirect');
    assert.equal(reply.to, `/plans/${fleet.plans.nightly}`);
    assert.deepEqual(reply.flash, { tone: 'bad', text: 'the plan has no enabled source to back up' });
  });

  it('pauses, resumes and deletes', async () => {
    const path = `/plans/${fleet.plans.nightly}`;
    await world.ask('post', path, { form: { enabled: 'false' } });
    assert.match(headingOf(await world.read(path)), /is paused/);
    assert.match(await world.read(path), /Paused: its schedule does not fire/);
    const back = await world.ask('post', path, { form: { enabled: 'true', back: '/plans?enabled=false' } });
    assert.equal(back.kind === 'redirect' && back.to, '/plans?enabled=false');
    const [flash] = [back.kind === 'redirect' ? back.flash : undefined];
    assert.deepEqual(flash, {
      tone: 'good',
      text: '“nightly files” fires again by its schedule.',
      undo: { action: path, hidden: { enabled: 'false', back: '/plans?enabled=false' } },
    });
    const shown = await world.read(path, { flash });
    assert.match(shown, new RegExp(`action="${path}"><input type="hidden" +name="enabled" value="false">[\\s\\S]*?>Undo<`));
    const undone = await world.ask('post', path, { form: flash?.undo?.hidden ?? {} });
    assert.ok(undone.kind === 'redirect' && undone.to === '/plans?enabled=false');
    assert.match(headingOf(await world.read(path)), /is paused/);
    const twice = await world.ask('post', path, { form: { enabled: 'false' } });
    assert.ok(twice.kind === 'redirect' && twice.flash?.undo === undefined && /paused already/.test(twice.flash?.text ?? ''));
    const astray = await world.ask('post', path, { form: { enabled: 'true', back: '/audit' } });
    assert.equal(astray.kind === 'redirect' && astray.to, path);
    const gone = await world.ask('post', `${path}/delete`);
    assert.equal(gone.kind === 'redirect' && gone.to, '/plans');
    await assert.rejects(world.ask('get', path), { code: 'not_found' });
  });
});
