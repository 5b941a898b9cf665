import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { REQUESTS, type RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { applyHostEvents } from '../ingest.ts';
import { createOrder } from '../runs/run-orders.ts';
import { cancelRun, type StartedRuns } from '../runs/runs.ts';
import { pinSnapshot } from './pins.ts';
import { startDeletion } from './snapshot-deletion.ts';
import { startCopy } from './snapshot-orders.ts';

interface Stored {
  data: SnapshotId;
  roles: SnapshotId;
}

interface Rig extends CatalogRig {
  /** Reports one backup of these sources, with their stored roles. */
  backUp(sources: readonly SourceId[]): Promise<Stored[]>;
  /** The orders of these runs, one after the other. */
  readOrders<T extends 'delete_snapshot.start' | 'copy.start'>(type: T, started: StartedRuns): Promise<RequestBody<T>[]>;
}

async function openRig(t: TestContext): Promise<Rig> {
  const rig = await openCatalogRig(t);
  const { context, admin, host, repository, plan, clock } = rig;
  await context.store.repositories.pinEngineId(admin.tenant, repository.id, 'e'.repeat(64), host.id);
  const facts = { ...factsOf('db-1'), capabilities: ['delete_snapshot.start', 'copy.start'] };
  await context.store.hosts.recordContact(host.id, { at: clock.now(), facts });
  let seq = 0;
  let made = 0;
  return {
    ...rig,
    async backUp(sources) {
      const run = context.createId('run') as RunId;
      const at = clock.now();
      const stored: Stored[] = [];
      const events: DurableEvent[] = [
        {
          type: 'run.created',
          run,
          at,
          kind: 'backup',
          trigger: 'schedule',
          plan: plan.id,
          repository: repository.id,
          sources: [...sources],
        },
        { type: 'run.started', run, at },
      ];
      for (const source of sources) {
        const [data, roles] = (['data', 'globals'] as const).map((role) => {
          made += 1;
          const id = context.createId('snapshot');
          const engineId = String(made).padStart(64, '0');
          const snapshot = { id, engineId, source, role, createdAt: at + made, sizeBytes: 10, evidence: [] };
          events.push({ type: 'snapshot.made', run, at, snapshot });
          return id;
        });
        assert.ok(data && roles);
        stored.push({ data, roles });
        events.push({
          type: 'part.finished',
          run,
          at,
          part: { source, state: 'succeeded', warnings: [], bytes: 10, durationMs: 1 },
        });
      }
      events.push({ type: 'run.finished', run, at, state: 'succeeded', evidence: [], bytes: 10, logLines: 0, durationMs: 1 });
      const numbered = events.map((event) => {
        seq += 1;
        return { seq, event };
      });
      await applyHostEvents(context, { id: host.id, tenant: admin.tenant }, 'epoch-of-roles', numbered);
      return stored;
    },
    async readOrders(type, { runs }) {
      const waiting = await context.store.orders.listWaitingOrders(host.id, clock.now());
      return runs.map(({ id }) => {
        const order = waiting.find((one) => one.run === id && one.type === type);
        return REQUESTS[type].body.parse(JSON.parse(order?.body ?? 'null')) as RequestBody<typeof type>;
      });
    },
  };
}

/** Reports that a backup and its roles lie in a second repository too. */
async function reportCopies(rig: Rig, repository: RepositoryId, of: Stored): Promise<Stored> {
  const { context, admin, host, source, clock } = rig;
  const run = context.createId('run') as RunId;
  const at = clock.now();
  const copy = (role: 'data' | 'globals', original: SnapshotId, letter: string) => {
    const id = context.createId('snapshot');
    const made = { id, engineId: letter.repeat(64), source: source.id, role, createdAt: at, sizeBytes: 10, evidence: [] };
    return { id, event: { type: 'snapshot.copied', run, at, of: original, snapshot: made } as const };
  };
  const [data, roles] = [copy('data', of.data, 'a'), copy('globals', of.roles, 'b')];
  const events: DurableEvent[] = [
    { type: 'run.created', run, at, kind: 'copy', trigger: 'manual', repository, from: rig.repository.id, sources: [] },
    { type: 'run.started', run, at },
    data.event,
    roles.event,
  ];
  const numbered = events.map((event, index) => ({ seq: index + 1, event }));
  await applyHostEvents(context, { id: host.id, tenant: admin.tenant }, 'epoch-of-copies', numbered);
  return { data: data.id, roles: roles.id };
}

const idsOf = (order: { snapshots: readonly { id: SnapshotId }[] }) => order.snapshots.map(({ id }) => id);

describe('Snapshots of databases that somebody chose', () => {
  it('become as many orders as their roles take, each of which its host can read', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, source } = rig;
    const stored: Stored[] = [];
    while (stored.length < RUNS.snapshotsPerOrder / 2 + 1) stored.push(...(await rig.backUp([source.id])));
    const snapshots = stored.map(({ data }) => data);

    const deletion = await startDeletion(context, admin, { snapshots, confirm: `delete ${snapshots.length}` });
    const removals = await rig.readOrders('delete_snapshot.start', deletion);
    const sizes = (orders: readonly { snapshots: readonly unknown[] }[]) => orders.map((order) => order.snapshots.length);
    assert.deepEqual(sizes(removals), [RUNS.snapshotsPerOrder, 2]);
    for (const { data, roles } of stored)
      assert.ok(removals.some((order) => idsOf(order).includes(data) && idsOf(order).includes(roles)));

    const second = await rig.addRepository('second');
    await context.store.repositories.pinEngineId(admin.tenant, second.id, 'f'.repeat(64), host.id);
    const copying = await startCopy(context, admin, { snapshots: snapshots.toReversed(), repository: second.id });
    const copies = await rig.readOrders('copy.start', copying);
    assert.deepEqual(sizes(copies), [RUNS.snapshotsPerOrder, 2]);
    const inTurn = stored.flatMap(({ data, roles }) => [data, roles]);
    assert.deepEqual(copies.flatMap(idsOf), inTurn, 'oldest first, roles beside their data');

    const [full, rest] = removals;
    assert.ok(full && rest);
    const [more] = rest.snapshots;
    assert.ok(more);
    const order = (body: typeof full) => createOrder(context, admin.tenant, host.id, 'delete_snapshot.start', body);
    assert.equal(order(full).state, 'waiting');
    assert.throws(() => order({ ...full, snapshots: [...full.snapshots, more] }), { code: 'limit', message: /snapshots/u });
    assert.throws(() => order({ ...full, snapshots: [] }), { code: 'internal' });
  });

  it('take the roles of their own source along, however many others the backup has', async (t) => {
    const rig = await openRig(t);
    const { context, admin } = rig;
    const sources = [rig.source.id];
    const stored = await context.store.sources.findSource(admin.tenant, rig.source.id);
    assert.ok(stored);
    while (sources.length <= RUNS.snapshotsPerOrder) {
      const more = { ...stored, id: context.createId('source'), name: `shop_${sources.length}` };
      await context.store.sources.insertSource(more);
      sources.push(more.id);
    }
    const [first] = await rig.backUp(sources);
    assert.ok(first);
    const deletion = await startDeletion(context, admin, { snapshots: [first.data], confirm: 'delete 1' });
    const [order] = await rig.readOrders('delete_snapshot.start', deletion);
    assert.deepEqual(order && idsOf(order), [first.data, first.roles]);
  });

  it('go from wherever else they lie where that is asked for, and from the chosen place alone otherwise', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, source } = rig;
    const [chosen] = await rig.backUp([source.id]);
    assert.ok(chosen);
    const second = await rig.addRepository('second');
    await context.store.repositories.pinEngineId(admin.tenant, second.id, 'f'.repeat(64), host.id);
    const { data, roles } = await reportCopies(rig, second.id, chosen);
    const removed = async (snapshots: SnapshotId[], copies: boolean) => {
      const deletion = await startDeletion(context, admin, { snapshots, confirm: `delete ${snapshots.length}`, copies });
      const orders = await rig.readOrders('delete_snapshot.start', deletion);
      for (const run of deletion.runs) await cancelRun(context, admin, run.id);
      return orders.map((order) => [order.repository.id, ...idsOf(order)]).sort();
    };
    const first = [rig.repository.id, chosen.data, chosen.roles];
    const other = [second.id, data, roles];
    assert.deepEqual(await removed([chosen.data], false), [first]);
    assert.deepEqual(await removed([chosen.data], true), [first, other].sort());
    assert.deepEqual(await removed([data], true), [first, other].sort(), 'of a copy, its original too');
    assert.deepEqual(await removed([data, chosen.data], true), [first, other].sort(), 'each once');

    const audit = await context.store.trail.listAudit(admin.tenant, { action: 'snapshot.deletion_started' }, { limit: 10 });
    // In no certain order: all of one moment.
    assert.deepEqual(audit.rows.map(({ change }) => change?.['copies'] === true).sort(), [false, ...Array(6).fill(true)]);

    // Nothing goes unless all of it may: the copy is pinned.
    await pinSnapshot(context, admin, data);
    const both = { snapshots: [chosen.data], confirm: 'delete 1', copies: true };
    await assert.rejects(startDeletion(context, admin, both), /is pinned; unpin it first/u);
  });
});
