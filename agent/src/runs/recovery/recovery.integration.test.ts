import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import type { RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { findStartTime, listGroup, readBootId } from '../../exec/proc.ts';
import { createExecutor } from '../executor.ts';
import { findEvent, openRunRig, outline, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import type { JournaledBackup, JournaledForget } from '../journaled-run.ts';
import { endLeftovers, recoverRuns } from './recovery.ts';

interface LeftGroup {
  leader: number;
  startTime: number;
  member: number;
}

/** A process group as a tool of this rig's agent makes it; the leader started one more. */
async function startGroup(t: TestContext, rig: RunRig): Promise<LeftGroup> {
  const child = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], {
    detached: true,
    env: { PATH: '/usr/bin:/bin', TMPDIR: `${rig.dir}/state/tmp` },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const leader = child.pid;
  assert.ok(leader);
  t.after(() => {
    for (const { pid } of listGroup(leader)) process.kill(pid, 'SIGKILL');
  });
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const startTime = findStartTime(leader);
  assert.ok(startTime);
  return { leader, startTime, member: Number(value) };
}

async function killAlone(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await awaitGone(pid);
}

const awaitGone = (pid: number): Promise<void> =>
  waitUntil(`the end of process ${pid}`, () => findStartTime(pid) === undefined, { intervalMs: 1 });

const RUN = 'run_of_the_crash' as RunId;

function remember(rig: RunRig, { leader, startTime }: LeftGroup, bootId = readBootId()): void {
  rig.workbench.journal.runs.recordProcess({ run: RUN, stage: 'dump', pid: leader, startTime, bootId });
}

describe('After a crash', () => {
  it('a recorded process and what it started are ended, and are known as dead owners of locks', async (t) => {
    const rig = await openRunRig(t);
    const group = await startGroup(t, rig);
    const remembered: { pid: number; endedAt: number }[] = [];
    remember(rig, group);
    const workbench = { ...rig.workbench, rememberProcess: (one: { pid: number; endedAt: number }) => void remembered.push(one) };
    assert.equal(endLeftovers(workbench), 2);
    for (const pid of [group.leader, group.member]) await awaitGone(pid);
    assert.deepEqual(
      remembered.map(({ pid }) => pid),
      [group.leader, group.member],
    );
    assert.deepEqual(rig.workbench.journal.runs.listProcesses(), []);
  });

  it('what a recorded process started is ended although the process itself is gone', async (t) => {
    const rig = await openRunRig(t);
    const group = await startGroup(t, rig);
    await killAlone(group.leader);
    remember(rig, group);
    assert.equal(endLeftovers(rig.workbench), 1);
    await awaitGone(group.member);
  });

  it('nothing is touched that was recorded on another boot', async (t) => {
    const rig = await openRunRig(t);
    const group = await startGroup(t, rig);
    remember(rig, group, '00000000-0000-4000-8000-000000000000');
    assert.equal(endLeftovers(rig.workbench), 0);
    for (const pid of [group.leader, group.member]) assert.notEqual(findStartTime(pid), undefined);
    assert.deepEqual(rig.workbench.journal.runs.listProcesses(), []);
  });

  it('nothing is touched where another process has the number now', async (t) => {
    const rig = await openRunRig(t);
    const group = await startGroup(t, rig);
    remember(rig, { ...group, startTime: group.startTime - 1 });
    assert.equal(endLeftovers(rig.workbench), 0);
    for (const pid of [group.leader, group.member]) assert.notEqual(findStartTime(pid), undefined);
  });

  it('what is in the group without our mark lives on and is named in the log', async (t) => {
    const [rig, other] = [await openRunRig(t), await openRunRig(t)];
    const group = await startGroup(t, other);
    await killAlone(group.leader);
    remember(rig, group);
    const warned: object[] = [];
    const log = { ...rig.workbench.log, warn: (fields: object) => void warned.push(fields) };
    assert.equal(endLeftovers({ ...rig.workbench, log }), 0);
    assert.notEqual(findStartTime(group.member), undefined);
    assert.deepEqual(warned, [{ run: RUN, pids: [group.member] }]);
  });
});

const proveRead = (source: string): Evidence[] => [
  { check: 'exit_codes', ok: true, seen: 'exited 0' },
  { check: 'read_back', ok: true, seen: `read ${source}` },
];

/** Journals a backup over two sources that was cut off after the first `ended` of them, whose snapshot is vouched for. */
function journalCutRun(rig: RunRig, ended: 0 | 1 | 2): { run: RunId; sources: readonly SourceId[] } {
  const sources = ['one', 'two'].map((name) => rig.addFiles(name, [writeFolder(`${rig.dir}/${name}`, { a: name })]).id);
  const plan = rig.plan(sources);
  const { journal, clock } = rig.workbench;
  const run = rig.workbench.createId('run');
  const [at, repository] = [clock.now(), rig.repository.id];
  const states = sources.map((source, index) => ({ source, state: 'succeeded' as const, isOver: index < ended }));
  const body: JournaledBackup = {
    kind: 'backup',
    plan: plan.id,
    repository,
    sources,
    trigger: 'manual',
    overlapping: [],
    started: true,
    attempt: 1,
    ended: states
      .filter(({ isOver }) => isOver)
      .map(({ source, state }) => ({ source, state, bytes: 7, evidence: proveRead(source) })),
  };
  journal.outbox.append(
    { type: 'run.created', run, at, kind: 'backup', trigger: 'manual', plan: plan.id, repository, sources },
    () => void journal.runs.record({ run, kind: 'backup', plan: plan.id, body }),
  );
  journal.outbox.append({ type: 'run.started', run, at });
  for (const [index, { source, state, isOver }] of states.entries()) {
    const [id, engineId] = [`snap_${source}` as SnapshotId, String(index).padStart(64, '0')];
    const evidence = proveRead(source);
    const snapshot = { id, engineId, source, role: 'data' as const, createdAt: at, sizeBytes: 7, evidence };
    journal.outbox.append({ type: 'snapshot.made', run, at, snapshot }, () =>
      journal.snapshots.record({ repository, engineId, snapshot: id, run, source, state: isOver ? 'vouched' : 'made' }),
    );
    if (isOver)
      journal.outbox.append({
        type: 'part.finished',
        run,
        at,
        part: { source, state, warnings: [], bytes: 7, durationMs: 1 },
      });
  }
  return { run, sources };
}

const CUT = [
  { ended: 0, state: 'failed', bytes: 0, reason: 'interrupted', ledger: ['unvouched', 'unvouched'], parts: ['failed', 'failed'] },
  {
    ended: 1,
    state: 'partial',
    bytes: 7,
    reason: 'interrupted',
    ledger: ['vouched', 'unvouched'],
    parts: ['succeeded', 'failed'],
  },
  {
    ended: 2,
    state: 'succeeded',
    bytes: 14,
    reason: undefined,
    ledger: ['vouched', 'vouched'],
    parts: ['succeeded', 'succeeded'],
  },
] as const;

describe('A backup of two sources that was cut off', () => {
  for (const { ended, state, bytes, reason, ledger, parts } of CUT) {
    it(`is ${state} when ${ended} of them had ended, and vouches for no more than those`, async (t) => {
      const rig = await openRunRig(t);
      const { run } = journalCutRun(rig, ended);
      const { interrupted, requeued, repositories } = await recoverRuns(rig.workbench, rig.executor, undefined);
      assert.deepEqual([interrupted, requeued, [...repositories]], [1, 0, [rig.repository.id]]);
      const events = rig.listEvents(run);
      const end = findEvent(events, 'run.finished');
      assert.deepEqual([end.state, end.bytes, end.failure?.reason], [state, bytes, reason]);
      assert.deepEqual(
        end.evidence.map((entry) => [entry.check, entry.ok]),
        [
          ['exit_codes', true],
          ['read_back', true],
        ].slice(0, ended === 0 ? 0 : 2),
      );
      assert.deepEqual(
        events.flatMap((event) => (event.type === 'part.finished' ? [event.part.state] : [])),
        parts,
      );
      const { journal } = rig.workbench;
      assert.deepEqual(
        journal.snapshots.listByRepository(rig.repository.id).map((entry) => entry.state),
        ledger,
      );
      assert.deepEqual(journal.runs.listOpen(), []);
      // Once is enough.
      assert.equal((await recoverRuns(rig.workbench, rig.executor, undefined)).interrupted, 0);
      assert.deepEqual(rig.listEvents(run), events);
    });
  }

  it('keeps the reason of the part that had failed when all of them had ended', async (t) => {
    const rig = await openRunRig(t);
    const { run, sources } = journalCutRun(rig, 2);
    const { runs } = rig.workbench.journal;
    const body = runs.find(run)?.body as JournaledBackup;
    const failure = { code: 'tool_failed', message: 'the dump broke', reason: 'dump_failed' } as const;
    runs.revise(run, {
      ...body,
      ended: body.ended.map((part, index) => (index === 1 ? { source: sources[1], state: 'failed', failure } : part)),
    });
    await recoverRuns(rig.workbench, rig.executor, undefined);
    const end = findEvent(rig.listEvents(run), 'run.finished');
    assert.deepEqual([end.state, end.failure], ['partial', failure]);
  });

  it('is ended once when recovering is itself cut off between two of its parts', async (t) => {
    const rig = await openRunRig(t);
    const { run, sources } = journalCutRun(rig, 0);
    const { journal } = rig.workbench;
    let parts = 0;
    const cut = {
      ...journal,
      outbox: {
        ...journal.outbox,
        append(...[event, effects]: Parameters<typeof journal.outbox.append>) {
          if (event.type === 'part.finished' && ++parts === 2) throw new Error('cut off');
          return journal.outbox.append(event, effects);
        },
      },
    };
    const workbench = { ...rig.workbench, journal: cut };
    const executor = createExecutor({ workbench, spec: () => rig.spec, onRepositoryUsed: () => undefined });
    await assert.rejects(recoverRuns(workbench, executor, undefined), /cut off/);
    await recoverRuns(rig.workbench, rig.executor, undefined);
    const events = rig.listEvents(run);
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'part.finished' ? [event.part.source] : [])),
      sources,
    );
    assert.equal(outline(events).filter((word) => word === 'run.finished').length, 1);
  });
});

describe('A run that was to remove snapshots and was cut off', () => {
  for (const [ended, state] of [
    [0, 'failed'],
    [1, 'partial'],
  ] as const) {
    it(`is ${state} when ${ended} of its two sources had ended`, async (t) => {
      const rig = await openRunRig(t);
      const sources = ['one', 'two'].map((name) => rig.addFiles(name, [writeFolder(`${rig.dir}/${name}`, { a: name })]).id);
      const plan = rig.plan(sources).id;
      const { journal, clock, createId } = rig.workbench;
      const [run, at, repository] = [createId('run'), clock.now(), rig.repository.id];
      const body: JournaledForget = {
        kind: 'forget',
        plan,
        repository,
        sources,
        trigger: 'manual',
        isApproved: false,
        started: true,
        ended: sources.slice(0, ended).map((source) => ({ source, state: 'succeeded' as const, evidence: [], bytes: 0 })),
      };
      journal.outbox.append({ type: 'run.created', run, at, kind: 'forget', trigger: 'manual', plan, repository, sources }, () =>
        journal.runs.record({ run, kind: 'forget', plan, body }),
      );
      const { interrupted, repositories } = await recoverRuns(rig.workbench, rig.executor, undefined);
      assert.deepEqual([interrupted, [...repositories]], [1, [repository]]);
      const events = rig.listEvents(run);
      assert.deepEqual(
        events.flatMap((event) => (event.type === 'part.finished' ? [[event.part.source, event.part.failure?.reason]] : [])),
        sources.slice(ended).map((source) => [source, 'interrupted']),
      );
      const end = findEvent(events, 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason], [state, 'interrupted']);
    });
  }
});
