import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { BULK_ACTS, BULK_MOST } from '../../../core/bulk.ts';
import { getDrillSettings, saveDrillSettings } from '../../../core/drills/drill-settings.ts';
import { updateHost } from '../../../core/hosts/hosts.ts';
import { SOURCE_TESTS } from '../../../core/sources/source-tests.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import type { PageReply } from '../../http/route.ts';
import { createFleet, type Fleet } from '../fixtures/fleet.ts';
import { addHost } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { HOST_SCREENS } from '../hosts/hosts.ts';
import { createPlanScreens } from '../plans/plans.ts';
import { RUNS_SCREENS } from '../runs/runs.ts';
import { SOURCE_SCREENS } from '../sources/sources.ts';
import { BULK_SCREENS } from './bulk.ts';

let world: World;
let fleet: Fleet;
let failed = '';

before(async () => {
  world = await createWorld([
    ...BULK_SCREENS,
    ...createPlanScreens(calendar, CHANNEL_KINDS),
    ...HOST_SCREENS,
    ...SOURCE_SCREENS,
    ...RUNS_SCREENS,
  ]);
  fleet = await createFleet(world);
  const [host, shop] = [fleet.hosts['db-2.fra'] ?? assert.fail(), fleet.sources['shop'] ?? assert.fail()];
  failed = await fleet.play({
    host,
    plan: fleet.plans.nightly,
    sources: [shop],
    at: NOW - 60_000,
    tookMs: 1000,
    ends: ['failed'],
  });
});
after(() => world.close());

const pageOf = (reply: PageReply) => (reply.kind === 'page' ? reply.html.toString() : assert.fail(`no page but ${reply.kind}`));
const post = async (path: string, form: Record<string, string | string[]>) => pageOf(await world.ask('post', path, { form }));
const resultsIn = (page: string) =>
  Object.fromEntries(
    [...page.matchAll(/<tr role="row" data-row.*?<\/tr>/gs)].map(([row]) => [
      /rowheader"[^>]*><a [^>]*>([^<]*)/.exec(row)?.[1] ?? '',
      /(done|as it was|not done)</.exec(row)?.[1],
    ]),
  );
const isEnabled = async (plan: string) =>
  (await world.context.store.plans.listPlans(DEFAULT_TENANT, {}, { limit: 200 })).rows.find(({ id }) => id === plan)?.enabled;

describe('Acts on many rows', () => {
  it('are offered below each list, with a box before every row, to those who may', async () => {
    for (const [list, noun] of [
      ['/plans', 'plans'],
      ['/hosts', 'hosts'],
      ['/sources', 'sources'],
      ['/runs', 'runs'],
    ] as const) {
      const page = await world.read(list);
      const boxes = page.match(new RegExp(`<input type="checkbox"\\s+form="${noun}-acts"\\s+name="ids"`, 'g')) ?? [];
      assert.equal(boxes.length, (page.match(/<tr role="row" data-row/g) ?? []).length, list);
      assert.ok(boxes.length > 0, list);
      assert.match(page, new RegExp(`data-choose-all="${noun}-acts"`));
      assert.match(page, new RegExp(`<form class="bulk-bar" method="post"[^>]*action="/${noun}/acts"`));
      assert.doesNotMatch(await world.read(list, { role: 'viewer' }), /bulk-bar|name="ids"/);
    }
  });

  it('are about the list as it is narrowed, also where only its table comes anew', async () => {
    for (const [list, noun, part] of [
      ['/plans', 'plans', 'plans'],
      ['/hosts', 'hosts', 'hosts'],
      ['/sources', 'sources', 'sources'],
      ['/runs', 'runs', 'runs'],
    ] as const) {
      const told = (query: string) =>
        new RegExp(`<input type="hidden"\\s+name="back" value="${list}${query.replace('?', '\\?')}" form="${noun}-acts">`);
      const page = await world.read(list);
      assert.doesNotMatch(page, /<form class="bulk-bar"(?:(?!<\/form>).)*name="back"/s, list);
      assert.match(page, told(''));
      assert.match(await world.read(`${list}?q=nothing-like-it`, { part }), told('?q=nothing-like-it'));
    }
  });

  it('ask first, by number and name, and do nothing until then', async () => {
    const { nightly, hourly } = fleet.plans;
    const question = await post('/plans/acts', { act: 'pause', ids: [nightly, hourly], back: '/plans?q=o' });
    assert.match(question, /<h1>Pause 2\splans\?/);
    assert.match(question, /<li>nightly files<\/li><li>hourly<\/li>/);
    assert.match(question, /name="confirm" value="yes"/);
    assert.deepEqual([await isEnabled(nightly), await isEnabled(hourly)], [true, true]);
  });

  it('say of each what was done, what not and why, can be sent again, and be taken back', async () => {
    const { nightly, hourly, byHand } = fleet.plans;
    const gone = world.context.createId('plan');
    const form = { act: 'pause', chosen: `${nightly},${hourly},${gone}`, confirm: 'yes', back: '/plans' };
    const answer = await post('/plans/acts', form);
    assert.match(answer, /<h1>2 done, 1 not done\./);
    assert.deepEqual(resultsIn(answer), { [gone]: 'not done', 'nightly files': 'done', hourly: 'done' });
    assert.match(answer, /there is no such plan/);
    assert.deepEqual([await isEnabled(nightly), await isEnabled(byHand)], [false, true]);
    assert.match(await post('/plans/acts', form), /<h1>2 as before, 1 not done\./);
    const undo = Object.fromEntries(
      [...answer.matchAll(/<input type="hidden"\s+name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    assert.equal(undo['act'], 'enable');
    assert.match(await post('/plans/acts', undo as Record<string, string>), /<h1>2 done\./);
    assert.deepEqual([await isEnabled(nightly), await isEnabled(hourly)], [true, true]);
    const { rows } = await world.context.store.trail.listAudit(
      DEFAULT_TENANT,
      { action: 'plan.updated', target: nightly },
      { limit: 10 },
    );
    assert.equal(rows.length, 2, 'each has its own line in the audit, and what was not done has none');
  });

  it('reach all that the list shows, on all of its pages', async () => {
    const question = await post('/hosts/acts', { act: 'tag', all: 'true', back: '/hosts?q=db' });
    const chosen = /name="chosen" value="([^"]*)"/.exec(question)?.[1]?.split(',') ?? [];
    const fitting = (await world.context.store.hosts.listHosts(DEFAULT_TENANT, { search: 'db' }, { limit: 200 })).rows;
    assert.deepEqual(chosen.toSorted(), fitting.map(({ id }) => String(id)).toSorted());
    assert.ok(fitting.length > 1);
    assert.match(question, /name="tag"/);
    assert.match(await post('/hosts/acts', { act: 'tag', chosen: chosen.join(','), confirm: 'yes' }), /Say which tag/);
    const answer = await post('/hosts/acts', { act: 'tag', chosen: chosen.join(','), confirm: 'yes', tag: 'databases' });
    assert.match(answer, new RegExp(`<h1>${fitting.length} done\\.`));
    for (const host of fitting)
      assert.ok((await world.context.store.hosts.findHost(DEFAULT_TENANT, host.id))?.tags.includes('databases'));
    const sources = await post('/sources/acts', { act: 'run', all: 'true', back: '/sources?kind=postgresql' });
    assert.ok((/name="chosen" value="([^"]*)"/.exec(sources)?.[1] ?? '').includes('src_'));
  });

  it('test each source from its host, a few of each host at a time, and say what each answered', async () => {
    const works = { ok: true, message: 'connected', serverVersion: 'PostgreSQL 17.2', warnings: ['no globals'], latencyMs: 12.4 };
    const { directory } = world;
    directory.answers['source.test'] = (_host, { draft }) =>
      draft.kind === 'mariadb'
        ? { ...works, ok: false, message: 'ERROR 1045 (28000): Access denied', warnings: [] }
        : draft.kind === 'postgres'
          ? works
          : { ...works, serverVersion: '', latencyMs: 0, warnings: [] };
    const gone = world.context.createId('source');
    const { app, shop, www, mail } = fleet.sources;
    const form = { act: 'test', chosen: [app, shop, www, mail, gone].join(','), confirm: 'yes' };
    const answer = await post('/sources/acts', form);
    assert.match(answer, /<h1>2 passed, 3 failed\./);
    assert.match(answer, /works: PostgreSQL 17\.2, 12 ms; no globals/);
    assert.match(answer, />works, 0 ms</);
    assert.match(answer, /ERROR 1045 \(28000\): Access denied/);
    assert.match(answer, /not tested: the host is not connected/);
    assert.match(answer, /there is no such source/);
    assert.doesNotMatch(answer, /Undo/);
    await assert.rejects(world.ask('post', '/sources/acts', { form, role: 'viewer' }), /may not do this/);
  });

  it('say how often many sources are drilled, and leave what else is said of their drills', async () => {
    const { context } = world;
    const { shop, www } = fleet.sources;
    assert.ok(shop && www);
    const caller = createCaller();
    await saveDrillSettings(context, caller, shop, { assertions: [], withinDays: 60, everyRuns: 5 });
    const ticked = { act: 'schedule_drills', chosen: [shop, www].join(',') };
    assert.match(await post('/sources/acts', ticked), /name="days"[^>]*value="30"|value="30"[^>]*name="days"/);
    for (const days of ['', '-1', '1.5', '9999'])
      assert.match(await post('/sources/acts', { ...ticked, confirm: 'yes', days }), /Say a whole number of days from 0 to 3650/);
    assert.match(await post('/sources/acts', { ...ticked, confirm: 'yes', days: '14' }), /<h1>2 done\./);
    assert.match(await post('/sources/acts', { ...ticked, confirm: 'yes', days: '14' }), /<h1>2 as before\./);
    const read = async (source: typeof shop) => {
      const { everyDays, withinDays, everyRuns } = await getDrillSettings(context, caller, source);
      return [everyDays, withinDays, everyRuns];
    };
    assert.deepEqual(
      [await read(shop), await read(www)],
      [
        [14, 60, 5],
        [14, undefined, undefined],
      ],
    );
    assert.match(await post('/sources/acts', { ...ticked, confirm: 'yes', days: '0' }), /by no schedule of days/);
    assert.deepEqual(await read(shop), [undefined, 60, 5]);
  });

  it('ask no host for more than a few sources at a time, and begin none that nobody would wait for', async () => {
    const { context } = world;
    const host = fleet.hosts['web-1'] ?? assert.fail();
    const ids = Array.from({ length: 7 }, () => context.createId('source'));
    const template =
      (await context.store.sources.findSource(DEFAULT_TENANT, fleet.sources['www'] ?? assert.fail())) ?? assert.fail();
    for (const id of ids) await context.store.sources.insertSource({ ...template, id, host, name: id });
    let [now, busy, most, asked] = [NOW, 0, 0, 0];
    const directory: typeof context.directory = {
      ...context.directory,
      request: async (to, type, body) => {
        asked += 1;
        busy += 1;
        most = Math.max(most, busy);
        await new Promise((resolve) => setImmediate(resolve));
        busy -= 1;
        now += SOURCE_TESTS.beginMs / 4;
        return context.directory.request(to, type, body);
      },
    };
    const outcomes = await BULK_ACTS.sources.test.carryOut(
      { ...context, directory, clock: { ...context.clock, now: () => now } },
      createCaller(),
      ids,
      {},
    );
    assert.deepEqual(
      outcomes.map(({ id }) => id),
      ids,
      'in the order that was asked for',
    );
    assert.equal(most, SOURCE_TESTS.perHost);
    assert.ok(asked < ids.length);
    const left = outcomes.filter(({ text }) => /not asked: there were too many/.test(text));
    assert.deepEqual([left.length, new Set(left.map(({ result }) => result))], [ids.length - asked, new Set(['refused'])]);
    assert.equal(outcomes.filter(({ result }) => result === 'done').length, asked);
    for (const id of ids) await context.store.sources.deleteSource(DEFAULT_TENANT, id);
  });

  it('add one blackout window to many plans, take it from those that have it, and take either back', async () => {
    const { nightly, hourly, byHand } = fleet.plans;
    const windowsOf = async (plan: string) =>
      (await world.context.store.plans.listPlans(DEFAULT_TENANT, {}, { limit: 200 })).rows
        .find(({ id }) => id === plan)
        ?.options.blackouts.map(({ from, to, days }) => `${days.join('')} ${from}-${to}`);
    const undoOf = (answer: string) =>
      Object.fromEntries(
        [...answer.matchAll(/<input type="hidden"\s+name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
      ) as Record<string, string>;
    const none = await world.ask('post', '/plans/acts', { form: { act: 'remove_blackout', ids: [nightly] } });
    assert.ok(none.kind === 'redirect' && none.flash?.text === 'None of them has a blackout window.');
    const form = { act: 'add_blackout', chosen: `${nightly},${hourly}`, confirm: 'yes' };
    assert.match(await post('/plans/acts', { ...form, window: 'some time' }), /“some time” is no window/);
    assert.match(await post('/plans/acts', { ...form, window: '22:00-23:00\n01:00-02:00' }), /one window only/);
    const added = await post('/plans/acts', { ...form, window: 'Mon-Fri 7:00 to 19:00' });
    assert.match(added, /<h1>2 done\./);
    assert.deepEqual([await windowsOf(nightly), await windowsOf(byHand)], [['12345 07:00-19:00'], []]);
    assert.match(await post('/plans/acts', { ...form, window: 'Fri, Mon-Thu 07:00-19:00' }), /<h1>2 as before\./);
    const question = await post('/plans/acts', { act: 'remove_blackout', ids: [nightly, hourly, byHand] });
    assert.match(question, /<option {2}value="Mon-Fri 07:00 to 19:00">07:00 to 19:00, Monday to Friday \(2\splans\)/);
    const removal = { act: 'remove_blackout', chosen: `${nightly},${byHand}`, confirm: 'yes', window: 'Mon-Fri 07:00 to 19:00' };
    const removed = await post('/plans/acts', removal);
    assert.match(removed, /<h1>1 done, 1 as before\./);
    assert.deepEqual([await windowsOf(nightly), await windowsOf(hourly)], [[], ['12345 07:00-19:00']]);
    assert.match(await post('/plans/acts', undoOf(removed)), /<h1>1 done\./);
    assert.deepEqual(await windowsOf(nightly), ['12345 07:00-19:00']);
    assert.match(await post('/plans/acts', undoOf(added)), /<h1>2 done\./);
    assert.deepEqual([await windowsOf(nightly), await windowsOf(hourly)], [[], []]);
  });

  it('reach the plans of a tag', async () => {
    const host = fleet.hosts['web-1'] ?? assert.fail();
    await updateHost(world.context, createCaller(), host, { tags: ['shop floor'] });
    const list = await world.read('/plans?tag=shop+floor');
    assert.match(list, /nightly files/);
    assert.doesNotMatch(list, />hourly</);
    const question = await post('/plans/acts', { act: 'add_blackout', all: 'true', back: '/plans?tag=shop+floor' });
    assert.match(question, /Add a blackout window to 1\splan\?/);
  });

  it('start nothing that is under way, and repeat only what failed', async () => {
    const { hourly } = fleet.plans;
    const once = await post('/plans/acts', { act: 'run', chosen: hourly, confirm: 'yes' });
    assert.match(once, /<h1>1 (done|as before)\./);
    assert.match(await post('/plans/acts', { act: 'run', chosen: hourly, confirm: 'yes' }), /<h1>1 as before\./);
    assert.match(await post('/runs/acts', { act: 'cancel', chosen: failed, confirm: 'yes' }), /has ended already: failed/);
  });

  it('reach the runs of the days that the list shows, and none while these are no days', async () => {
    const chosen = async (query: string) => {
      const reply = await world.ask('post', '/runs/acts', { form: { act: 'retry', all: 'true', back: `/runs?${query}` } });
      return reply.kind === 'page'
        ? (/name="chosen" value="([^"]*)"/.exec(reply.html.toString())?.[1] ?? '').split(',')
        : reply.kind === 'redirect'
          ? reply.flash?.text
          : undefined;
    };
    assert.ok((await chosen('from=2026-11-20&to=2026-11-20&state=failed'))?.includes(failed));
    assert.equal(await chosen('to=2026-11-19&state=failed'), 'Tick at least one run first.');
    assert.equal(await chosen('from=2026-11-31'), 'Tick at least one run first.');
    assert.match(await world.read('/runs?from=2026-11-31'), /From: “2026-11-31” is no day/);
    const page = await world.read('/runs?from=2026-11-20&state=failed');
    assert.match(page, /<input class="input" type="date" +name="from" value="2026-11-20">/);
    assert.match(page, new RegExp(failed));
  });

  it('are done to a whole fleet behind one question, and let everything else have its turn between any two', async () => {
    const other = await createWorld([...BULK_SCREENS, ...HOST_SCREENS]);
    try {
      const { context } = other;
      for (let n = 0; n < 520; n += 1) await addHost(other, { name: `web-${n}`, online: false });
      const send = async (form: Record<string, string>) => pageOf(await other.ask('post', '/hosts/acts', { form }));
      const question = await send({ act: 'tag', all: 'true', back: '/hosts?q=web' });
      assert.match(question, /<h1>Tag 520\shosts\?/);
      const ids = /name="chosen" value="([^"]+)"/.exec(question)?.[1] ?? assert.fail();
      let turns = 0;
      let isOver = false;
      const takeTurn = () => {
        turns += 1;
        if (!isOver) setImmediate(takeTurn);
      };
      setImmediate(takeTurn);
      const page = await send({ act: 'tag', chosen: ids, tag: 'spare', confirm: 'yes', back: '/hosts' });
      isOver = true;
      assert.ok(turns >= 520, `${turns} turns were taken meanwhile`);
      assert.match(page, /<h1>520 done\./);
      assert.match(page, /20 more; what could not be done stands first/);
      assert.equal((await context.store.hosts.listHosts(DEFAULT_TENANT, { tag: 'spare' }, { limit: 200 })).rows.length, 200);
    } finally {
      await other.close();
    }
  });

  it('refuse what was not chosen, an act that is none, and those who may not', async () => {
    const refused = async (form: Record<string, string>) => {
      const reply = await world.ask('post', '/plans/acts', { form });
      return reply.kind === 'redirect' ? [reply.to, reply.flash?.tone] : reply.kind;
    };
    assert.deepEqual(await refused({ act: 'pause', back: '/plans?q=x' }), ['/plans?q=x', 'bad']);
    assert.deepEqual(await refused({ act: 'explode', ids: fleet.plans.hourly, back: 'https://elsewhere.example.com' }), [
      '/plans',
      'bad',
    ]);
    assert.deepEqual(await refused({ act: 'toString', ids: fleet.plans.hourly }), ['/plans', 'bad']);
    const many = Array.from({ length: BULK_MOST + 1 }, () => world.context.createId('plan')).join(',');
    assert.deepEqual(await refused({ act: 'pause', chosen: many }), ['/plans', 'bad']);
    const form = { act: 'pause', chosen: fleet.plans.hourly, confirm: 'yes' };
    await assert.rejects(world.ask('post', '/plans/acts', { form, role: 'viewer' }), /your role "viewer" may not do this/);
    assert.equal(await isEnabled(fleet.plans.hourly), true);
  });
});
