import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type PlanId } from '@holdfast/shared/domain/ids.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import { readWords } from '../fixtures/inert.ts';
import { addCopies, addHost, addPlan, addRepository, addRun, addSource } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { POLICY_FORM_SCREENS } from '../retention/policy-form.ts';
import { createPlanScreens } from './plans.ts';

const HOUR = 3_600_000;

let world: World;
let host: Pick<Host, 'id' | 'facts'>;
let plan: { id: PlanId; version: number };

before(async () => {
  world = await createWorld([...createPlanScreens(calendar, CHANNEL_KINDS), ...POLICY_FORM_SCREENS]);
  host = await addHost(world, { name: 'db-1' });
  const source = await addSource(world, { host: host.id, name: 'shop' });
  const repository = await addRepository(world);
  const form = { name: 'two', daily: '', weekly: '', last: '2', hourly: '', monthly: '', yearly: '', within: '' };
  const saved = await world.ask('post', '/retention/new', { form: { ...form, minAge: '', maxAge: '', maxTotal: '' } });
  assert.ok(saved.kind === 'redirect');
  const made = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
  const policy = saved.to.replace('/retention/', '');
  await world.context.store.plans.updatePlan({ ...made, retentionPolicy: policy as never }, made.version);
  plan = made;
  for (let age = 6; age > 0; age -= 1)
    await addRun(world, { host: host.id, plan: made.id, repository: repository.id, source: source.id, at: NOW - age * HOUR });
});
after(() => world.close());

describe('Removing by hand what a plan does not keep', () => {
  it('names how many go and that it is agreed to with the step; only for those who may', async () => {
    const page = readWords(await world.read(`/plans/${plan.id}`));
    assert.match(page, /Agree and remove 4.backups/);
    assert.match(page, /Remove 4.backups of “nightly”\? They are gone from the repository for good, in 1.source;/);
    assert.match(page, /more than half of the backups of a source: you agree to it with this step/);
    assert.doesNotMatch(readWords(await world.read(`/plans/${plan.id}`, { role: 'viewer' })), /Agree and remove/);
  });

  it('says what is in the way, and orders nothing', async () => {
    const reply = await world.ask('post', `/plans/${plan.id}/forget`, { form: { isApproved: 'true' } });
    assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'bad');
    assert.match(String(reply.flash.text), /the agent of db-1 is too old to remove snapshots/);
    assert.deepEqual(await world.context.store.orders.listWaitingOrders(host.id, NOW), []);
  });

  it('orders it from the host with what was agreed to, and shows the run', async () => {
    const { hosts, orders } = world.context.store;
    const facts = (await hosts.findHost(DEFAULT_TENANT, host.id))?.facts ?? host.facts;
    assert.ok(facts);
    await hosts.recordContact(host.id, { at: NOW, facts: { ...facts, capabilities: ['forget.start'] } });
    const reply = await world.ask('post', `/plans/${plan.id}/forget`, { form: { isApproved: 'true' } });
    assert.ok(reply.kind === 'redirect');
    assert.match(reply.to, /^\/runs\/run_/);
    const [order] = await orders.listWaitingOrders(host.id, NOW);
    const body = REQUESTS['forget.start'].body.parse(JSON.parse(order?.body ?? ''));
    assert.deepEqual([body.plan, body.isApproved], [plan.id, true]);
  });
});

describe('Retention of copies in the second repository', () => {
  let second: Repository;
  const page = async (more = '') => readWords(await world.read(`/plans/${plan.id}/retention?repository=${second.id}${more}`));

  before(async () => {
    second = await addRepository(world, { name: 'off-site' });
    const { plans } = world.context.store;
    const stored = await plans.findPlan(DEFAULT_TENANT, plan.id);
    assert.ok(stored);
    const copied = { ...stored, copyRepository: second.id, copyPolicy: stored.retentionPolicy };
    await plans.updatePlan({ ...copied, retentionPolicy: undefined }, stored.version);
    await addCopies(world, { host: host.id, plan: plan.id, from: stored.repository, to: second.id, at: NOW - 1000 });
  });

  it('is shown on the page of the plan, and backup by backup on a page of its own, which leads to the other repository', async () => {
    const brief = readWords(await world.read(`/plans/${plan.id}`));
    assert.match(brief, /4 of 6.copies would go in one step/);
    const words = await page();
    assert.match(words, /What “nightly” keeps of its copies, and what goes next/);
    assert.match(words, /Retention of copies/);
    assert.match(words, /Agree and remove 4.copies/);
    assert.match(words, /gone from the second repository for good/);
    const own = await world.read(`/plans/${plan.id}/retention`);
    assert.match(readWords(own), /Everything is kept/);
    assert.match(own, new RegExp(`/plans/${plan.id}/retention\\?repository=${second.id}`));
  });

  it('is agreed to there, and ordered of the second repository alone', async () => {
    const { hosts, orders } = world.context.store;
    const facts = (await hosts.findHost(DEFAULT_TENANT, host.id))?.facts;
    assert.ok(facts);
    await hosts.recordContact(host.id, { at: NOW, facts: { ...facts, capabilities: ['forget.start', 'copy.start'] } });
    const before = (await orders.listWaitingOrders(host.id, NOW)).map(({ id }) => id);
    const form = { isApproved: 'true', repository: second.id };
    const reply = await world.ask('post', `/plans/${plan.id}/forget`, { form });
    assert.ok(reply.kind === 'redirect');
    const order = (await orders.listWaitingOrders(host.id, NOW)).find(({ id }) => !before.includes(id));
    const body = REQUESTS['forget.start'].body.parse(JSON.parse(order?.body ?? ''));
    assert.deepEqual([body.plan, body.repository, body.isApproved], [plan.id, second.id, true]);
  });

  it('stands still while the newest copy did not end clean', async () => {
    const { repository: from } = (await world.context.store.plans.findPlan(DEFAULT_TENANT, plan.id)) ?? assert.fail('no plan');
    await addCopies(world, { host: host.id, plan: plan.id, from, to: second.id, at: NOW - 500, state: 'failed' });
    const words = await page();
    assert.match(words, /nothing is removed, because the newest copy did not end clean/);
    assert.doesNotMatch(words, /remove 4.copies/);
    await addCopies(world, { host: host.id, plan: plan.id, from, to: second.id, at: NOW - 400 });
    assert.match(await page(), /Agree and remove 4.copies/);
  });
});
