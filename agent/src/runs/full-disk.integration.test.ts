import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '@holdfast/shared/clock.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { createPlanClock } from '../watches/plan-clock.ts';
import { findEvent, openRunRig, outline, writeFolder } from './fixtures/run-rig.ts';
import { mountSmallDisk } from './fixtures/small-disk.ts';

/** Writes until nothing fits any more. */
function fill(path: string): void {
  const file = openSync(path, 'a');
  for (const size of [64 * 1024, 4096, 512]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size, 1));
    } catch {
      // Full for pieces of this size.
    }
  }
  closeSync(file);
}

const isRoot = process.getuid?.() === 0;

if (!isRoot) {
  it('needs root to mount a small disk, and says so', (t) => {
    assert.throws(() => mountSmallDisk(t, 8), /mount|permission|superuser/i);
  });
}

function proveFullDisk(): void {
  for (const { version, binary } of GENERATIONS) {
    it(`stops no scheduled backup to another disk, whose events follow once there is room (restic ${version})`, async (t) => {
      const disk = mountSmallDisk(t, 8);
      const stateDir = join(disk, 'state');
      mkdirSync(stateDir, { mode: 0o700 });
      const rig = await openRunRig(t, { restic: binary, stateDir });
      await rig.initRepository();
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { 'a.txt': 'dear reader' })]);
      const { journal } = rig.workbench;
      const filler = join(disk, 'filler');
      fill(filler);
      // What the ballast gives back is used up too.
      const notice = () =>
        journal.outbox.append({ type: 'host.notice', at: systemClock.now(), level: 'info', text: 'x'.repeat(2000) });
      while (notice() !== undefined) fill(filler);
      assert.equal(journal.outbox.health().healthy, false);

      const now = systemClock.now();
      rig.plan();
      // The minute that has begun, and no other that comes while this goes on.
      const due = new Date(now);
      const cron = `${due.getUTCMinutes()} ${due.getUTCHours()} ${due.getUTCDate()} ${due.getUTCMonth() + 1} *`;
      for (const plan of rig.spec.plans) {
        plan.schedule = { cron, zone: 'UTC' };
        plan.effectiveFrom = now - 60_000;
      }
      const scheduler = createPlanClock(rig.workbench, rig.executor, () => rig.spec);
      scheduler.tick();
      scheduler.tick();
      assert.equal(rig.executor.listRuns().length, 1);
      const [run] = rig.executor.listRuns();
      assert.ok(run);
      await rig.executor.drain();
      assert.deepEqual(rig.listEvents(run), [], 'nothing could be written');
      assert.equal((await rig.listSnapshots()).length, 1);

      unlinkSync(filler);
      assert.equal(journal.outbox.retry(), true);
      scheduler.tick();
      const events = rig.listEvents(run);
      assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
      assert.equal(findEvent(events, 'run.created').trigger, 'schedule');
      assert.deepEqual(
        outline(events).filter((word) => word.includes('.')),
        ['run.created', 'run.started', 'snapshot.made', 'part.finished', 'run.finalizing', 'run.finished'],
      );
      assert.deepEqual(journal.runs.listOpen(), []);
      const states = journal.snapshots.listByRepository(rig.repository.id).map((entry) => entry.state);
      assert.deepEqual(states, ['vouched']);
    });
  }

  it('lets a person’s order run once, also when it is repeated before there is room', async (t) => {
    const [generation] = GENERATIONS;
    const disk = mountSmallDisk(t, 8);
    const stateDir = join(disk, 'state');
    mkdirSync(stateDir, { mode: 0o700 });
    const rig = await openRunRig(t, { restic: generation?.binary, stateDir });
    await rig.initRepository();
    rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { 'a.txt': 'dear reader' })]);
    const { journal } = rig.workbench;
    const filler = join(disk, 'filler');
    fill(filler);
    const notice = () =>
      journal.outbox.append({ type: 'host.notice', at: systemClock.now(), level: 'info', text: 'x'.repeat(2000) });
    while (notice() !== undefined) fill(filler);
    const run = rig.workbench.createId('run');
    const body = {
      run,
      plan: rig.plan().id,
      trigger: 'manual',
      requestedBy: 'ann',
      notAfter: systemClock.now() + 60_000,
    } as const;
    const first = rig.executor.startPlan(body, 'order_1');
    assert.deepEqual(rig.executor.startPlan(body, 'order_1'), first);
    assert.equal(rig.executor.listRuns().length, 1);
    await rig.executor.drain();
    unlinkSync(filler);
    assert.equal(journal.outbox.retry(), true);
    assert.deepEqual(journal.orders.find('order_1')?.reply, { run });
    assert.equal(findEvent(rig.listEvents(run), 'run.finished').state, 'succeeded');
    assert.equal((await rig.listSnapshots()).length, 1);
  });
}

if (isRoot) describe('A full disk under the state directory', proveFullDisk);
