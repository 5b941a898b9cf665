import assert from 'node:assert/strict';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { findStartTime, toEpochMs } from '../../exec/proc.ts';
import { createExecutor } from '../executor.ts';
import { awaitHang, type Fate, writeFatedRestic } from '../fixtures/fated-restic.ts';
import { type Holder, holdExclusively } from '../fixtures/foreign-lock.ts';
import { findEvent, openRunRig, outline, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { recoverRuns } from '../recovery/recovery.ts';

const REAL = GENERATIONS[1]?.binary ?? '';

async function openFatedRig(t: TestContext, fates: readonly Fate[]): Promise<RunRig> {
  const rig = await openRunRig(t, { restic: writeFatedRestic(t, REAL, fates), speed: 100 });
  await rig.initRepository();
  return rig;
}

const addFolder = (rig: RunRig, name: string) => rig.addFiles(name, [writeFolder(join(rig.dir, name), { a: name })]);

const awaitAttempt = (rig: RunRig, run: RunId) => rig.awaitEvent((event) => event.type === 'run.attempt' && event.run === run);

describe('A run that fails for a passing cause', () => {
  it('is tried again under its own name, as often as its plan says: fail, fail, succeed', async (t) => {
    const rig = await openFatedRig(t, ['fail', 'fail', 'work']);
    const source = addFolder(rig, 'letters');
    const events = await rig.awaitEnd(rig.order([source.id], { attempts: 3, retryAfterSeconds: 20 }));
    assert.deepEqual(
      outline(events).filter((word) => word.includes('.')),
      [
        'run.created',
        'run.started',
        'run.attempt',
        'run.attempt',
        'snapshot.made',
        'part.finished',
        'run.finalizing',
        'run.finished',
      ],
    );
    const attempts = events.flatMap((event) => (event.type === 'run.attempt' ? [event] : []));
    assert.deepEqual(
      attempts.map(({ attempt, failure }) => [attempt, failure.reason]),
      [
        [1, 'unknown_failure'],
        [2, 'unknown_failure'],
      ],
    );
    const waits = attempts.map(({ at, retryAt }) => Math.round((retryAt - at) / 1000));
    assert.ok(waits[0] !== undefined && waits[0] >= 20 && waits[0] <= 25, String(waits));
    assert.ok(waits[1] !== undefined && waits[1] >= 40 && waits[1] <= 50, String(waits));
    const end = findEvent(events, 'run.finished');
    assert.equal(end.state, 'succeeded');
    assert.equal(end.failure, undefined);
    assert.deepEqual(
      end.evidence.map((one) => one.check),
      ['exit_codes', 'size_floor', 'read_back'],
    );
    assert.equal((await rig.listSnapshots()).length, 1);
  });

  it('stores again only what is not stored yet', async (t) => {
    const rig = await openFatedRig(t, ['work', 'fail', 'work']);
    const [one, two] = ['one', 'two'].map((name) => addFolder(rig, name));
    const events = await rig.awaitEnd(rig.order(undefined, { attempts: 2, retryAfterSeconds: 10 }));
    const parts = events.flatMap((event) => (event.type === 'part.finished' ? [[event.part.source, event.part.state]] : []));
    assert.deepEqual(parts, [
      [one?.id, 'succeeded'],
      [two?.id, 'succeeded'],
    ]);
    assert.deepEqual(findEvent(events, 'run.attempt').sources, [two?.id]);
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.bytes], ['succeeded', 6]);
    assert.equal((await rig.listSnapshots()).length, 2);
  });

  it('ends with the last failure when the budget is spent', async (t) => {
    const rig = await openFatedRig(t, ['fail', 'fail', 'work']);
    const source = addFolder(rig, 'letters');
    const events = await rig.awaitEnd(rig.order([source.id], { attempts: 2, retryAfterSeconds: 10 }));
    assert.equal(events.filter((event) => event.type === 'run.attempt').length, 1);
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'unknown_failure']);
    assert.match(end.failure?.message ?? '', /something passing/);
  });

  it('is cancelled at once while it waits', async (t) => {
    const rig = await openFatedRig(t, ['fail', 'work']);
    const source = addFolder(rig, 'letters');
    const run = rig.order([source.id], { attempts: 2, retryAfterSeconds: 3600 });
    await awaitAttempt(rig, run);
    await waitUntil('the end of the attempt', () => rig.executor.active === 0, { intervalMs: 1 });
    assert.deepEqual([rig.executor.active, rig.executor.waiting], [0, 1]);
    assert.equal(rig.executor.cancel(run), true);
    const end = findEvent(await rig.awaitEnd(run), 'run.finished');
    assert.equal(end.state, 'cancelled');
    assert.equal((await rig.listSnapshots()).length, 0);
  });

  it('goes on after the agent was started anew while it waited', async (t) => {
    const rig = await openFatedRig(t, ['fail', 'work']);
    const source = addFolder(rig, 'letters');
    const run = rig.order([source.id], { attempts: 2, retryAfterSeconds: 300 });
    await awaitAttempt(rig, run);
    await rig.executor.drain();
    const { workbench, spec } = rig;
    const later = createExecutor({ workbench, spec: () => spec, onRepositoryUsed: () => undefined });
    // What failed for a cause that nobody knows may have left a lock: its repository is owed a look.
    const owed = new Set([rig.repository.id]);
    assert.deepEqual(await recoverRuns(workbench, later, spec), { interrupted: 0, requeued: 1, repositories: owed });
    await rig.awaitEvent((event) => event.type === 'run.finished' && event.run === run);
    await later.drain();
    const events = rig.listEvents(run);
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    assert.equal(events.filter((event) => event.type === 'run.started').length, 1);
    const numbers = events.flatMap((event) => (event.type === 'run.log' ? event.lines.map((line) => line.n) : []));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
  });
});

/** Resolves once the run has said so often who holds its repository. */
async function awaitHolder(rig: RunRig, run: RunId, times = 1): Promise<void> {
  const holder = /^waits: the repository is held by \S+ on \S+, process \d+$/;
  const count = () =>
    rig.listEvents(run).filter((event) => event.type === 'run.log' && event.lines.some(({ text }) => holder.test(text))).length;
  await rig.awaitEvent(() => count() >= times);
}

/** A rig with one folder, whose minutes pass in a tenth of a second. */
async function openLockedRig(t: TestContext, speed = 600): Promise<{ rig: RunRig; holder: Holder }> {
  const rig = await openRunRig(t, { restic: REAL, speed });
  await rig.initRepository();
  addFolder(rig, 'letters');
  return { rig, holder: await holdExclusively(t, rig, REAL) };
}

describe('A run that finds its repository held by others', () => {
  it('waits aside for them without using an attempt, also in the next life of the agent', async (t) => {
    const { rig, holder } = await openLockedRig(t);
    const run = rig.order(undefined, { attempts: 1 });
    await awaitHolder(rig, run);
    await waitUntil('a free slot', () => rig.executor.active === 0 && rig.executor.waiting === 1, { intervalMs: 1 });
    await rig.executor.drain();
    const { workbench, spec } = rig;
    const later = createExecutor({ workbench, spec: () => spec, onRepositoryUsed: () => undefined });
    assert.equal((await recoverRuns(workbench, later, spec)).requeued, 1);
    await awaitHolder(rig, run, 2);
    await holder.release();
    await rig.awaitEvent((event) => event.type === 'run.finished' && event.run === run);
    await later.drain();
    const events = rig.listEvents(run);
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    const attempts = events.flatMap((event) => (event.type === 'run.attempt' ? [[event.attempt, event.failure.reason]] : []));
    assert.deepEqual(attempts, [[1, 'repository_locked']]);
    assert.equal((await rig.listSnapshots()).length, 1);
  });

  it('takes a lock away that a dead process of this agent left, and goes on', async (t) => {
    const { rig, holder } = await openLockedRig(t);
    const run = rig.order(undefined, { attempts: 1 });
    await awaitHolder(rig, run);
    const startedAt = toEpochMs(findStartTime(holder.pid) ?? assert.fail());
    await holder.die();
    rig.workbench.rememberProcess({ pid: holder.pid, startedAt, endedAt: rig.workbench.clock.now() });
    assert.equal(findEvent(await rig.awaitEnd(run), 'run.finished').state, 'succeeded');
    assert.deepEqual(readdirSync(join(rig.dir, 'repository/locks')), []);
  });

  it('waits no longer where nobody can look any more: its next attempt says what is wrong', async (t) => {
    const { rig, holder } = await openLockedRig(t);
    const run = rig.order(undefined, { attempts: 1 });
    await awaitHolder(rig, run);
    await holder.die();
    const repository = join(rig.dir, 'repository');
    renameSync(repository, `${repository}-elsewhere`);
    const events = await rig.awaitEnd(run);
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'repository_missing']);
    const lines = events.flatMap((event) => (event.type === 'run.log' ? event.lines.map(({ text }) => text) : []));
    assert.ok(lines.includes('the repository could not be looked at: the next attempt says why'));
  });

  it('is cancelled while it waits', async (t) => {
    const { rig } = await openLockedRig(t);
    const run = rig.order(undefined, { attempts: 1 });
    await awaitHolder(rig, run);
    assert.equal(rig.executor.cancel(run), true);
    assert.equal(findEvent(await rig.awaitEnd(run), 'run.finished').state, 'cancelled');
  });

  it('fails at once where its time limit leaves no minute for a wait', async (t) => {
    const { rig } = await openLockedRig(t, 1);
    const end = findEvent(await rig.awaitEnd(rig.order(undefined, { attempts: 1, timeoutMinutes: 1 })), 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'repository_locked']);
  });
});

describe('A run that fails for a lasting cause', () => {
  it('is not tried again', async (t) => {
    const rig = await openRunRig(t, { restic: REAL });
    addFolder(rig, 'letters');
    const events = await rig.awaitEnd(rig.order(undefined, { attempts: 5 }));
    assert.equal(
      events.some((event) => event.type === 'run.attempt'),
      false,
    );
    assert.equal(findEvent(events, 'run.finished').failure?.reason, 'repository_missing');
  });
});

describe('A run with a time limit', () => {
  it('fails when it takes longer, says so, and leaves nothing running', async (t) => {
    const rig = await openFatedRig(t, ['hang']);
    const source = addFolder(rig, 'letters');
    const events = await rig.awaitEnd(rig.order([source.id], { attempts: 5, timeoutMinutes: 3 }));
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'timed_out']);
    assert.equal(
      events.some((event) => event.type === 'run.attempt'),
      false,
    );
    assert.deepEqual(rig.workbench.journal.runs.listProcesses(), []);
  });

  it('does not begin an attempt that could only run out of time', async (t) => {
    const rig = await openFatedRig(t, ['fail', 'work']);
    const source = addFolder(rig, 'letters');
    const events = await rig.awaitEnd(rig.order([source.id], { attempts: 2, retryAfterSeconds: 600, timeoutMinutes: 5 }));
    assert.equal(
      events.some((event) => event.type === 'run.attempt'),
      false,
    );
    assert.equal(findEvent(events, 'run.finished').failure?.reason, 'unknown_failure');
  });

  it('is cancelled by a person as any other', async (t) => {
    const rig = await openFatedRig(t, ['hang']);
    const source = addFolder(rig, 'letters');
    const run = rig.order([source.id], { timeoutMinutes: 600 });
    await rig.awaitEvent((event) => event.type === 'run.stage' && event.stage === 'store');
    rig.executor.cancel(run);
    assert.equal(findEvent(await rig.awaitEnd(run), 'run.finished').state, 'cancelled');
  });
});

describe('A plan whose source is still being read', () => {
  it('stands aside and says so, unless it may wait: then one run waits and a second one stands aside', async (t) => {
    const restic = writeFatedRestic(t, REAL, ['hang', 'work', 'work']);
    const rig = await openRunRig(t, { restic, speed: 100 });
    await rig.initRepository();
    const source = addFolder(rig, 'letters');
    const first = rig.order([source.id]);
    await awaitHang(restic);
    const skipped = rig.order([source.id]);
    assert.equal(findEvent(await rig.awaitEnd(skipped), 'run.finished').state, 'skipped');
    const waiting = rig.order([source.id], { overlap: 'queue' });
    const surplus = rig.order([source.id], { overlap: 'queue' });
    assert.equal(findEvent(await rig.awaitEnd(surplus), 'run.finished').state, 'skipped');
    assert.equal(rig.executor.active, 1);
    rig.executor.cancel(first);
    assert.equal(findEvent(await rig.awaitEnd(waiting), 'run.finished').state, 'succeeded');
    assert.equal(findEvent(rig.listEvents(first), 'run.finished').state, 'cancelled');
  });
});
