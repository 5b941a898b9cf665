import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import type { HostId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { AppError } from '@holdfast/shared/errors.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { type OrderedRepository, REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import type { Repository } from '../../store/repositories.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { buildSpec } from '../hosts/spec.ts';
import { applyHostEvents } from '../ingest.ts';
import { startForget } from '../retention/forget.ts';
import { setRoutine } from '../routine/routine.ts';
import { listAdminFields, removeAdminCredential, setAdminCredential } from './admin-credential.ts';
import { readUpkeep, startCheck, startPrune } from './maintenance.ts';
import { createRepository, updateRepository } from './repositories.ts';

const ENGINE_ID = 'e'.repeat(64);
const EVERYDAY = 'may-only-add';
const ADMIN = 'may-remove-too';

interface Rig extends CatalogRig {
  vault: Repository;
}

/** With a repository that has been opened, and a host whose agent knows upkeep. */
async function openRig(t: TestContext): Promise<Rig> {
  const rig = await openCatalogRig(t);
  const { context, admin, host } = rig;
  const facts = { ...factsOf('db-1'), capabilities: ['forget.start', 'check.start', 'prune.start'] };
  await context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts });
  const vault = await createRepository(context, admin, {
    name: 'vault',
    kind: 'rest',
    config: { url: 'https://backup.example.com/shop/', username: 'agent' },
    secrets: { restPassword: EVERYDAY, password: 'p' },
  });
  await context.store.repositories.pinEngineId(admin.tenant, vault.id, ENGINE_ID, host.id);
  return { ...rig, vault };
}

async function readOrder<T extends 'check.start' | 'prune.start' | 'forget.start'>(rig: Rig, type: T) {
  const orders = await rig.context.store.orders.listWaitingOrders(rig.host.id, rig.clock.now());
  const order = orders.findLast((one) => one.type === type);
  return REQUESTS[type].body.parse(JSON.parse(order?.body ?? 'null')) as ReturnType<(typeof REQUESTS)[T]['body']['parse']>;
}

/** What the host finds when it opens the seal. */
function openOrdered(rig: Rig, run: RunId, { draft }: OrderedRepository): Readonly<Record<string, string>> {
  assert.ok(draft.secrets);
  const binding = { host: rig.host.id, purpose: 'request' as const, ref: `${run}.repositories`, version: 1 };
  const { crypto, identity } = rig.context;
  return openSealed(crypto, rig.host.sealing, identity.publicKey, binding, draft.secrets).values;
}

const setAdmin = (rig: Rig) =>
  setAdminCredential(rig.context, rig.admin, rig.vault.id, { config: { username: 'keeper' }, secrets: { restPassword: ADMIN } });

describe('Checks and prunes', () => {
  it('are ordered with the everyday credential while there is no other', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, vault } = rig;
    const scope = { kind: 'part', part: 2, of: 5 } as const;
    const check = await startCheck(context, admin, vault.id, { host: host.id, scope });
    assert.deepEqual([check.kind, check.state, check.scope], ['check', 'queued', scope]);
    const ordered = await readOrder(rig, 'check.start');
    assert.deepEqual([ordered.run, ordered.scope, ordered.repository.pinnedId], [check.id, scope, ENGINE_ID]);
    assert.deepEqual(openOrdered(rig, check.id, ordered.repository), { restPassword: EVERYDAY, password: 'p' });
    await assert.rejects(startPrune(context, admin, vault.id, { host: host.id }), (thrown: AppError) => {
      assert.match(thrown.message, /^a run is under way in this repository: wait for/);
      assert.deepEqual([thrown.code, thrown.details['field'], thrown.details['runs']], ['conflict', 'understood', [check.id]]);
      return true;
    });
    const prune = await startPrune(context, admin, vault.id, { host: host.id, understood: true });
    const pruning = await readOrder(rig, 'prune.start');
    assert.deepEqual([pruning.run, pruning.isAdmin, pruning.maxUnusedPercent], [prune.id, false, 5]);
    const { checks, prunes } = await readUpkeep(context, admin, vault.id);
    assert.deepEqual([checks.map(({ id }) => id), prunes.map(({ id }) => id)], [[check.id], [prune.id]]);
  });

  it('are refused of a repository that nobody opened, from a host that is not there, and by an agent that is too old', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, vault, repository } = rig;
    const scope = { kind: 'structure' } as const;
    await assert.rejects(startCheck(context, admin, repository.id, { host: host.id, scope }), /no host has opened/);
    await assert.rejects(startPrune(context, admin, vault.id, { host: 'host_1' as HostId }), /no such approved host/);
    await context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts: factsOf('db-1') });
    await assert.rejects(startCheck(context, admin, vault.id, { host: host.id, scope }), /too old/);
    await assert.rejects(startPrune(context, admin, vault.id, { host: host.id }), /too old/);
    assert.deepEqual(await context.store.orders.listWaitingOrders(host.id, rig.clock.now()), []);
  });

  it('leave a history of sizes, told by the run that measured', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, vault } = rig;
    const run = await startCheck(context, admin, vault.id, { host: host.id, scope: { kind: 'structure' } });
    const at = rig.clock.now();
    const created: DurableEvent = {
      type: 'run.created',
      run: run.id,
      at,
      kind: 'check',
      trigger: 'manual',
      repository: vault.id,
      sources: [],
    };
    await applyHostEvents(context, { id: host.id, tenant: admin.tenant }, 'epoch-of-the-sizes', [
      { seq: 1, event: created },
      { seq: 2, event: { type: 'run.started', run: run.id, at } },
      { seq: 3, event: { type: 'repository.measured', run: run.id, at, sizeBytes: 700, uncompressedBytes: 900, snapshots: 3 } },
    ]);
    const { sizes, checks } = await readUpkeep(context, admin, vault.id);
    const size = { run: run.id, measuredAt: at, sizeBytes: 700, uncompressedBytes: 900, snapshots: 3, restoreBytes: 0 };
    assert.deepEqual(sizes, [size]);
    assert.deepEqual(checks[0]?.scope, { kind: 'structure' });
  });
});

describe('An admin credential', () => {
  it('travels with prune and retention alone, never in a spec, and is merged with what it does not name', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, vault, plan, files } = rig;
    await setAdmin(rig);
    const prune = await startPrune(context, admin, vault.id, { host: host.id });
    const pruning = await readOrder(rig, 'prune.start');
    assert.equal(pruning.isAdmin, true);
    assert.deepEqual(pruning.repository.draft.config, {
      url: 'https://backup.example.com/shop/',
      username: 'keeper',
      allowHttp: false,
      passwordOnly: false,
    });
    assert.deepEqual(openOrdered(rig, prune.id, pruning.repository), { restPassword: ADMIN, password: 'p' });
    const check = await startCheck(context, admin, vault.id, { host: host.id, scope: { kind: 'everything' } });
    assert.equal(openOrdered(rig, check.id, (await readOrder(rig, 'check.start')).repository)['restPassword'], EVERYDAY);
    const moved = { ...plan, repository: vault.id, sources: [files.id] };
    await context.store.plans.updatePlan(moved, plan.version);
    // Where no host keeps the repository up, a person sends the hosts of the plan.
    await setRoutine(context, admin, vault.id, { kind: 'by_hand' });
    const { runs } = await startForget(context, admin, plan.id, { isApproved: true });
    const removal = (await readOrder(rig, 'forget.start')).admin;
    assert.ok(removal && runs[0]);
    assert.equal(openOrdered(rig, runs[0].id, removal)['restPassword'], ADMIN);
    const { document } = await buildSpec(context, admin.tenant, host.id);
    assert.match(document, /"addsOnly":true/);
    assert.doesNotMatch(document, /keeper/);
  });

  it('is encrypted, kept when the repository is changed or it is set again without a secret, and gone when it is removed', async (t) => {
    const rig = await openRig(t);
    const { context, admin, vault } = rig;
    const set = await setAdmin(rig);
    assert.doesNotMatch(JSON.stringify(set), new RegExp(ADMIN));
    await updateRepository(context, admin, vault.id, { name: 'vault 2' });
    const again = await setAdminCredential(context, admin, vault.id, {
      config: { username: 'other' },
      secrets: { restPassword: '' },
    });
    assert.deepEqual(again.admin?.secrets, set.admin?.secrets);
    assert.deepEqual(again.admin?.config, { username: 'other' });
    assert.equal((await removeAdminCredential(context, admin, vault.id)).admin, undefined);
    assert.equal((await context.store.repositories.findRepository(admin.tenant, vault.id))?.admin, undefined);
  });

  it('names at least one difference, fits together with the rest, and is not for a directory', async (t) => {
    const rig = await openRig(t);
    const { context, admin, vault, repository } = rig;
    const set = (config: object, secrets: object) =>
      setAdminCredential(context, admin, vault.id, { config: { ...config }, secrets: { ...secrets } });
    await assert.rejects(set({}, {}), /Fill in what differs/);
    await assert.rejects(set({ url: 'http://backup.example.com/' }, {}), /must begin with https/);
    await assert.rejects(set({ caCert: 'x' }, {}), /is not a field/);
    assert.deepEqual(listAdminFields('local'), []);
    await assert.rejects(setAdminCredential(context, admin, repository.id, { config: {}, secrets: {} }), /one way only/);
  });
});
