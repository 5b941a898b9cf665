/** A real rest-server that takes no removal, and another one before the same directory that does: everyday and admin credential. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Secrets } from '@holdfast/shared/adapters/field.ts';
import type { HostId, PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import { retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import type { OrderedRepository } from '@holdfast/shared/protocol/messages.ts';
import type { HeldRemoval, OrderedRemoval } from '@holdfast/shared/protocol/retention-orders.ts';
import { GENERATIONS, writeNoise } from '../../agent/src/engines/restic/fixtures/laboratory.ts';
import { makeQuickRepository } from '../../agent/src/engines/restic/fixtures/quick-repository.ts';
import { findEvent, openRunRig, outline, PASSWORD, type RunRig } from '../../agent/src/runs/fixtures/run-rig.ts';
import { reconcileRepository } from '../../agent/src/runs/recovery/reconcile.ts';
import { type RestServerHandle, startRestServer } from '../harness/services/rest-server.ts';

/** What whoever has the credential of the host asks of the server, past restic; the status of the answer. */
async function attack({ everyday }: Place, method: 'DELETE' | 'POST', path: string, body?: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${everyday.user}:${everyday.password}`).toString('base64')}`;
  const asked = { method, headers: { authorization }, ...(body === undefined ? {} : { body }) };
  const response = await fetch(`${everyday.url}shop/${path}`, asked);
  await response.arrayBuffer();
  return response.status;
}

/** Every file of the repository by its path, with its content's hash; locks come and go. */
function hashStored({ everyday }: Place): ReadonlyMap<string, string> {
  const root = join(everyday.dataDirectory, 'shop');
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return new Map(
    files.flatMap(({ parentPath, name }) => {
      const path = relative(root, join(parentPath, name));
      if (path.startsWith('locks/')) return [];
      return [
        [
          path,
          createHash('sha256')
            .update(readFileSync(join(parentPath, name)))
            .digest('hex'),
        ],
      ];
    }),
  );
}

interface Place {
  rig: RunRig;
  /** Before the same directory; only `admin` removes. */
  everyday: RestServerHandle;
  admin: RestServerHandle;
  /** Names of snapshots and packs in storage. */
  listStored(): { snapshots: string[]; packs: string[] };
}

const configOf = (server: RestServerHandle) => ({ url: `${server.url}shop/`, username: server.user ?? '' });
const secretsOf = (server: RestServerHandle): Secrets => ({ password: PASSWORD, restPassword: server.password ?? '' });

async function openPlace(t: TestContext, restic: string): Promise<Place> {
  // First, so that its runs end before the servers do.
  const rig = await openRunRig(t, { restic });
  const everyday = await startRestServer({ appendOnly: true });
  const admin = await startRestServer({ dataDirectory: everyday.dataDirectory });
  t.after(async () => {
    await admin.stop();
    await everyday.stop();
  });
  const repository = join(everyday.dataDirectory, 'shop');
  const pinnedId = makeQuickRepository(repository, PASSWORD);
  const { id } = rig.repository;
  rig.spec.repositories = [
    {
      ...rig.repository,
      kind: 'rest',
      config: configOf(everyday),
      secrets: rig.seal('repository', id, secretsOf(everyday)),
      pinnedId,
    },
  ];
  mkdirSync(join(rig.dir, 'letters'));
  rig.addFiles('letters', [join(rig.dir, 'letters')]);
  const list = (folder: string) => readdirSync(join(repository, folder)).toSorted();
  return {
    rig,
    everyday,
    admin,
    listStored: () => ({
      snapshots: list('snapshots'),
      packs: list('data').flatMap((folder) => list(`data/${folder}`)),
    }),
  };
}

const terms = (rig: RunRig) => ({ trigger: 'manual', requestedBy: 'ann', notAfter: rig.workbench.clock.now() + 60_000 }) as const;

function nameThrough(rig: RunRig, run: RunId, server: RestServerHandle): OrderedRepository {
  const [repository] = rig.spec.repositories;
  const secrets = rig.seal('request', `${run}.repositories`, { ...secretsOf(server) });
  return {
    id: rig.repository.id,
    draft: { kind: 'rest', config: configOf(server), secrets },
    ...(repository?.pinnedId === undefined ? {} : { pinnedId: repository.pinnedId }),
  };
}

async function endOf(rig: RunRig, run: RunId) {
  return findEvent(await rig.awaitEnd(run), 'run.finished');
}

function orderForget(rig: RunRig, orderId: string, server?: RestServerHandle): RunId {
  const run = rig.workbench.createId('run');
  const admin = server ? { admin: nameThrough(rig, run, server) } : {};
  rig.executor.startForget({ run, plan: rig.plan().id, isApproved: true, ...admin, ...terms(rig) }, orderId);
  return run;
}

function orderPrune(rig: RunRig, orderId: string, server: RestServerHandle, isAdmin: boolean): RunId {
  const run = rig.workbench.createId('run');
  const order = { run, repository: nameThrough(rig, run, server), isAdmin, maxUnusedPercent: 0, ...terms(rig) };
  rig.executor.startMaintenance({ kind: 'prune', order }, orderId);
  return run;
}

function orderRetention(
  rig: RunRig,
  server: RestServerHandle,
  plan: PlanId,
  removals: OrderedRemoval[],
  held: HeldRemoval[] = [],
): RunId {
  const run = rig.workbench.createId('run');
  const names = { planName: 'nightly', policyName: 'the last two' };
  const repository = nameThrough(rig, run, server);
  const order = { run, tenant: rig.spec.tenant, plan, ...names, repository, removals, held, ...terms(rig) };
  rig.executor.startSnapshots({ kind: 'retention', order }, `order_${run}`);
  return run;
}

/** Another host, whose everyday credential for the same repository may only add, with three backups of a plan that no other host has. */
async function openOtherHost(t: TestContext, { rig, everyday }: Place, restic: string) {
  const far = await openRunRig(t, { restic });
  const [shared] = rig.spec.repositories;
  assert.ok(shared);
  far.spec.host = 'host_01kp7q2v5cfar000000000000' as HostId;
  far.spec.repositories = [
    { ...shared, id: far.repository.id, secrets: far.seal('repository', far.repository.id, secretsOf(everyday)) },
  ];
  mkdirSync(join(far.dir, 'photos'));
  const source = far.addFiles('photos', [join(far.dir, 'photos')]);
  const made: string[] = [];
  for (const seed of [1, 2, 3]) {
    writeNoise(join(far.dir, 'photos/a'), 1000, seed);
    made.push(findEvent(await far.runPlan(), 'snapshot.made').snapshot.engineId);
  }
  return { far, source, made };
}

for (const { version, binary } of GENERATIONS) {
  test(`the host that keeps a repository up removes what was planned for another one, and nothing where that does not fit (restic ${version})`, async (t) => {
    const place = await openPlace(t, binary);
    const { rig, admin, listStored } = place;
    const { far, source, made } = await openOtherHost(t, place, binary);
    const [oldest, ...newer] = made;
    assert.ok(oldest);
    const plan = far.spec.plans[0]?.id ?? assert.fail('the other host has no plan');
    const removal: OrderedRemoval = {
      source: source.id,
      host: far.spec.host,
      remove: [{ engineId: oldest, why: 'no rule keeps it' }],
      keep: newer,
      staying: 2,
      going: 1,
    };
    for (const wrong of [{ host: rig.spec.host }, { keep: [...newer, 'f'.repeat(64)] }]) {
      const refused = await endOf(rig, orderRetention(rig, admin, plan, [{ ...removal, ...wrong }]));
      assert.deepEqual([refused.state, refused.failure?.reason], ['failed', 'retention_changed']);
      assert.equal(listStored().snapshots.length, 3);
    }
    const run = orderRetention(rig, admin, plan, [removal]);
    const events = await rig.awaitEnd(run);
    const end = findEvent(events, 'run.finished');
    assert.equal(end.state, 'succeeded', JSON.stringify(end.failure));
    assert.deepEqual(outline(events).slice(2), [
      'preflight',
      'preflight ok',
      'forget',
      'snapshots.removed',
      'forget ok',
      'run.finalizing',
      'run.finished',
    ]);
    const created = findEvent(events, 'run.created');
    assert.deepEqual([created.kind, created.plan], ['forget', plan]);
    assert.deepEqual(findEvent(events, 'snapshots.removed').snapshots, removal.remove);
    assert.deepEqual(listStored().snapshots, newer.toSorted());
    assert.doesNotMatch(JSON.stringify(rig.workbench.journal.runs.find(run)), /"box"/, 'the admin credential is in no journal');

    const again = await endOf(rig, orderRetention(rig, admin, plan, [removal]));
    assert.equal(again.state, 'succeeded', 'what is gone already is as it should be');
    const held: HeldRemoval[] = [
      { reason: 'retention_frozen', message: 'photos: nothing is removed: the newest run is not clean' },
    ];
    const left = await endOf(rig, orderRetention(rig, admin, plan, [], held));
    assert.deepEqual([left.state, left.failure?.reason], ['skipped', 'retention_frozen']);
    const some = await endOf(rig, orderRetention(rig, admin, plan, [removal], held));
    assert.deepEqual(
      [some.state, some.failure?.reason],
      ['partial', 'retention_frozen'],
      'what is left is told beside what went',
    );

    await reconcileRepository(far.workbench, far.spec, far.repository.id, new Set());
    assert.deepEqual(findEvent(far.listEvents(), 'repository.reconciled').missing, [oldest]);
    const known = far.workbench.journal.snapshots.listByPlan(plan).map(({ engineId }) => engineId);
    assert.deepEqual(known.toSorted(), newer.toSorted(), 'the other host counts it no more');
  });

  test(`a credential that may only add backs up and removes nothing; the admin credential removes and prunes (restic ${version})`, async (t) => {
    const { rig, everyday, admin, listStored } = await openPlace(t, binary);
    for (const seed of [1, 2, 3]) {
      writeNoise(join(rig.dir, 'letters/a'), 300_000, seed);
      assert.equal(findEvent(await rig.runPlan(), 'run.finished').state, 'succeeded');
    }
    const before = listStored();
    rig.setRetention(retentionPolicySchema.parse({ kind: 'rules', last: 2 }));

    const refused = await endOf(rig, orderForget(rig, 'order_1'));
    assert.deepEqual([refused.state, refused.failure?.reason], ['skipped', 'removal_refused']);
    assert.deepEqual(listStored(), before);
    const forgets = () => rig.listEvents().filter((event) => event.type === 'run.created' && event.kind === 'forget');
    writeNoise(join(rig.dir, 'letters/a'), 300_000, 4);
    await rig.runPlan();
    assert.equal(forgets().length, 1, 'what was refused is not tried again after each backup');

    const removed = await endOf(rig, orderForget(rig, 'order_2', admin));
    assert.equal(removed.state, 'succeeded', JSON.stringify(removed.failure));
    assert.equal(listStored().snapshots.length, 2);

    const unpruned = await endOf(rig, orderPrune(rig, 'order_3', everyday, false));
    assert.deepEqual([unpruned.state, unpruned.failure?.reason], ['skipped', 'removal_refused']);
    for (const pack of before.packs) assert.ok(listStored().packs.includes(pack), `${pack} is still there`);

    const pruned = await endOf(rig, orderPrune(rig, 'order_4', admin, true));
    assert.equal(pruned.state, 'succeeded', JSON.stringify(pruned.failure));
    assert.ok(pruned.bytes > 250_000, `${pruned.bytes} bytes freed`);
    assert.ok(listStored().packs.length < before.packs.length);
    rig.setRetention(retentionPolicySchema.parse({ kind: 'rules', last: 9 }));
    assert.equal(findEvent(await rig.runPlan(), 'run.finished').state, 'succeeded');
  });
}

test('a host whose credential may only add says once a day that removing is left to others, and whoever steals it destroys nothing', async (t) => {
  const place = await openPlace(t, GENERATIONS.at(-1)?.binary ?? '');
  const { rig, listStored } = place;
  const setOrdered = (forgetOrdered: boolean) => {
    rig.spec.repositories = rig.spec.repositories.map((repository) => ({ ...repository, addsOnly: true, forgetOrdered }));
  };
  rig.setRetention(retentionPolicySchema.parse({ kind: 'rules', last: 2 }));
  const isSkipped = (run: RunId) => findEvent(rig.listEvents(run), 'run.finished').state === 'skipped';
  const listForgets = () =>
    rig.listEvents().flatMap((event) => (event.type === 'run.created' && event.kind === 'forget' ? [event.run] : []));
  setOrdered(true);
  for (const seed of [1, 2, 3, 4]) {
    writeNoise(join(rig.dir, 'letters/a'), 1000, seed);
    await rig.runPlan();
    // Where the server orders retention, it has nothing to say.
    if (seed === 3) assert.equal(listForgets().length, 0);
    setOrdered(seed < 3);
    if (seed > 3) await rig.awaitEvent((event) => event.type === 'run.finished' && event.run === listForgets()[0]);
  }
  assert.equal(listForgets().length, 1);
  assert.ok(listForgets().every(isSkipped));
  assert.equal(listStored().snapshots.length, 4);

  const before = hashStored(place);
  assert.ok(before.size > 8);
  for (const path of before.keys()) {
    // The server keeps packs in folders of their own; over HTTP they lie side by side.
    const asked = path.replace(/^data\/..\//, 'data/');
    assert.equal(await attack(place, 'DELETE', asked), 403, `deletes ${asked}`);
    assert.equal((await attack(place, 'POST', asked, 'overwritten')) < 400, false, `overwrites ${asked}`);
  }
  assert.ok((await attack(place, 'DELETE', '')) >= 400, 'deletes the whole repository');
  const junk = 'junk';
  const name = createHash('sha256').update(junk).digest('hex');
  for (const kind of ['data', 'index', 'snapshots']) await attack(place, 'POST', `${kind}/${name}`, junk);
  for (const [path, hash] of before) assert.equal(hashStored(place).get(path), hash, path);
});
