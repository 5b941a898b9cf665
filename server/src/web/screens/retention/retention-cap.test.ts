import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { buildSpec } from '../../../core/hosts/spec.ts';
import { previewRetentionCap } from '../../../core/retention/retention-cap-change.ts';
import { createPolicy } from '../../../core/retention/retention-policies.ts';
import { previewRetention } from '../../../core/retention/retention-preview.ts';
import type { Plan } from '../../../store/plans.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, DAY_MS, MINUTE_MS } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { RETENTION_SCREENS } from './retention.ts';
import { RETENTION_CAP_SCREENS } from './retention-cap.ts';

const ADMIN = createCaller();
const AGES = [1, 2, 3, 300, 365, 366, 400];

describe('the cap of age over all policies', () => {
  let world: World;
  let plan: Plan;
  before(async () => {
    world = await createWorld([...RETENTION_CAP_SCREENS, ...RETENTION_SCREENS]);
    const host = await addHost(world, { name: 'db-1' });
    const source = await addSource(world, { host: host.id, name: 'shop' });
    const repository = await addRepository(world);
    const made = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
    await addPlan(world, { name: 'without a policy', repository: repository.id, sources: [source.id] });
    const everything = await createPolicy(world.context, ADMIN, { name: 'all', policy: { kind: 'everything' } });
    plan = { ...made, retentionPolicy: everything.id, version: made.version + 1 };
    await world.context.store.plans.updatePlan(plan, made.version);
    // A snapshot of this fixture is made a minute after its run begins.
    for (const days of AGES.toReversed())
      await addRun(world, {
        host: host.id,
        plan: plan.id,
        repository: repository.id,
        source: source.id,
        at: NOW - days * DAY_MS - MINUTE_MS,
      });
  });
  after(() => world.close());

  const ask = (days: number) => world.read(`/retention/cap?days=${days}`).then(readWords);
  const set = (form: Record<string, string>) => world.ask('post', '/retention/cap', { form });
  const listGoing = async () =>
    (await previewRetention(world.context, ADMIN, plan.id)).sources.flatMap(({ backups }) =>
      backups.flatMap(({ decision }) => (decision.verdict === 'remove' ? [decision.because] : [])),
    );
  const readSpecPlan = async () => {
    const { context } = world;
    const [host] = (await context.store.hosts.listHosts(DEFAULT_TENANT, {}, { limit: 1 })).rows;
    const issued = await buildSpec(context, DEFAULT_TENANT, host?.id ?? assert.fail('no host'));
    const spec = specSchema.parse(verifyDocument(context.crypto, context.identity.publicKey, 'spec', issued));
    return { version: spec.version, capDays: spec.plans.find(({ id }) => id === plan.id)?.retentionCapDays };
  };

  it('is off, and suggests a year', async () => {
    assert.match(readWords(await world.read('/retention')), /Cap of age off No cap is set/);
    assert.match(await world.read('/retention/cap'), /value="365"/);
    assert.deepEqual(await listGoing(), []);
    assert.equal((await readSpecPlan()).capDays, undefined);
  });

  it('shows what it would remove before it is set: 365 days stay, 366 go', async () => {
    assert.match(await ask(365), /A cap of 365 days would remove 2 backups\..*1 plan without a policy is not concerned.*2 of 7/);
    assert.match(await ask(3650), /A cap of 3,650 days would remove nothing now/);
    assert.match(
      await ask(1),
      /would remove 5 backups.*1 source: more than half would go at once/,
      'the last two good ones stay',
    );
    assert.deepEqual(await listGoing(), [], 'looking changes nothing');
  });

  it('counts every plan, whatever their number, and names those that lose the most', async () => {
    const { context } = world;
    const [source] = (await context.store.sources.listSources(DEFAULT_TENANT, {}, { limit: 1 })).rows;
    const template = source ?? assert.fail();
    const plans = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        addPlan(world, { name: `many ${index}`, repository: plan.repository, sources: [template.id] }),
      ),
    );
    for (const made of plans)
      await context.store.plans.updatePlan(
        { ...made, retentionPolicy: plan.retentionPolicy, version: made.version + 1 },
        made.version,
      );
    // Three backups each, of which the last two good ones stay; the last plan has one more that goes.
    for (const [at, made] of plans.entries())
      for (const days of at === 4 ? [900, 800, 2, 1] : [900, 2, 1])
        await addRun(world, {
          host: template.host,
          plan: made.id,
          repository: plan.repository,
          source: template.id,
          at: NOW - days * DAY_MS,
        });
    const preview = await previewRetentionCap(context, ADMIN, { maxAgeDays: 500 }, { named: 2, page: 2 });
    assert.deepEqual([preview.removed, preview.concerned, preview.isCut, preview.without], [6, 5, true, 1]);
    assert.deepEqual(
      preview.plans.map(({ removed }) => removed),
      [2, 1],
    );
    assert.equal(preview.plans[0]?.plan.name, plans.at(-1)?.name);
    const all = await previewRetentionCap(context, ADMIN, { maxAgeDays: 500 });
    assert.deepEqual([all.plans.length, all.isCut, all.removed], [5, false, 6]);
    for (const made of plans) await context.store.plans.deletePlan(DEFAULT_TENANT, made.id);
  });

  it('is set by who typed it, for the number that was seen, and is what the preview and the hosts go by', async () => {
    const before = await readSpecPlan();
    const mistyped = await set({ days: '365', seen: '2', confirm: 'cap' });
    assert.ok(mistyped.kind === 'page');
    const stale = await set({ days: '365', seen: '1', confirm: 'cap 365' });
    assert.ok(stale.kind === 'page');
    assert.match(readWords(stale.html.toString()), /by now 2 backups would go by this cap, and not the 1 that were shown/);
    assert.deepEqual(await listGoing(), []);
    assert.equal((await set({ days: '365', seen: '2', confirm: 'cap 365' })).kind, 'redirect');
    assert.deepEqual(await listGoing(), [
      { remove: 'over_cap', days: 365 },
      { remove: 'over_cap', days: 365 },
    ]);
    assert.equal((await previewRetention(world.context, ADMIN, plan.id)).capDays, 365);
    const now = await readSpecPlan();
    assert.deepEqual([now.capDays, now.version > before.version], [365, true]);
    const { rows } = await world.context.store.trail.listAudit(
      DEFAULT_TENANT,
      { action: 'settings.retention_cap_set' },
      { limit: 5 },
    );
    assert.deepEqual(rows[0]?.change, { before: { maxAgeDays: 0 }, after: { maxAgeDays: 365, removes: 2 } });
    assert.match(readWords(await world.read('/retention')), /Cap of age 365 days No policy keeps a backup that is older/);
  });

  it('is taken away again, and is not for those who may not change settings', async () => {
    assert.match(await ask(0), /Without a cap, policies alone decide\..*Take the cap away/);
    assert.equal((await set({ days: '0', seen: '0' })).kind, 'redirect');
    assert.deepEqual(await listGoing(), []);
    const isForbidden = (error: unknown) => error instanceof AppError && error.code === 'forbidden';
    await assert.rejects(world.ask('get', '/retention/cap', { role: 'operator' }), isForbidden);
    await assert.rejects(
      world.ask('post', '/retention/cap', { role: 'operator', form: { days: '1', seen: '5', confirm: 'cap 1' } }),
      isForbidden,
    );
    assert.match(await ask(999_999), /Days/);
  });
});
