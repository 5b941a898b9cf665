import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { DEFAULT_TENANT, type PlanId, type ScheduleId } from '@holdfast/shared/domain/ids.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import { BULK_SCREENS } from '../bulk/bulk.ts';
import { createFleet, type Fleet, HOSTILE } from '../fixtures/fleet.ts';
import { readWords } from '../fixtures/inert.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { createPlanScreens } from './plans.ts';

const TIMES = { preset: 'own', cron: '30 20 * * 1-5', zone: 'Europe/Berlin', description: '' };

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld([...BULK_SCREENS, ...createPlanScreens(calendar, CHANNEL_KINDS)]);
  fleet = await createFleet(world);
});
after(() => world.close());

let made = 0;
/** Each test has a name of its own. */
beforeEach(() => {
  made += 1;
});
const nameIt = () => `after hours ${made}`;

async function saveShared(form: Record<string, string>): Promise<ScheduleId> {
  const reply = await world.ask('post', '/plans/schedules/new', { form: { ...TIMES, ...form } });
  assert.ok(reply.kind === 'redirect', 'it is saved');
  return reply.to.replace('/plans/schedules/', '') as ScheduleId;
}

const getPlan = async (id: string) =>
  (await world.context.store.plans.findPlan(DEFAULT_TENANT, id as PlanId)) ?? assert.fail('no plan');
const findShared = (id: ScheduleId) => world.context.store.sharedSchedules.findSharedSchedule(DEFAULT_TENANT, id);

/** The form of a plan as it stands, with other times. */
async function savePlan(id: string, times: Record<string, string>) {
  const plan = await getPlan(id);
  const form = {
    name: plan.name,
    repository: plan.repository,
    sources: [...plan.sources],
    enabled: 'true',
    preset: 'daily',
    cron: '',
    zone: 'UTC',
    ...times,
  };
  return world.ask('post', `/plans/${id}/edit`, { form });
}

describe('Shared schedules', () => {
  it('are listed with their times in words, the next of them, and how many plans go by them', async () => {
    assert.match(readWords(await world.read('/plans/schedules')), /There is no shared schedule: each plan has its own\./);
    const id = await saveShared({ name: nameIt(), description: 'when the shop is closed' });
    const page = readWords(await world.read('/plans/schedules'));
    assert.match(page, /1.shared schedule\./);
    assert.match(page, /after hours \d+ when the shop is closed .*20:30.*Europe\/Berlin/);
    assert.match(await world.read('/plans'), /href="\/plans\/schedules"/);
    await world.ask('post', `/plans/schedules/${id}/delete`);
  });

  it('are made in a form that shows their fires as it is typed, and keeps what was typed', async () => {
    const blank = await world.read('/plans/schedules/new');
    assert.match(blank, /hx-get="\/plans\/fires"/);
    assert.doesNotMatch(blank, /Only by hand|A shared schedule</);
    assert.match(readWords(await world.read('/plans/fires?preset=own&cron=15+6+*+*+*&zone=UTC')), /06:15/);
    const wrong = await world.ask('post', '/plans/schedules/new', { form: { ...TIMES, name: HOSTILE, cron: 'often' } });
    assert.ok(wrong.kind === 'page' && wrong.status === 422);
    const page = wrong.html.toString();
    assert.match(page, /value="often"/);
    assert.ok(!page.includes(HOSTILE));
    const never = await world.ask('post', '/plans/schedules/new', { form: { ...TIMES, name: 'x', preset: 'none' } });
    assert.ok(never.kind === 'page' && never.status === 422);
  });

  it('move every plan that goes by them, say so before, and are changed by the version that was read', async () => {
    const { nightly, hourly } = fleet.plans;
    const id = await saveShared({ name: nameIt() });
    for (const plan of [nightly, hourly])
      assert.equal((await savePlan(plan, { preset: 'shared', sharedSchedule: id })).kind, 'redirect');
    const shown = readWords(await world.read(`/plans/schedules/${id}`));
    assert.match(shown, /fires .*20:30/);
    assert.match(shown, /It can be deleted when no plan goes by it/);
    assert.match(await world.read(`/plans/${nightly}`), new RegExp(`href="/plans/schedules/${id}"[^>]*>after hours`));
    assert.match(readWords(await world.read('/plans')), /Europe\/Berlin after hours \d+/);
    const edit = await world.read(`/plans/schedules/${id}/edit`);
    assert.match(edit, /value="30 20 \* \* 1-5"/);
    assert.match(readWords(edit), /2.plans move with it at once/);
    const form = { ...TIMES, name: 'moved', cron: '45 21 * * *', version: '1' };
    assert.equal((await world.ask('post', `/plans/schedules/${id}/edit`, { form })).kind, 'redirect');
    const second = await world.ask('post', `/plans/schedules/${id}/edit`, { form });
    assert.ok(second.kind === 'page' && second.status === 422);
    for (const plan of [nightly, hourly])
      assert.deepEqual((await getPlan(plan)).schedule, { cron: '45 21 * * *', zone: 'Europe/Berlin' });
    const refused = await world.ask('post', `/plans/schedules/${id}/delete`);
    assert.ok(refused.kind === 'redirect' && refused.to === `/plans/schedules/${id}`);
    assert.match(refused.flash?.text ?? '', /is used by .*hourly/);
    for (const plan of [nightly, hourly]) await savePlan(plan, {});
    const gone = await world.ask('post', `/plans/schedules/${id}/delete`);
    assert.equal(gone.kind === 'redirect' && gone.to, '/plans/schedules');
    await assert.rejects(world.ask('get', `/plans/schedules/${id}`), { code: 'not_found' });
  });

  it('are read by everybody and changed by those who may', async () => {
    const id = await saveShared({ name: nameIt() });
    const role = 'viewer' as const;
    assert.doesNotMatch(await world.read('/plans/schedules', { role }), /New shared schedule/);
    assert.doesNotMatch(await world.read(`/plans/schedules/${id}`, { role }), /Edit|Delete/);
    for (const path of ['/plans/schedules/new', `/plans/schedules/${id}/edit`]) {
      await assert.rejects(world.ask('get', path, { role }), { code: 'forbidden' });
      await assert.rejects(world.ask('post', path, { role, form: TIMES }), { code: 'forbidden' });
    }
    await assert.rejects(world.ask('post', `/plans/schedules/${id}/delete`, { role }), { code: 'forbidden' });
    await world.ask('post', `/plans/schedules/${id}/delete`);
  });
});

describe('The form of a plan', () => {
  it('offers the shared schedules in words, previews the chosen one, and asks for one where none is chosen', async () => {
    const { nightly } = fleet.plans;
    assert.doesNotMatch(await world.read(`/plans/${nightly}/edit`), /value="shared"/);
    const id = await saveShared({ name: nameIt() });
    const edit = await world.read(`/plans/${nightly}/edit`);
    assert.match(edit, /name="preset"\s+value="shared"/);
    assert.match(readWords(edit), /after hours \d+: .*20:30/);
    const fires = await world.read(`/plans/fires?preset=shared&sharedSchedule=${id}&zone=UTC`);
    assert.match(readWords(fires), /20:30/);
    const none = await savePlan(nightly, { preset: 'shared', sharedSchedule: '' });
    assert.ok(none.kind === 'page' && none.status === 422);
    assert.match(none.html.toString(), /Choose one of the shared schedules\./);
    await savePlan(nightly, { preset: 'shared', sharedSchedule: id });
    assert.equal((await getPlan(nightly)).sharedSchedule, id);
    assert.match(await world.read(`/plans/${nightly}/edit`), /name="preset"\s+value="shared"\s+checked/);
    const blank = await world.read(`/plans/new?sharedSchedule=${id}`);
    assert.match(blank, /name="preset"\s+value="shared"\s+checked/);
    await savePlan(nightly, {});
    assert.equal((await getPlan(nightly)).sharedSchedule, undefined);
    await world.ask('post', `/plans/schedules/${id}/delete`);
  });

  it('saves its times as a shared schedule, which the plan then goes by; a taken name keeps both from being saved', async () => {
    const { nightly } = fleet.plans;
    const times = { preset: 'own', cron: '5 23 * * *', zone: 'UTC', shareAs: nameIt() };
    assert.equal((await savePlan(nightly, times)).kind, 'redirect');
    const { sharedSchedule, schedule } = await getPlan(nightly);
    assert.ok(sharedSchedule);
    assert.deepEqual(schedule, { cron: '5 23 * * *', zone: 'UTC' });
    assert.equal((await findShared(sharedSchedule))?.name, nameIt());
    for (const [change, words] of [
      [{ ...times, cron: '6 23 * * *' }, /taken|already/],
      [{ ...times, preset: 'none', shareAs: 'x' }, /has no times to share/],
      [{ ...times, preset: 'shared', sharedSchedule, shareAs: 'x' }, /uses a shared schedule already/],
    ] as const) {
      const refused = await savePlan(nightly, change);
      assert.ok(refused.kind === 'page' && refused.status === 422);
      assert.match(refused.html.toString(), words);
    }
    assert.deepEqual((await getPlan(nightly)).schedule, schedule);
    await savePlan(nightly, {});
    await world.ask('post', `/plans/schedules/${sharedSchedule}/delete`);
  });
});

describe('Many plans', () => {
  it('are given one shared schedule at once, where there is one', async () => {
    const { nightly, hourly } = fleet.plans;
    const none = await world.ask('post', '/plans/acts', { form: { act: 'share_schedule', ids: [nightly] } });
    assert.ok(none.kind === 'redirect' && /no shared schedule yet/.test(none.flash?.text ?? ''));
    const id = await saveShared({ name: nameIt() });
    const question = await world.ask('post', '/plans/acts', { form: { act: 'share_schedule', ids: [nightly, hourly] } });
    assert.ok(question.kind === 'page');
    assert.match(question.html.toString(), /Give one shared schedule to 2\splans\?/);
    const form = { act: 'share_schedule', chosen: `${nightly},${hourly}`, confirm: 'yes', sharedSchedule: id };
    for (const words of [/<h1>2 done\./, /<h1>2 as before\./]) {
      const answer = await world.ask('post', '/plans/acts', { form });
      assert.ok(answer.kind === 'page');
      assert.match(answer.html.toString(), words);
    }
    for (const plan of [nightly, hourly]) assert.equal((await getPlan(plan)).sharedSchedule, id);
  });
});
