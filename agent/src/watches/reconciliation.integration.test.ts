import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { openRunRig, PASSWORD, type RunRig } from '../runs/fixtures/run-rig.ts';
import { createReconciliation } from './reconciliation.ts';

/** A lock that is still being written has a longer name. */
const listLocks = (path: string) => readdirSync(join(path, 'locks')).filter((name) => /^[0-9a-f]{64}$/.test(name));

const awaitLocks = (path: string, count: number): Promise<void> =>
  waitUntil(`${count} locks`, () => listLocks(path).length === count, { intervalMs: 5 });

/** A backup of this agent that is killed once it holds its lock. */
async function leaveLock(rig: RunRig, path: string): Promise<void> {
  const startedAt = rig.workbench.clock.now();
  const env = { PATH: '/usr/bin:/bin', HOME: rig.dir, RESTIC_REPOSITORY: path, RESTIC_PASSWORD: PASSWORD };
  const child = spawn('restic', ['backup', '--stdin'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
  await awaitLocks(path, 1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(child.pid);
  rig.workbench.rememberProcess({ pid: child.pid, startedAt, endedAt: rig.workbench.clock.now() });
}

describe('After a backup that may have left its lock', () => {
  it('a lock of ours is looked for again until the repository answers, and then it goes', { timeout: 60_000 }, async (t) => {
    const rig = await openRunRig(t, { restic: '/usr/bin/restic' });
    await rig.initRepository();
    const path = join(rig.dir, 'repository');
    const waits: number[] = [];
    let next: (() => void) | undefined;
    let isBusy = false;
    const setTimer = (ms: number, callback: () => void) => {
      waits.push(ms);
      next = callback;
      return () => {
        next = undefined;
      };
    };
    const reconciliation = createReconciliation({
      workbench: { ...rig.workbench, setTimer },
      spec: () => rig.spec,
      listRuns: () => [],
      isBusy: () => isBusy,
      signal: new AbortController().signal,
    });
    await leaveLock(rig, path);
    const { runs } = rig.workbench.journal;
    const run = rig.workbench.createId('run');
    runs.record({ run, kind: 'backup', body: { repository: rig.repository.id } });
    runs.recordProcess({ run, stage: 'dump', pid: 4_000_000, startTime: 1, bootId: 'another boot' });
    runs.endProcess(run, 'dump', 4_000_000);
    runs.close(run);
    const countDead = () => runs.listDead().length;

    renameSync(path, `${path}.away`);
    await reconciliation.afterBackup(rig.repository.id, { reached: true, owesLook: true });
    assert.deepEqual(waits, [500], 'a repository that did not answer is not asked at once');
    next?.();
    await waitUntil('a second wait', () => waits.length === 2, { intervalMs: 5 });
    assert.deepEqual(waits, [500, 1000], 'and gets more time when it still does not answer');
    assert.equal(countDead(), 1, 'until then the next life of the agent knows whose lock it may be');
    await reconciliation.afterBackup(rig.repository.id, { reached: false, owesLook: false });
    assert.equal(waits.length, 2, 'a run that owes nothing changes nothing');

    renameSync(`${path}.away`, path);
    isBusy = true;
    next?.();
    assert.deepEqual(waits, [500, 1000, 1000], 'while a run works there nobody looks');
    isBusy = false;
    assert.equal(listLocks(path).length, 1);
    next?.();
    await awaitLocks(path, 0);
    await waitUntil('the end of what was owed', () => countDead() === 0, { intervalMs: 5 });
    assert.equal(waits.length, 3, 'nothing is owed any more');
  });

  it('another run into the same repository clears what is owed there', { timeout: 60_000 }, async (t) => {
    const rig = await openRunRig(t, { restic: '/usr/bin/restic' });
    await rig.initRepository();
    const path = join(rig.dir, 'repository');
    let isWaiting = false;
    const setTimer = () => {
      isWaiting = true;
      return () => {
        isWaiting = false;
      };
    };
    const reconciliation = createReconciliation({
      workbench: { ...rig.workbench, setTimer },
      spec: () => rig.spec,
      listRuns: () => [],
      isBusy: () => false,
      signal: new AbortController().signal,
    });
    await leaveLock(rig, path);
    await reconciliation.afterBackup(rig.repository.id, { reached: false, owesLook: true });
    assert.equal(isWaiting, true);
    await reconciliation.afterBackup(rig.repository.id, { reached: true, owesLook: false });
    assert.deepEqual(listLocks(path), []);
    assert.equal(isWaiting, false);
  });
});
