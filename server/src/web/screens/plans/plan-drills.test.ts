import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import type { Source } from '../../../store/sources.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addSource, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { SOURCE_DRILL_SCREENS } from '../sources/source-drills.ts';
import { SOURCE_PAGE_SCREENS } from '../sources/source-page.ts';
import { checkDrills, NO_DRILLS, readDrillsText, toDrillsText } from './plan-drills.ts';
import { createPlanScreens } from './plans.ts';

let world: World;
let source: Source;
let lab: HostId;
let plan: PlanId;
let form: Record<string, string | string[]>;

before(async () => {
  world = await createWorld([...createPlanScreens(calendar, CHANNEL_KINDS), ...SOURCE_DRILL_SCREENS, ...SOURCE_PAGE_SCREENS]);
  const host = await addHost(world, { name: 'db-1' });
  lab = (await addHost(world, { name: MARKUP_NAME })).id;
  source = await addSource(world, { host: host.id, name: 'shop' });
  const repository = await addRepository(world);
  plan = (await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] })).id;
  form = { name: 'nightly', repository: repository.id, sources: [source.id], preset: 'daily', zone: 'UTC', enabled: 'true' };
});
after(() => world.close());

const SATURDAYS = { drillPreset: 'own', drillCron: '0 4 * * 6', drillZone: 'Europe/Berlin', drillRuns: '7' };
const save = (drills: object) => world.ask('post', `/plans/${plan}/edit`, { form: { ...form, ...drills } });
const options = async () => (await world.context.store.plans.findPlan(source.tenant, plan))?.options;

describe('The drills of a plan', () => {
  it('come back from the form as they are stored', () => {
    const drills = { schedule: { cron: '0 4 * * 6', zone: 'Europe/Berlin' }, everyRuns: 7, host: lab };
    const { schedule, runs, host } = toDrillsText(drills);
    const posted = {
      drillPreset: schedule.preset,
      drillCron: schedule.cron,
      drillZone: schedule.zone,
      drillRuns: runs,
      drillHost: host,
    };
    assert.deepEqual(checkDrills(calendar, readDrillsText(posted), NOW), { drills });
    assert.deepEqual(checkDrills(calendar, readDrillsText({}), NOW), { drills: null });
    assert.deepEqual(checkDrills(calendar, NO_DRILLS, NOW), { drills: null });
  });

  it('are refused at the field at fault, with what was typed', async () => {
    for (const [wrong, words] of [
      [{ drillCron: '61 4 * * 6' }, /Expression of drills ?: "61" is no minute/u],
      [{ drillZone: 'Europe/Atlantis' }, /Time zone of drills ?: "Europe\/Atlantis" is not a time zone/u],
      [{ drillRuns: '0' }, /A drill after ?: must be a whole number of backups from 1 to 1000/u],
      [{ drillRuns: '', drillPreset: 'none', drillHost: lab }, /Drills take place on ?: says where, but nothing says when/u],
    ] as const) {
      const reply = await save({ ...SATURDAYS, ...wrong });
      assert.ok(reply.kind === 'page');
      assert.equal(reply.status, 422);
      assertInert(String(reply.html));
      assert.match(readWords(String(reply.html)), words);
    }
    assert.equal((await options())?.drills, undefined);
  });

  it('show their next fires as they are typed', async () => {
    const query = new URLSearchParams({ preset: 'daily', zone: 'UTC', ...SATURDAYS });
    const words = readWords(await world.read(`/plans/fires?${query}`));
    assert.match(words, /A drill of each source every Saturday at 04:00, Europe\/Berlin, and after 7 clean backups/u);
    query.set('drillCron', 'often');
    assert.match(readWords(await world.read(`/plans/fires?${query}`)), /five fields are needed/u);
  });

  it('are said on the page of the plan and of its sources, with why, and taken away again', async () => {
    assert.equal((await save({ ...SATURDAYS, drillHost: lab })).kind, 'redirect');
    assert.deepEqual((await options())?.drills, {
      schedule: { cron: '0 4 * * 6', zone: 'Europe/Berlin' },
      everyRuns: 7,
      host: lab,
    });
    const page = await world.read(`/plans/${plan}`);
    assertInert(page);
    assert.match(readWords(page), /Of each source every Saturday at 04:00, Europe\/Berlin, and after 7 clean backups ?, on/u);
    const ofSource = await world.read(`/sources/${source.id}`);
    assertInert(ofSource);
    assert.match(readWords(ofSource), /after 7 clean backups, as the plan nightly says, next in/u);
    assert.match(
      readWords(await world.read(`/sources/${source.id}/drills`)),
      /as the plan nightly says\. Days or backups entered here/u,
    );
    await world.ask('post', `/sources/${source.id}/drills`, { form: { everyDays: '7' } });
    assert.match(readWords(await world.read(`/sources/${source.id}/drills`)), /This source has a rhythm of its own/u);
    assert.match(readWords(await world.read(`/plans/${plan}`)), /1 of 1.source goes by something else/u);
    assert.equal((await save({})).kind, 'redirect');
    assert.equal((await options())?.drills, undefined);
    assert.doesNotMatch(await world.read(`/plans/${plan}`), /Of each source/u);
  });
});
