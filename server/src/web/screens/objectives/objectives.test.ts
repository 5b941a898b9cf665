import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, DAY_MS, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { NAVIGATION_SCREENS } from '../shell.ts';
import { SOURCE_PAGE_SCREENS } from '../sources/source-page.ts';
import { OBJECTIVE_SCREENS } from './objectives.ts';

let world: World;
let plan: string;
let source: string;

before(async () => {
  world = await createWorld([...NAVIGATION_SCREENS, ...OBJECTIVE_SCREENS, ...SOURCE_PAGE_SCREENS]);
  const host = await addHost(world, { name: 'db-1', tags: ['prod'] });
  const shop = await addSource(world, { host: host.id, name: 'shop' });
  const repository = await addRepository(world);
  const nightly = await addPlan(world, { name: MARKUP_NAME, repository: repository.id, sources: [shop.id], cron: '0 2 * * 0' });
  await addRun(world, { host: host.id, plan: nightly.id, repository: repository.id, source: shop.id, at: NOW - 26.5 * HOUR_MS });
  plan = nightly.id;
  source = shop.id;
});
after(() => world.close());

describe('Objectives', () => {
  it('are none at first: the schedule alone says when a backup is late', async () => {
    const words = readWords(await world.read('/objectives'));
    assert.match(words, /How late a backup may be, its schedule says\./u);
    assert.match(words, /No tag and no plan has objectives of its own\./u);
    assert.match(readWords(await world.read(`/sources/${source}`)), /is protected/u);
  });

  it('are set for the fleet, for a tag and for a plan, and each source says which rules it and why', async () => {
    await world.ask('post', '/objectives/fleet', { form: { 'fleet-hours': '48', 'fleet-days': '' } });
    assert.match(readWords(await world.read('/objectives')), /1 of 1.source with a backup objective meets it\./u);
    assert.match(readWords(await world.read(`/sources/${source}`)), /Objective 2.days, of the whole fleet/u);
    await world.ask('post', '/objectives/rules', { form: { of: 'tag:prod', hours: '24', days: '30' } });
    const late = readWords(await world.read(`/sources/${source}`));
    assert.match(late, /is at risk/u);
    const objectives = readWords(await world.read('/objectives'));
    assert.match(objectives, /0 of 1.source with a backup objective meet it\. 1.tag or plan has its own\./u);
    assert.match(late, /no clean backup for 26.h, objective 24.h/u);
    assert.match(late, /Objective 24.h, of the tag prod/u);
    assert.match(late, /A proof counts for 30.days, of the tag prod/u);
    await world.ask('post', '/objectives/rules', { form: { of: `plan:${plan}`, hours: '30', days: '' } });
    const page = await world.read('/objectives');
    assert.ok(!page.includes(MARKUP_NAME));
    assert.match(readWords(page), /prod tag 24.h 30.days/u);
    await world.ask('post', '/objectives/fleet', { form: { hours: '', days: '' } });
    await world.ask('post', '/objectives/rules/remove', { form: { of: 'tag:prod' } });
    const own = readWords(await world.read(`/sources/${source}`));
    assert.match(own, /is protected/u);
    assert.match(own, /Objective 30.h, of the plan/u);
    assert.doesNotMatch(own, /A proof counts for/u);
  });

  it('that cannot be read come back with a word at the field, and nothing is changed', async () => {
    const before = await world.read('/objectives');
    for (const [path, form, word] of [
      ['/objectives/fleet', { hours: 'soon', days: '' }, /must be a number/u],
      ['/objectives/fleet', { hours: '0.01', days: '' }, /Too small|>=5|at least/u],
      ['/objectives/rules', { of: '', hours: '1', days: '' }, /choose a tag or a plan/u],
      ['/objectives/rules', { of: 'tag:<b>', hours: '1', days: '' }, /may hold letters/u],
      ['/objectives/rules', { of: 'tag:prod', hours: '', days: '' }, /say how old/u],
    ] as const) {
      const reply = await world.ask('post', path, { form });
      assert.ok(reply.kind === 'page' && reply.status === 422, path);
      assert.match(readWords(reply.html.toString()), word);
    }
    assert.equal(await world.read('/objectives'), before);
  });

  it('are read by everybody and set by those who manage plans', async () => {
    assert.doesNotMatch(await world.read('/objectives', { role: 'viewer' }), /<form[^>]+objectives/u);
    for (const path of ['/objectives/fleet', '/objectives/rules', '/objectives/rules/remove'])
      await assert.rejects(world.ask('post', path, { role: 'viewer', form: { hours: String(DAY_MS) } }), { code: 'forbidden' });
  });
});
