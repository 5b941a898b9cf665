import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import { factsOf } from '../core/fixtures/core-rig.ts';
import { updateHost } from '../core/hosts/hosts.ts';
import { createPlan } from '../core/plans/plans.ts';
import { createRepository, updateRepository } from '../core/repositories/repositories.ts';
import { startPlan } from '../core/runs/runs.ts';
import { createSource } from '../core/sources/sources.ts';
import { type HubRig, type Line, type PlayedAgent, startHubRig } from './fixtures/hub-rig.ts';

const PASSWORD = 'a long repository password';
const ABLE = { facts: { ...factsOf('played.example.com'), capabilities: ['secrets.put'] } };

/** A host with a plan whose agent can do without keeping secrets, and is told to. */
async function openWithPlan(t: TestContext) {
  const rig = await startHubRig(t);
  const agent = await rig.enrol('db-1');
  const { context, admin } = rig;
  const wanted = { host: agent.id, name: 'etc', kind: 'files', config: { paths: ['/etc'] }, secrets: {} };
  const source = await createSource(context, admin, wanted);
  const repository = await createRepository(context, admin, {
    name: 'local',
    kind: 'local',
    config: { path: '/var/backups' },
    secrets: { password: PASSWORD },
  });
  const plan = await createPlan(context, admin, { name: 'nightly', repository: repository.id, sources: [source.id] });
  await context.store.hosts.recordContact(agent.id, { at: rig.clock.now(), ...ABLE });
  await updateHost(context, admin, agent.id, { secretsMode: 'just_in_time' });
  return { rig, agent, plan, repository };
}

/** Answers the spec that is on its way. */
async function takeSpec(agent: PlayedAgent, line: Line): Promise<number> {
  const put = await line.take('spec.put');
  assert.ok(!put.body.document.includes('"box"'));
  agent.specVersion = put.body.version;
  line.send('reply', { result: { version: put.body.version } }, put.id);
  return put.body.version;
}

/** Answers the secrets that are on their way, and tells the repository's password. */
async function takeSecrets(
  rig: HubRig,
  agent: PlayedAgent,
  line: Line,
): Promise<{ specVersion: number; password: string | undefined }> {
  const put = await line.take('secrets.put');
  const { specVersion, items } = put.body;
  assert.equal(items.length, 1);
  const [item] = items;
  assert.ok(item);
  const { sealed, ...binding } = item;
  const { values } = openSealed(
    rig.context.crypto,
    agent.sealing,
    rig.context.identity.publicKey,
    { host: agent.id, ...binding },
    sealed,
  );
  line.send('reply', { result: { specVersion } }, put.id);
  return { specVersion, password: values['password'] };
}

const listHappenings = (rig: HubRig, agent: PlayedAgent, type: string) =>
  rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 50).then((all) => all.filter((one) => one.type === type));

describe('The secrets of a host that keeps none', () => {
  it('follow the spec, come again with each connection and after each change, and go before the orders', async (t) => {
    const { rig, agent, plan, repository } = await openWithPlan(t);
    const { runs } = await startPlan(rig.context, rig.admin, plan.id);
    const line = rig.dial(agent);
    await line.greet(ABLE);
    const version = await takeSpec(agent, line);
    assert.ok(!line.listWaiting().includes('run.start'));
    assert.deepEqual(await takeSecrets(rig, agent, line), { specVersion: version, password: PASSWORD });
    const order = await line.take('run.start');
    assert.equal(order.body.run, runs[0]?.id);
    line.send('reply', { result: { run: order.body.run } }, order.id);

    await updateRepository(rig.context, rig.admin, repository.id, { secrets: { password: 'another long password' } });
    const changed = await takeSpec(agent, line);
    assert.deepEqual(await takeSecrets(rig, agent, line), { specVersion: changed, password: 'another long password' });

    line.socket.close();
    await line.closed;
    const again = rig.dial(agent);
    await again.greet(ABLE);
    assert.deepEqual(await takeSecrets(rig, agent, again), { specVersion: changed, password: 'another long password' });
    assert.ok(!again.listWaiting().includes('spec.put'), 'it has its spec');
  });

  it('are not asked of an agent that does not know them: its history says what it needs, once, and orders go on', async (t) => {
    const { rig, agent, plan } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet();
    await takeSpec(agent, line);
    const { runs } = await startPlan(rig.context, rig.admin, plan.id);
    assert.equal((await line.take('run.start')).body.run, runs[0]?.id);
    assert.ok(!line.listWaiting().includes('secrets.put'));
    const told = await listHappenings(rig, agent, 'host.secrets_failed');
    assert.equal(told.length, 1);
    assert.match(told[0]?.text ?? '', /install a newer agent on the host/);
  });

  it('that the host refuses are told in its history; a spec it refused does not keep them back', async (t) => {
    const { rig, agent } = await openWithPlan(t);
    const line = rig.dial(agent);
    await line.greet(ABLE);
    const spec = await line.take('spec.put');
    line.send('error', { code: 'invalid', message: 'no', retry: 'never' }, spec.id);
    const put = await line.take('secrets.put');
    line.send('error', { code: 'precondition', message: 'this host keeps its secrets', retry: 'never' }, put.id);
    await rig.until('both are told', async () => (await listHappenings(rig, agent, 'host.secrets_failed')).length === 1);
    assert.equal((await listHappenings(rig, agent, 'host.spec_failed')).length, 1);
  });

  it('stay with the spec of a host that keeps them', async (t) => {
    const { rig, agent } = await openWithPlan(t);
    await updateHost(rig.context, rig.admin, agent.id, { secretsMode: 'kept' });
    const line = rig.dial(agent);
    await line.greet(ABLE);
    const put = await line.take('spec.put');
    assert.ok(put.body.document.includes('"box"'));
    line.send('reply', { result: { version: put.body.version } }, put.id);
    await updateHost(rig.context, rig.admin, agent.id, { concurrency: 2 });
    await line.take('spec.put');
    assert.ok(!line.listWaiting().includes('secrets.put'));
  });
});
