import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { PlanOptions } from '@holdfast/shared/domain/plan.ts';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { type Fate, writeFatedRestic } from '../fixtures/fated-restic.ts';
import { findEvent, openRunRig, outline, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { type JournaledBackup, journaledRunSchema } from '../journaled-run.ts';
import { recoverRuns } from '../recovery/recovery.ts';

const RESTIC = GENERATIONS[1]?.binary ?? '';
const HOOKS: Partial<PlanOptions> = { hooks: { before: 'stop-app', after: 'start-app' } };

/** A host whose hooks write what they were told into `told`; `before` and `after` are what they do besides. */
async function openHookedRig(t: TestContext, { before = ':', after = ':', fates = [] as Fate[] } = {}) {
  const restic = fates.length > 0 ? writeFatedRestic(t, RESTIC, fates) : RESTIC;
  const rig = await openRunRig(t, { restic, speed: 100 });
  await rig.initRepository();
  const hooks = join(rig.dir, 'hooks');
  const told = join(rig.dir, 'told');
  mkdirSync(hooks, { mode: 0o755 });
  for (const [name, script] of [
    ['stop-app', before],
    ['start-app', after],
  ] as const) {
    const path = join(hooks, name);
    writeFileSync(path, `#!/bin/sh\necho "$HOLDFAST_PHASE ${'$'}{HOLDFAST_STATE:-} $HOLDFAST_PLAN" >> ${told}\n${script}\n`);
    chmodSync(path, 0o755);
  }
  rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
  return { rig, readTold: () => (existsSync(told) ? readFileSync(told, 'utf8').trim().split('\n') : []) };
}

/** Journals a run that was cut off after the script before it. */
function journalCutRun(rig: RunRig): RunId {
  const plan = rig.plan(undefined, HOOKS);
  const { journal, clock } = rig.workbench;
  const run = rig.workbench.createId('run');
  const [at, repository, sources] = [clock.now(), rig.repository.id, plan.sourceIds];
  const shared = { plan: plan.id, repository, sources, trigger: 'manual' } as const;
  const body: JournaledBackup = {
    kind: 'backup',
    ...shared,
    overlapping: [],
    started: true,
    attempt: 1,
    owedHook: 'start-app',
    ended: [],
  };
  journal.outbox.append(
    { type: 'run.created', run, at, kind: 'backup', ...shared },
    () => void journal.runs.record({ run, kind: 'backup', plan: plan.id, body }),
  );
  journal.outbox.append({ type: 'run.started', run, at });
  return run;
}

const readLog = (rig: RunRig) =>
  rig.listEvents().flatMap((event) => (event.type === 'run.log' ? event.lines.map((line) => line.text) : []));

describe('The scripts around a backup', () => {
  it('run before and after it, in its log and as stages of it', async (t) => {
    const { rig, readTold } = await openHookedRig(t, { before: 'echo the app is down' });
    const events = await rig.awaitEnd(rig.order(undefined, HOOKS));
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    assert.deepEqual(readTold(), ['before  plan', 'after succeeded plan']);
    const stages = outline(events).filter((word) => /^(before|store|after)/.test(word));
    assert.deepEqual(stages, ['before', 'before ok', 'store', 'store ok', 'after', 'after ok']);
    assert.ok(readLog(rig).includes('stop-app: the app is down'));
  });

  it('are in the journal before the first of them begins', async (t) => {
    const { rig } = await openHookedRig(t, { before: 'sleep 60' });
    const run = rig.order(undefined, HOOKS);
    await rig.awaitEvent((event) => event.type === 'run.stage' && event.stage === 'before');
    const body = journaledRunSchema.parse(rig.workbench.journal.runs.find(run)?.body);
    assert.equal(body.kind === 'backup' && body.owedHook, 'start-app');
    rig.executor.cancel(run);
    await rig.awaitEnd(run);
  });

  it('keep anything from being stored when the one before fails, and the one after runs all the same', async (t) => {
    const { rig, readTold } = await openHookedRig(t, { before: 'echo no >&2; exit 7' });
    const events = await rig.awaitEnd(rig.order(undefined, HOOKS));
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'hook_failed']);
    assert.match(end.failure?.message ?? '', /stop-app.*7/);
    assert.deepEqual(readTold(), ['before  plan', 'after failed plan']);
    assert.equal((await rig.listSnapshots()).length, 0);
  });

  it('leave a backup green when the one after fails, and tell the host’s page', async (t) => {
    const { rig } = await openHookedRig(t, { after: 'exit 3' });
    const events = await rig.awaitEnd(rig.order(undefined, HOOKS));
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    const notice = findEvent(rig.listEvents(), 'host.notice');
    assert.equal(notice.level, 'error');
    assert.match(notice.text, /start-app.*3/);
  });

  it('run after a cancel too, which does not reach the one after', async (t) => {
    const { rig, readTold } = await openHookedRig(t, { before: 'sleep 60' });
    const run = rig.order(undefined, HOOKS);
    await rig.awaitEvent((event) => event.type === 'run.stage' && event.stage === 'before');
    rig.executor.cancel(run);
    assert.equal(findEvent(await rig.awaitEnd(run), 'run.finished').state, 'cancelled');
    assert.equal(readTold().at(-1), 'after cancelled plan');
  });

  it('surround each attempt, so that nothing stays stopped while the next one is awaited', async (t) => {
    const { rig, readTold } = await openHookedRig(t, { fates: ['fail', 'work'] });
    const run = rig.order(undefined, { ...HOOKS, attempts: 2, retryAfterSeconds: 60 });
    assert.equal(findEvent(await rig.awaitEnd(run), 'run.finished').state, 'succeeded');
    assert.deepEqual(readTold(), ['before  plan', 'after failed plan', 'before  plan', 'after succeeded plan']);
  });

  it('are owed after a crash: the next life of the agent runs the one after first of all', async (t) => {
    const { rig, readTold } = await openHookedRig(t);
    const run = journalCutRun(rig);
    const { interrupted } = await recoverRuns(rig.workbench, rig.executor, rig.spec);
    assert.equal(interrupted, 1);
    assert.deepEqual(readTold(), ['after interrupted plan']);
    const events = rig.listEvents(run);
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'interrupted']);
    const words = outline(events);
    assert.ok(words.indexOf('after ok') < words.indexOf('run.finished'));
  });
});

describe('A plan without scripts', () => {
  it('owes nothing', async (t) => {
    const { rig, readTold } = await openHookedRig(t);
    const events = await rig.awaitEnd(rig.order());
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded');
    assert.deepEqual(readTold(), []);
    assert.equal(
      outline(events).some((word) => /^(before|after)/.test(word)),
      false,
    );
  });
});

describe('A plan with limits', () => {
  it('has them on its tools', async (t) => {
    const { rig } = await openHookedRig(t);
    const events = await rig.awaitEnd(rig.order(undefined, { limits: { memoryMiB: 64, nice: 15 } }));
    const end = findEvent(events, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'memory_limit']);
  });
});
