import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import * as calendar from '../../../fires/fires.ts';
import type { Host } from '../../../store/hosts.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { POLICY_FORM_SCREENS } from '../retention/policy-form.ts';
import { createPlanScreens } from './plans.ts';

const HOUR = 3_600_000;

let world: World;
let host: Pick<Host, 'id' | 'facts'>;
let plan: { id: string; version: number };

before(async () => {
  world = await createWorld([...createPlanScreens(calendar), ...POLICY_FORM_SCREENS]);
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
