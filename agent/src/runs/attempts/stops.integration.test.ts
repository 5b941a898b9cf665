import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { Trigger } from '@holdfast/shared/domain/run.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { createExecutor, type Executor } from '../executor.ts';
import { awaitHang, type Fate, forgetHang, writeFatedRestic } from '../fixtures/fated-restic.ts';
import { findEvent, openRunRig, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { journaledBackupSchema } from '../journaled-run.ts';
import { recoverRuns } from '../recovery/recovery.ts';

const REAL = GENERATIONS[1]?.binary ?? '';

interface Host {
  rig: RunRig;
  restic: string;
}

async function openHost(t: TestContext, fates: readonly Fate[]): Promise<Host> {
  const restic = writeFatedRestic(t, REAL, fates);
  const rig = await openRunRig(t, { restic, speed: 100 });
  await rig.initRepository();
  rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
  return { rig, restic };
}

/** Stops this life of the agent while its backup hangs; nothing of the run is under way afterwards. */
async function stopInMidRun({ restic }: Host, executor: Executor): Promise<void> {
  await awaitHang(restic);
  executor.abortAll();
  await executor.drain();
  forgetHang(restic);
}

/** The next life of the agent, as far as runs go. */
async function startAgain(t: TestContext, { rig }: Host): Promise<Executor> {
  const { workbench, spec } = rig;
  const later = createExecutor({ workbench, spec: () => spec, onRepositoryUsed: () => undefined });
  t.after(async () => {
    later.abortAll();
    await later.drain();
  });
  await recoverRuns(workbench, later, spec);
  return later;
}

/** Everything journaled for this run, once a later life has ended it. */
async function awaitEnd(rig: RunRig, run: RunId): Promise<DurableEvent[]> {
  await rig.awaitEvent((event) => event.type === 'run.finished' && event.run === run);
  return rig.listEvents(run);
}

const listAttempts = (rig: RunRig, run: RunId) =>
  rig.listEvents(run).flatMap((event) => (event.type === 'run.attempt' ? [event] : []));

describe('A backup in whose middle the agent is stopped', () => {
  it('goes on when the agent is back, although its plan gives it one attempt only', async (t) => {
    const host = await openHost(t, ['hang', 'work']);
    const { rig } = host;
    const run = rig.order(undefined, { attempts: 1 });
    await stopInMidRun(host, rig.executor);
    assert.deepEqual(rig.workbench.journal.runs.listOpen().length, 1, 'it has not ended');
    await startAgain(t, host);
    const events = await awaitEnd(rig, run);
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure], ['succeeded', undefined]);
    const attempts = listAttempts(rig, run);
    assert.deepEqual(
      attempts.map(({ attempt, failure }) => [attempt, failure.code, failure.reason]),
      [[1, 'unavailable', 'interrupted']],
    );
    assert.equal(attempts[0]?.retryAt, attempts[0]?.at, 'nothing is waited for beside the agent');
    assert.match(attempts[0]?.failure.message ?? '', /^The agent was stopped in the middle of attempt 1; the run goes on/);
    assert.equal(events.filter((event) => event.type === 'part.finished').length, 1);
    assert.equal((await rig.listSnapshots()).length, 1);
  });

  it('keeps the attempts of its plan for what fails', async (t) => {
    const host = await openHost(t, ['hang', 'fail', 'work']);
    const { rig } = host;
    const run = rig.order(undefined, { attempts: 2, retryAfterSeconds: 10 });
    await stopInMidRun(host, rig.executor);
    await startAgain(t, host);
    const end = findEvent(await awaitEnd(rig, run), 'run.finished');
    assert.equal(end.state, 'succeeded');
    assert.deepEqual(
      listAttempts(rig, run).map(({ attempt, failure }) => [attempt, failure.reason]),
      [
        [1, 'interrupted'],
        [2, 'unknown_failure'],
      ],
    );
  });

  it('fails as interrupted when that happens a fourth time', async (t) => {
    const host = await openHost(t, ['hang', 'hang', 'hang', 'hang', 'work']);
    const { rig } = host;
    const run = rig.order(undefined, { attempts: 5 });
    let executor = rig.executor;
    for (let stop = 1; stop <= 4; stop += 1) {
      await stopInMidRun(host, executor);
      if (stop < 4) executor = await startAgain(t, host);
    }
    const end = findEvent(await awaitEnd(rig, run), 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'interrupted']);
    assert.match(end.failure?.message ?? '', /^The agent was stopped in the middle of this run\./);
    assert.equal(listAttempts(rig, run).length, 3);
    assert.deepEqual(rig.workbench.journal.runs.listOpen(), []);
  });

  it('is cancelled when a person asked for that before', async (t) => {
    const host = await openHost(t, ['hang', 'work']);
    const { rig, restic } = host;
    const run = rig.order(undefined, { attempts: 3 });
    await awaitHang(restic);
    rig.executor.cancel(run);
    rig.executor.abortAll();
    await rig.executor.drain();
    assert.equal(findEvent(rig.listEvents(run), 'run.finished').state, 'cancelled');
  });

  it('is cancelled when a person asks for that afterwards, before the agent has ended', async (t) => {
    const host = await openHost(t, ['hang', 'work']);
    const { rig } = host;
    const run = rig.order(undefined, { attempts: 3 });
    await stopInMidRun(host, rig.executor);
    assert.equal(rig.executor.cancel(run), true);
    await rig.executor.drain();
    assert.equal(findEvent(rig.listEvents(run), 'run.finished').state, 'cancelled');
  });
});

describe('A backup that is cancelled while the agent starts anew', () => {
  it('is cancelled as soon as it is put back', async (t) => {
    const host = await openHost(t, ['hang', 'work']);
    const { rig } = host;
    const run = rig.order(undefined, { attempts: 3 });
    await stopInMidRun(host, rig.executor);
    const { workbench, spec } = rig;
    const later = createExecutor({ workbench, spec: () => spec, onRepositoryUsed: () => undefined });
    assert.equal(later.cancel(run), true, 'the order may come before the journal was gone through');
    assert.equal((await recoverRuns(workbench, later, spec)).requeued, 1);
    assert.equal(findEvent(await awaitEnd(rig, run), 'run.finished').state, 'cancelled');
    await later.drain();
    assert.equal(later.cancel(run), false);
    assert.equal((await rig.listSnapshots()).length, 0);
  });
});

/** Leaves a run in the journal as it stands in the middle of its first attempt. */
function journalCrash(rig: RunRig, trigger: Trigger, attempt = 1): RunId {
  const [source] = rig.spec.sources;
  assert.ok(source);
  const plan = rig.plan([source.id], { attempts: 2, retryAfterSeconds: 30 });
  const { journal, clock } = rig.workbench;
  const run = rig.workbench.createId('run');
  const about = { plan: plan.id, repository: plan.repositoryId, sources: [source.id] };
  const body = { kind: 'backup', ...about, trigger, overlapping: [], started: true, attempt, ended: [] };
  journal.outbox.append({ type: 'run.created', run, at: clock.now(), kind: 'backup', trigger, ...about }, () =>
    journal.runs.record({ run, kind: 'backup', plan: plan.id, body: journaledBackupSchema.parse(body) }),
  );
  journal.outbox.append({ type: 'run.started', run, at: clock.now() });
  return run;
}

describe('A backup that a crash cut off', () => {
  it('is tried again under its own name when the schedule made it', async (t) => {
    const host = await openHost(t, ['work']);
    const { rig } = host;
    const run = journalCrash(rig, 'schedule');
    await startAgain(t, host);
    const events = await awaitEnd(rig, run);
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    const [attempt, ...more] = listAttempts(rig, run);
    assert.deepEqual([attempt?.attempt, attempt?.failure.reason, more.length], [1, 'interrupted', 0]);
    const waitS = ((attempt?.retryAt ?? 0) - (attempt?.at ?? 0)) / 1000;
    assert.ok(waitS >= 30 && waitS <= 40, `as after any other failure: ${waitS}`);
    assert.equal((await rig.listSnapshots()).length, 1);
  });

  it('ends as interrupted when its attempts are used up, or when a person started it', async (t) => {
    const host = await openHost(t, []);
    const { rig } = host;
    const runs = [journalCrash(rig, 'schedule', 2), journalCrash(rig, 'manual')];
    await startAgain(t, host);
    for (const run of runs) {
      const end = findEvent(rig.listEvents(run), 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason], ['failed', 'interrupted']);
    }
  });
});
