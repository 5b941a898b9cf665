import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import type { HostId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_ROUTINE } from '@holdfast/shared/domain/routine.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import type { Order } from '../../store/orders.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Run } from '../../store/runs.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { type EnrolledHost, factsOf } from '../fixtures/core-rig.ts';
import { revokeHost } from '../hosts/hosts.ts';
import { createPlan } from '../plans/plans.ts';
import { setAdminCredential } from '../repositories/admin-credential.ts';
import { setRoutine } from '../routine/routine.ts';
import { getRunDetail } from '../runs/runs.ts';
import { createSource } from '../sources/sources.ts';
import { pinSnapshot } from './pins.ts';
import { startDeletion } from './snapshot-deletion.ts';
import { previewAct, startCopy, startVerify } from './snapshot-orders.ts';

const CAPABILITIES = [
  'verify.start',
  'delete_snapshot.start',
  'copy.start',
  'retention.start',
  'repository.measure',
  'repository.contents',
];

interface Rig extends CatalogRig {
  vault: Repository;
  /** Another host with a plan into the same repository. */
  other: EnrolledHost;
  /** Of the first host, in the vault. */
  snapshot: SnapshotId;
  join(host: EnrolledHost, capabilities?: readonly string[]): Promise<{ leave(): void }>;
  /** The newest order of this kind to that host. */
  findOrder(host: EnrolledHost, type: Order['type']): Promise<Order | undefined>;
}

async function openRig(t: TestContext): Promise<Rig> {
  const rig = await openCatalogRig(t);
  const { context, admin, host, files, clock } = rig;
  const vault = await rig.addRepository('vault', 'rest');
  await context.store.repositories.pinEngineId(admin.tenant, vault.id, 'e'.repeat(64), host.id);
  const other = await rig.enrol('db-2');
  const far = await createSource(context, admin, {
    host: other.id,
    name: 'srv',
    kind: 'files',
    config: { paths: ['/srv'] },
    secrets: {},
  });
  await createPlan(context, admin, { name: 'both', repository: vault.id, sources: [files.id, far.id] });
  return {
    ...rig,
    vault,
    other,
    snapshot: await rig.reportBackup(files, vault, 'succeeded'),
    async join({ id }, capabilities = CAPABILITIES) {
      const facts = { ...factsOf(id), capabilities: [...capabilities] };
      await context.store.hosts.recordContact(id, { at: clock.now(), facts });
      const session = rig.connect(id, () => assert.fail('nothing is asked'));
      return { leave: () => rig.directory.unregister(session) };
    },
    findOrder: async ({ id }, type) =>
      (await context.store.orders.listWaitingOrders(id, clock.now())).findLast((one) => one.type === type),
  };
}

const nameOf = ({ host, other }: Rig, id: HostId | undefined) =>
  id === host.id ? 'maker' : id === other.id ? 'other' : undefined;

const hostsOf = (rig: Rig, runs: readonly Run[]) => runs.map((run) => nameOf(rig, run.host));

const setAdmin = ({ context, admin, vault }: Rig) =>
  setAdminCredential(context, admin, vault.id, { config: { username: 'keeper' }, secrets: { restPassword: 'may-remove' } });

describe('What is done with snapshots that somebody chose', () => {
  it('is done by the host that made them while it is there, and by another one that holds the credential where it is not', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, other, snapshot, vault } = rig;
    const snapshots = [snapshot];
    const maker = await rig.join(host);
    await rig.join(other);
    assert.deepEqual(hostsOf(rig, (await startVerify(context, admin, { snapshots })).runs), ['maker']);
    maker.leave();
    const away = await previewAct(context, admin, 'verify', { snapshots });
    assert.deepEqual(
      [nameOf(rig, away.batches[0]?.host.id), away.choices.map(({ id }) => nameOf(rig, id))],
      ['other', ['maker', 'other']],
    );
    await revokeHost(context, admin, host.id);
    const { runs } = await startVerify(context, admin, { snapshots });
    assert.deepEqual(hostsOf(rig, runs), ['other']);
    const [run] = runs;
    assert.ok(run);
    const { named } = await getRunDetail(context, admin, run.id);
    assert.deepEqual(
      named.map(({ id, host: made }) => [id, nameOf(rig, made)]),
      [[snapshot, 'maker']],
    );
    const order = await rig.findOrder(other, 'verify.start');
    const body = REQUESTS['verify.start'].body.parse(JSON.parse(order?.body ?? 'null'));
    assert.deepEqual(
      body.snapshots.map(({ madeBy }) => madeBy),
      ['db-1'],
    );
    await assert.rejects(startVerify(context, admin, { snapshots, host: host.id }), /holds the credential of vault anyway/u);
    const gone = await startDeletion(context, admin, { snapshots, confirm: 'delete 1' });
    assert.deepEqual(hostsOf(rig, gone.runs), ['other']);
    // Whoever pins it says that it stays, and the host that made it is not the one to hear of that.
    await pinSnapshot(context, admin, snapshot);
    assert.ok(await rig.findOrder(other, 'run.cancel'));
    assert.equal((await context.store.repositories.findRepository(admin.tenant, vault.id))?.testedFrom, host.id);
  });

  it('is refused in words where no other host holds the credential, and never gives one to a host that has none', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, other, snapshot } = rig;
    const stranger = await rig.enrol('web-1');
    await rig.join(stranger);
    const snapshots = [snapshot];
    await assert.rejects(
      startVerify(context, admin, { snapshots, host: stranger.id }),
      /another one that holds the credential of vault anyway/u,
    );
    const second = await rig.addRepository('second', 'rest');
    await context.store.repositories.pinEngineId(admin.tenant, second.id, 'f'.repeat(64), stranger.id);
    await rig.join(other);
    await revokeHost(context, admin, host.id);
    await assert.rejects(
      startCopy(context, admin, { snapshots, repository: second.id }),
      /no other approved host holds the credential of both vault and second/u,
    );
    await context.store.repositories.pinEngineId(admin.tenant, second.id, 'f'.repeat(64), other.id);
    await createPlan(context, admin, { name: 'there', repository: second.id, sources: [(await findSource(rig)).id] });
    const { runs } = await startCopy(context, admin, { snapshots, repository: second.id });
    assert.deepEqual(hostsOf(rig, runs), ['other']);
    await rig.join(
      other,
      CAPABILITIES.filter((one) => one !== 'repository.contents'),
    );
    await assert.rejects(
      startCopy(context, admin, { snapshots, repository: second.id }),
      /too old for snapshots of other hosts/u,
    );
    await revokeHost(context, admin, other.id);
    await assert.rejects(startVerify(context, admin, { snapshots }), /its host is gone, and no other approved host holds/u);
    assert.equal(await rig.findOrder(stranger, 'verify.start'), undefined);
  });

  it('goes through the host that keeps the repository up where only the admin credential removes', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, other, snapshot, vault } = rig;
    const snapshots = [snapshot];
    const confirmed = { snapshots, confirm: 'delete 1' };
    await rig.join(host);
    await rig.join(other);
    await setAdmin(rig);
    const routine = { kind: 'routine', routine: DEFAULT_ROUTINE } as const;
    await setRoutine(context, admin, vault.id, { ...routine, maintainer: other.id });
    const { choices } = await previewAct(context, admin, 'delete', { snapshots });
    assert.deepEqual(
      choices.map(({ id }) => nameOf(rig, id)),
      ['other'],
    );
    await assert.rejects(startDeletion(context, admin, { ...confirmed, host: host.id }), /only db-2, which keeps vault up/u);
    const { runs } = await startDeletion(context, admin, confirmed);
    assert.deepEqual(hostsOf(rig, runs), ['other']);
    assert.equal(await rig.findOrder(host, 'delete_snapshot.start'), undefined, 'the maker is told nothing of it');
    const order = await rig.findOrder(other, 'delete_snapshot.start');
    const body = REQUESTS['delete_snapshot.start'].body.parse(JSON.parse(order?.body ?? 'null'));
    assert.equal(body.isAdmin, true);
    const { secrets } = body.repository.draft;
    assert.ok(secrets);
    const binding = { host: other.id, purpose: 'request' as const, ref: `${body.run}.repositories`, version: 1 };
    const opened = openSealed(context.crypto, other.sealing, context.identity.publicKey, binding, secrets);
    assert.equal(opened.values['restPassword'], 'may-remove');
    // Reading needs no more than the everyday credential, and stays with the maker.
    assert.deepEqual(hostsOf(rig, (await startVerify(context, admin, { snapshots })).runs), ['maker']);
  });

  it('takes the lease with it where no host is named, so that one host at a time holds the admin credential', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, other, snapshot, vault } = rig;
    await rig.join(other);
    await setAdmin(rig);
    await setRoutine(context, admin, vault.id, { kind: 'routine', routine: DEFAULT_ROUTINE });
    const { runs } = await startDeletion(context, admin, { snapshots: [snapshot], confirm: 'delete 1' });
    assert.deepEqual(hostsOf(rig, runs), ['other']);
    const { lease } = (await context.store.routines.findRoutine(admin.tenant, vault.id)) ?? {};
    assert.deepEqual([nameOf(rig, lease?.host), (lease?.until ?? 0) > rig.clock.now()], ['other', true]);
    const lost = { code: 'unavailable', message: 'the host ended before it began' } as const;
    for (const { id } of runs) await context.store.orders.finishUnstarted(admin.tenant, id, 'failed', lost, rig.clock.now());
    await rig.join(host);
    const again = await startDeletion(context, admin, { snapshots: [snapshot], confirm: 'delete 1' });
    assert.deepEqual(hostsOf(rig, again.runs), ['other'], 'also when the host that opened it last is back');
  });

  it('of a repository kept up by hand gives the admin credential to the maker only when a person names it', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, other, snapshot, vault } = rig;
    const confirmed = { snapshots: [snapshot], confirm: 'delete 1' };
    await rig.join(host);
    await rig.join(other);
    await setAdmin(rig);
    await setRoutine(context, admin, vault.id, { kind: 'by_hand' });
    assert.deepEqual(hostsOf(rig, (await startDeletion(context, admin, confirmed)).runs), ['other']);
    await revokeHost(context, admin, other.id);
    await assert.rejects(startDeletion(context, admin, confirmed), /not to be given the admin credential unless it is chosen/u);
    const { batches, choices } = await previewAct(context, admin, 'delete', confirmed);
    assert.deepEqual([batches, choices.map(({ id }) => nameOf(rig, id))], [[], ['maker']]);
    assert.deepEqual(hostsOf(rig, (await startDeletion(context, admin, { ...confirmed, host: host.id })).runs), ['maker']);
  });
});

async function findSource({ context, admin, other }: Rig) {
  const { rows } = await context.store.sources.listSources(admin.tenant, { host: other.id }, { limit: 1 });
  const [found] = rows;
  assert.ok(found);
  return found;
}
