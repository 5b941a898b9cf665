import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, renameSync, rmSync, watch } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { findStartTime, listGroup, readBootId } from '../../exec/proc.ts';
import { findEvent, openRunRig, PASSWORD, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import type { Workbench } from '../workbench.ts';
import { clearLocks, recoverRuns } from './recovery.ts';

const [generation] = GENERATIONS;
assert.ok(generation);
const { binary } = generation;

/** Locks under their final name; restic writes them under another one first. */
const listLockFiles = (rig: RunRig) =>
  readdirSync(join(rig.dir, 'repository/locks')).filter((name) => /^[0-9a-f]{64}$/.test(name));

/** Resolves when the repository holds at least `count` locks. */
async function awaitLocks(rig: RunRig, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    if (listLockFiles(rig).length >= count) resolve();
  };
  const watcher = watch(join(rig.dir, 'repository/locks'), look);
  look();
  await promise;
  watcher.close();
}

/** A restic that holds a lock of the rig's repository and is stopped dead; what started it does not collect it. */
async function holdLock(t: TestContext, rig: RunRig): Promise<{ pid: number; parent: ChildProcess }> {
  const held = listLockFiles(rig).length;
  const folder = writeFolder(join(rig.dir, 'source'), { noise: 'x'.repeat(30_000_000) });
  const env = { PATH: '/usr/bin:/bin', HOME: rig.dir, RESTIC_REPOSITORY: join(rig.dir, 'repository'), RESTIC_PASSWORD: PASSWORD };
  const parent = spawn('sh', ['-c', '"$@" & echo $!; exec sleep 600', 'sh', binary, 'backup', '--force', folder], {
    detached: true,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => {
    for (const { pid } of listGroup(parent.pid ?? -1)) process.kill(pid, 'SIGKILL');
  });
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (line) => resolve(Number.parseInt(String(line), 10))),
  );
  await awaitLocks(rig, held + 1);
  process.kill(pid, 'SIGSTOP');
  return { pid, parent };
}

async function killAlone(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await waitUntil(`the end of process ${pid}`, () => findStartTime(pid) === undefined, { intervalMs: 1 });
}

/** The rig's workbench with its warnings kept, and with waits that pass at once. */
function watchOver(rig: RunRig, onWait: () => void = () => undefined) {
  const warnings: string[] = [];
  let waitedMs = 0;
  const workbench: Workbench = {
    ...rig.workbench,
    log: { ...rig.workbench.log, warn: (_fields: object, text: string) => void warnings.push(text) },
    setTimer(ms, callback) {
      waitedMs += ms;
      onWait();
      setImmediate(callback);
      return () => undefined;
    },
  };
  return { workbench, warnings, waited: () => waitedMs };
}

describe('Locks that an interrupted run may have left', () => {
  it('are none in a repository without locks', async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    await rig.initRepository();
    const { workbench, warnings, waited } = watchOver(rig);
    assert.equal(await clearLocks(workbench, rig.repository), 'cleared');
    assert.deepEqual([warnings, waited()], [[], 0]);
  });

  it('are looked for again where the repository does not answer', async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    const { workbench, warnings } = watchOver(rig);
    assert.equal(await clearLocks(workbench, rig.repository), 'unreachable');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /could not be looked for: /);
  });

  it('are removed when their holder is ours and dead, and the server is told whose they were', async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    const pinnedId = await rig.initRepository();
    const { pid, parent } = await holdLock(t, rig);
    const startedAt = Date.now() - 60_000;
    parent.kill('SIGKILL');
    await killAlone(pid);
    rig.workbench.rememberProcess({ pid, startedAt, endedAt: Date.now() });
    const [id] = listLockFiles(rig);
    assert.equal(await clearLocks(rig.workbench, { ...rig.repository, pinnedId }), 'cleared');
    assert.deepEqual(listLockFiles(rig), []);
    const { level, text, clearedLock } = findEvent(rig.listEvents(), 'host.notice');
    assert.equal(level, 'info');
    assert.match(
      text,
      new RegExp(`^Removed the lock of .+ on ${hostname()}, process ${pid}, since 20.+ in ${rig.repository.id}: `),
    );
    const { lock, ...where } = clearedLock ?? assert.fail('the notice does not name the lock');
    assert.deepEqual(where, { repository: rig.repository.id, engineId: pinnedId });
    assert.deepEqual([lock.id, lock.pid, lock.hostname, lock.exclusive], [id, pid, hostname(), false]);
    assert.equal(await clearLocks(rig.workbench, rig.repository), 'cleared');
    assert.equal(rig.listEvents().filter(({ type }) => type === 'host.notice').length, 1, 'told once');
  });

  it('are looked for again while another repository lies in the place of theirs', async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    const pinnedId = await rig.initRepository();
    const repository = { ...rig.repository, pinnedId };
    assert.equal(await clearLocks(rig.workbench, repository), 'cleared');
    const { pid, parent } = await holdLock(t, rig);
    const startedAt = Date.now() - 60_000;
    parent.kill('SIGKILL');
    await killAlone(pid);
    rig.workbench.rememberProcess({ pid, startedAt, endedAt: Date.now() });
    const [place, away] = [join(rig.dir, 'repository'), join(rig.dir, 'away')];
    renameSync(place, away);
    await rig.initRepository();
    const { workbench, warnings } = watchOver(rig);
    assert.equal(await clearLocks(workbench, repository), 'unreachable');
    assert.match(warnings.join(), /another repository/);
    rmSync(place, { recursive: true });
    renameSync(away, place);
    assert.equal(await clearLocks(rig.workbench, repository), 'cleared');
    assert.deepEqual(listLockFiles(rig), []);
  });

  it('are not looked for after a restore, which takes none', async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    const { journal } = rig.workbench;
    const run = rig.workbench.createId('run');
    journal.runs.record({ run, kind: 'restore', body: { kind: 'restore' } });
    journal.runs.recordProcess({ run, stage: 'restore', pid: 4_000_000, startTime: 1, bootId: 'another boot' });
    journal.runs.close(run);
    const { repositories } = await recoverRuns(rig.workbench, rig.executor, rig.spec);
    assert.deepEqual([...repositories], []);
  });

  for (const boot of ['this boot', 'the boot before'] as const) {
    it(`are still ours after the agent was started anew, where their holder was of ${boot}`, async (t) => {
      const rig = await openRunRig(t, { restic: binary });
      await rig.initRepository();
      const { journal } = rig.workbench;
      const run = rig.workbench.createId('run');
      const { pid, parent } = await holdLock(t, rig);
      const startTime = findStartTime(pid);
      assert.ok(startTime !== undefined);
      journal.runs.record({ run, kind: 'backup', body: { repository: rig.repository.id } });
      const bootId = boot === 'this boot' ? readBootId() : 'another boot';
      // The lock is dated to a moment after this: the process was started before it took one.
      journal.runs.recordProcess({ run, stage: 'dump', pid, startTime, bootId });
      parent.kill('SIGKILL');
      await killAlone(pid);
      if (boot === 'this boot') journal.runs.endProcess(run, 'dump', pid);
      journal.runs.close(run);
      assert.equal(await clearLocks(rig.workbench, rig.repository), 'cleared', 'not known to be ours yet');
      assert.equal(listLockFiles(rig).length, 1);
      const found = await recoverRuns(rig.workbench, rig.executor, rig.spec);
      assert.deepEqual([...found.repositories], [rig.repository.id]);
      assert.equal(await clearLocks(rig.workbench, rig.repository), 'cleared');
      assert.deepEqual(listLockFiles(rig), []);
    });
  }

  it('stay, and are told, beside the lock of somebody who lives', async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    await rig.initRepository();
    const dead = await holdLock(t, rig);
    const startedAt = Date.now() - 60_000;
    dead.parent.kill('SIGKILL');
    await killAlone(dead.pid);
    await holdLock(t, rig);
    rig.workbench.rememberProcess({ pid: dead.pid, startedAt, endedAt: Date.now() });
    const { workbench, warnings } = watchOver(rig);
    assert.equal(await clearLocks(workbench, rig.repository), 'left');
    assert.match(warnings.at(-1) ?? '', /^1 locks of interrupted runs are left/);
    assert.equal(listLockFiles(rig).length, 2);
  });

  it('are waited for ten seconds while their holder is dead and not collected', async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    await rig.initRepository();
    const { pid } = await holdLock(t, rig);
    await killAlone(pid);
    const { workbench, waited } = watchOver(rig);
    assert.equal(await clearLocks(workbench, rig.repository), 'cleared', 'not proven to be ours');
    assert.equal(waited(), 10_000);
    assert.equal(listLockFiles(rig).length, 1);
  });

  it('are looked for again when the repository goes away meanwhile', async (t) => {
    const rig = await openRunRig(t, { restic: binary });
    await rig.initRepository();
    const { pid } = await holdLock(t, rig);
    await killAlone(pid);
    let isThere = true;
    const { workbench, warnings } = watchOver(rig, () => {
      if (isThere) renameSync(join(rig.dir, 'repository'), join(rig.dir, 'elsewhere'));
      isThere = false;
    });
    assert.equal(await clearLocks(workbench, rig.repository), 'unreachable');
    assert.match(warnings.at(-1) ?? '', /could not be looked for: /);
  });
});
