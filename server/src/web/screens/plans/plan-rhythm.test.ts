import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { DEFAULT_TENANT, type PlanId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addSource } from '../fixtures/setup-fleet.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { POLICY_FORM_SCREENS } from '../retention/policy-form.ts';
import { createPlanScreens } from './plans.ts';

const CONFLICT = /The policy keeps one for each of 24 hours, but this schedule fires every 24 hours at most/u;

let world: World;
let id: PlanId;
let policy: string;

before(async () => {
  world = await createWorld([...createPlanScreens(calendar, CHANNEL_KINDS), ...POLICY_FORM_SCREENS]);
  const host = await addHost(world, { name: 'db-1' });
  const source = await addSource(world, { host: host.id, name: 'shop' });
  const repository = await addRepository(world);
  const form = { name: 'hours', daily: '7', weekly: '', last: '', hourly: '24', monthly: '', yearly: '', within: '' };
  const saved = await world.ask('post', '/retention/new', { form: { ...form, minAge: '', maxAge: '', maxTotal: '' } });
  assert.ok(saved.kind === 'redirect');
  policy = saved.to.replace('/retention/', '');
  ({ id } = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] }));
});
after(() => world.close());

async function change(fields: object): Promise<void> {
  const { plans } = world.context.store;
  const plan = await plans.findPlan(DEFAULT_TENANT, id);
  if (plan === undefined) throw new AppError('not_found', 'the plan is gone');
  await plans.updatePlan({ ...plan, ...fields }, plan.version);
}

it('A policy that counts hours of a schedule of every day is told on the page and the form, until the schedule fits', async () => {
  const pages = [`/plans/${id}`, `/plans/${id}/edit`];
  for (const page of pages) assert.doesNotMatch(readWords(await world.read(page)), CONFLICT, 'everything is kept');
  await change({ retentionPolicy: policy, schedule: { cron: '0 2 * * *', zone: 'UTC' } });
  for (const page of pages) assert.match(readWords(await world.read(page)), CONFLICT);
  await change({ schedule: { cron: '0 * * * *', zone: 'UTC' } });
  for (const page of pages) assert.doesNotMatch(readWords(await world.read(page)), CONFLICT);
  await change({ schedule: undefined });
  for (const page of pages) assert.doesNotMatch(readWords(await world.read(page)), CONFLICT, 'by hand nothing is promised');
});

it('The preview of a form tells it as the policy or the times are changed', async () => {
  const preview = async (preset: string, chosen: string) =>
    readWords(await world.read(`/plans/fires?preset=${preset}&zone=UTC&retentionPolicy=${chosen}`));
  assert.match(await preview('daily', policy), CONFLICT);
  assert.doesNotMatch(await preview('hourly', policy), CONFLICT);
  for (const chosen of ['everything', '', 'policy_of_nobody', '<b>'])
    assert.doesNotMatch(await preview('daily', chosen), CONFLICT);
  assert.match(await world.read('/plans/new'), /change from:#f-retentionPolicy" hx-include="[^"]*#f-retentionPolicy"/);
});
