import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Run } from '../../store/runs.ts';
import { openCatalogRig } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { revokeHost } from '../hosts/hosts.ts';
import { applyHostEvents } from '../ingest.ts';
import { chooseSnapshot } from '../restores/restore-choice.ts';
import { startRestore } from '../restores/restores.ts';
import { expireOrders, PATIENT_LIFE_MS } from '../runs/run-orders.ts';
import { cancelRun, getRun } from '../runs/runs.ts';
import { startDeletion } from './snapshot-deletion.ts';
import { getSnapshot, listSnapshots } from './snapshots.ts';

/** A host that is away, with an older and a newer good snapshot, of which the newer one is to be deleted. */
async function openRig(t: TestContext) {
  const rig = await openCatalogRig(t);
  const { context, admin, host, files, repository, clock } = rig;
  await context.store.repositories.pinEngineId(admin.tenant, repository.id, 'e'.repeat(64), host.id);
  const facts = { ...factsOf('db-1'), capabilities: ['delete_snapshot.start'] };
  await context.store.hosts.recordContact(host.id, { at: clock.now(), facts });
  const older = await rig.reportBackup(files, repository, 'succeeded');
  clock.advance(1000);
  const newer = await rig.reportBackup(files, repository, 'succeeded');
  const remove = async (id: SnapshotId): Promise<Run> => {
    const { runs } = await startDeletion(context, admin, { snapshots: [id], confirm: 'delete 1' });
    return runs[0] ?? assert.fail('nothing was ordered');
  };
  let seq = 0;
  /** What the host tells once it is back. */
  const tell = (events: readonly DurableEvent[]) => {
    const numbered = events.map((event) => {
      seq += 1;
      return { seq, event };
    });
    return applyHostEvents(context, { id: host.id, tenant: admin.tenant }, 'epoch-of-the-return', numbered);
  };
  const begin = (run: Run): DurableEvent[] => [
    {
      type: 'run.created',
      run: run.id,
      at: clock.now(),
      kind: 'delete_snapshot',
      trigger: 'manual',
      repository: repository.id,
      sources: [],
    },
    { type: 'run.started', run: run.id, at: clock.now() },
  ];
  const end = (run: Run, state: TerminalState): DurableEvent => ({
    type: 'run.finished',
    run: run.id,
    at: clock.now(),
    state,
    evidence: [],
    bytes: 0,
    logLines: 0,
    durationMs: 1,
  });
  const findDeleting = async (id: SnapshotId) => (await getSnapshot(context, admin, id)).deletingRun;
  return { ...rig, older, newer, remove, tell, begin, end, findDeleting };
}

describe('A snapshot that somebody had deleted while its host is away', () => {
  it('waits for the host for days, is marked in lists, and nothing offers it for restore', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, files, older, newer, clock } = rig;
    const run = await rig.remove(newer);
    assert.equal(await rig.findDeleting(newer), run.id);
    const { rows } = await listSnapshots(context, admin, { source: files.id }, { limit: 5 });
    assert.deepEqual(
      rows.map(({ id, deletingRun }) => [id, deletingRun]),
      [
        [newer, run.id],
        [older, undefined],
      ],
    );
    clock.advance(PATIENT_LIFE_MS - DAY_MS);
    assert.equal(await expireOrders(context), 0);
    assert.equal((await context.store.orders.listWaitingOrders(host.id, clock.now())).length, 1);
    assert.equal(await chooseSnapshot(context, admin, { newest: true, source: files.id }), older);
    const target = { kind: 'directory' as const, path: '/restore/here' };
    await assert.rejects(startRestore(context, admin, { snapshot: newer, host: host.id, target }), {
      code: 'precondition',
      message: /deletion of this snapshot is ordered: take that back first/,
    });
    await assert.rejects(rig.remove(newer), { code: 'precondition', message: /is ordered already/ });
  });

  it('is taken back while the host has not heard of it, and is offered again', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, files, newer, clock } = rig;
    const run = await rig.remove(newer);
    await cancelRun(context, admin, run.id);
    assert.equal((await getRun(context, admin, run.id)).state, 'cancelled');
    assert.equal(await rig.findDeleting(newer), undefined);
    assert.equal(await chooseSnapshot(context, admin, { newest: true, source: files.id }), newer);
    assert.equal((await context.store.orders.listWaitingOrders(host.id, clock.now())).length, 0);
  });

  it('waits for no host that was revoked', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, newer } = rig;
    const run = await rig.remove(newer);
    await revokeHost(context, admin, host.id);
    const { state, failure } = await getRun(context, admin, run.id);
    assert.deepEqual([state, failure?.reason], ['failed', 'interrupted']);
    assert.match(failure?.message ?? '', /db-1 was revoked before it took this order/);
    assert.equal(await rig.findDeleting(newer), undefined);
  });

  it('is gone when the host is back and has deleted it', async (t) => {
    const rig = await openRig(t);
    const { context, admin, files, newer, clock } = rig;
    const run = await rig.remove(newer);
    await rig.tell(rig.begin(run));
    assert.equal(await rig.findDeleting(newer), run.id, 'until it has ended');
    const { engineId } = await getSnapshot(context, admin, newer);
    await rig.tell([
      {
        type: 'snapshots.removed',
        run: run.id,
        at: clock.now(),
        source: files.id,
        snapshots: [{ engineId, why: 'deleted by admin' }],
      },
      rig.end(run, 'succeeded'),
    ]);
    const after = await getSnapshot(context, admin, newer);
    assert.deepEqual([after.state, after.deletingRun], ['removed', undefined]);
  });

  it('is offered again where the host could not delete it, or never came back, and can be deleted once more', async (t) => {
    const rig = await openRig(t);
    const { context, admin, files, newer, clock } = rig;
    const run = await rig.remove(newer);
    await rig.tell([...rig.begin(run), rig.end(run, 'failed')]);
    assert.equal(await rig.findDeleting(newer), undefined);
    assert.equal(await chooseSnapshot(context, admin, { newest: true, source: files.id }), newer);
    const again = await rig.remove(newer);
    assert.equal(await rig.findDeleting(newer), again.id);
    clock.advance(PATIENT_LIFE_MS);
    assert.equal(await expireOrders(context), 1);
    assert.equal((await getRun(context, admin, again.id)).failure?.reason, 'expired');
    assert.equal(await rig.findDeleting(newer), undefined);
  });
});
