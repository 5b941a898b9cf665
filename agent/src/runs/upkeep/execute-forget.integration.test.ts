import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { findEvent, openRunRig, outline, PASSWORD, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { reconcileRepository } from '../recovery/reconcile.ts';
import { lookAtRetention } from './execute-forget.ts';

const LAST_TWO = retentionPolicySchema.parse({ kind: 'rules', last: 2 });

async function openRig(t: TestContext, restic: string): Promise<RunRig> {
  const rig = await openRunRig(t, { restic });
  await rig.initRepository();
  rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
  return rig;
}

const madeBy = (events: readonly DurableEvent[]) => findEvent(events, 'snapshot.made').snapshot.engineId;
const isForget = (event: DurableEvent) => event.type === 'run.created' && event.kind === 'forget';
const listStored = async (rig: RunRig) => (await rig.listSnapshots()).map(({ engineId }) => engineId).toSorted();
const listForgetRuns = (rig: RunRig): RunId[] =>
  rig.listEvents().flatMap((event) => (event.type === 'run.created' && event.kind === 'forget' ? [event.run] : []));

async function backUp(rig: RunRig, times: number): Promise<string[]> {
  const made: string[] = [];
  for (let index = 0; index < times; index += 1) made.push(madeBy(await rig.runPlan()));
  return made;
}

/** Whoever has the host's password puts snapshots of invented times beside the true ones, with their tags. Gives their ids. */
async function forge(rig: RunRig, binary: string, times: readonly string[]): Promise<string[]> {
  const before = await listStored(rig);
  const [real] = await rig.listSnapshots();
  const env = { RESTIC_REPOSITORY: join(rig.dir, 'repository'), RESTIC_PASSWORD: PASSWORD, HOME: rig.dir };
  for (const time of times) {
    const tags = (real?.tags ?? []).flatMap((tag) => ['--tag', tag]);
    const args = ['--no-cache', 'backup', '--host', 'rig', '--time', time, ...tags, join(rig.dir, 'letters')];
    execFileSync(binary, args, { env, stdio: 'pipe' });
  }
  return (await listStored(rig)).filter((id) => !before.includes(id));
}

/** How the only removal so far ended: in which state, and of what. */
async function endOfOnly(rig: RunRig): Promise<unknown[]> {
  const [run, ...more] = listForgetRuns(rig);
  assert.ok(run !== undefined && more.length === 0);
  const { state, failure } = findEvent(await rig.awaitEnd(run), 'run.finished');
  return [state, failure?.reason];
}

/** Runs the plan, and waits for what it brings about. */
async function backUpAndForget(rig: RunRig): Promise<{ made: string; events: DurableEvent[] }> {
  const before = listForgetRuns(rig).length;
  const made = madeBy(await rig.runPlan());
  await rig.awaitEvent((event) => isForget(event) && listForgetRuns(rig).length > before);
  const run = listForgetRuns(rig).at(-1) as RunId;
  return { made, events: await rig.awaitEnd(run) };
}

for (const { version, binary } of GENERATIONS) {
  describe(`Retention on the host with restic ${version}`, () => {
    it('removes after a clean run what the plan does not keep, in a run of its own; forged snapshots push nothing out', async (t) => {
      const rig = await openRig(t, binary);
      rig.setRetention(LAST_TWO);
      const [oldest = '', second = ''] = await backUp(rig, 2);
      const forged = await forge(rig, binary, ['2019-01-01 00:00:00', '2099-01-01 00:00:00', '2099-01-02 00:00:00']);
      assert.equal(forged.length, 3);
      const { made, events } = await backUpAndForget(rig);
      assert.deepEqual(outline(events), [
        'run.created',
        'run.started',
        'preflight',
        'preflight ok',
        'forget',
        'snapshots.removed',
        'forget ok',
        'part.finished',
        'run.finalizing',
        'run.finished',
      ]);
      assert.equal(findEvent(events, 'run.created').trigger, 'follow_up');
      assert.deepEqual(findEvent(events, 'snapshots.removed').snapshots, [{ engineId: oldest, why: 'no rule keeps it' }]);
      assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
      assert.deepEqual(await listStored(rig), [second, made, ...forged].toSorted());
      const { snapshots, runs } = rig.workbench.journal;
      assert.equal(snapshots.find(rig.repository.id, oldest)?.state, 'removed');
      assert.deepEqual(runs.listOpen(), []);
    });

    it('removes nothing while the newest run is not clean, says so once, and goes on when one is', async (t) => {
      const rig = await openRig(t, binary);
      const made = await backUp(rig, 3);
      rig.setRetention(LAST_TWO);
      rmSync(join(rig.dir, 'letters'), { recursive: true });
      const failed = await rig.runPlan();
      assert.equal(findEvent(failed, 'run.finished').state, 'failed');
      const [found] = lookAtRetention(rig.workbench, rig.plan());
      assert.equal(found?.plan.frozen, 'newest_run_not_clean');
      assert.deepEqual(await endOfOnly(rig), ['skipped', 'retention_frozen']);
      await rig.runPlan();
      assert.equal(listForgetRuns(rig).length, 1, 'once a day is enough');
      writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' });
      const after = await backUpAndForget(rig);
      assert.deepEqual(await listStored(rig), [made[2] ?? '', after.made].toSorted());
    });

    it('waits for a person before more than half of the backups go, and says so once', async (t) => {
      const rig = await openRig(t, binary);
      await backUp(rig, 5);
      rig.setRetention(LAST_TWO);
      await backUp(rig, 1);
      const [found] = lookAtRetention(rig.workbench, rig.plan());
      assert.equal(found?.plan.needsPerson, true);
      assert.deepEqual(await endOfOnly(rig), ['skipped', 'retention_asks']);
      await backUp(rig, 1);
      assert.equal(listForgetRuns(rig).length, 1);
      assert.equal((await listStored(rig)).length, 7);
    });

    it('removes more than half when a person agreed, once for each order, and says why it cannot', async (t) => {
      const rig = await openRig(t, binary);
      await backUp(rig, 5);
      const order = (isApproved: boolean) => {
        const run = rig.workbench.createId('run');
        const notAfter = rig.workbench.clock.now() + 60_000;
        return { run, plan: rig.plan().id, isApproved, trigger: 'manual', requestedBy: 'ann', notAfter } as const;
      };
      assert.throws(() => rig.executor.startForget(order(true), 'order_0'), /keeps everything/);
      rig.setRetention(LAST_TWO);
      const asked = order(false);
      rig.executor.startForget(asked, 'order_1');
      const refused = findEvent(await rig.awaitEnd(asked.run), 'part.finished').part;
      assert.deepEqual([refused.state, refused.failure?.reason], ['skipped', 'retention_asks']);
      assert.equal((await listStored(rig)).length, 5);
      const agreed = order(true);
      rig.executor.startForget(agreed, 'order_3');
      assert.deepEqual(rig.executor.startForget(agreed, 'order_3'), { run: agreed.run });
      assert.throws(() => rig.executor.startForget(order(true), 'order_2'), /waits or runs already/);
      const events = await rig.awaitEnd(agreed.run);
      assert.equal(findEvent(events, 'run.created').requestedBy, 'ann');
      assert.equal(findEvent(events, 'snapshots.removed').snapshots.length, 3);
      assert.equal((await listStored(rig)).length, 2);
      assert.equal(listForgetRuns(rig).length, 2);
    });

    it('tells what an interrupted run had removed as removed by it, not as missing', async (t) => {
      const rig = await openRig(t, binary);
      const [gone = '', stays = ''] = await backUp(rig, 2);
      const { snapshots } = rig.workbench.journal;
      const interrupted = 'run_that_died' as RunId;
      snapshots.markLeaving(rig.repository.id, [gone, stays], interrupted);
      rmSync(join(rig.dir, 'repository/snapshots', gone));
      await reconcileRepository(rig.workbench, rig.spec, rig.repository.id, new Set([interrupted]));
      assert.ok(!rig.listEvents().some(({ type }) => type === 'repository.reconciled' || type === 'snapshots.removed'));
      await reconcileRepository(rig.workbench, rig.spec, rig.repository.id, new Set());
      const told = findEvent(rig.listEvents(interrupted), 'snapshots.removed');
      assert.deepEqual(
        told.snapshots.map(({ engineId }) => engineId),
        [gone],
      );
      assert.equal(snapshots.find(rig.repository.id, gone)?.state, 'removed');
      assert.ok(!rig.listEvents().some(({ type }) => type === 'repository.reconciled'));
    });
  });
}
