import assert from 'node:assert/strict';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent, RunEvent } from '@holdfast/shared/protocol/events.ts';
import { openConsoleRecord } from '../../journal/console-record.ts';
import { createUnwritableError } from '../../journal/fault.ts';
import { createConsoleWatch } from '../../watches/console-watch.ts';
import { findEvent, openRunRig, type RunRig, writeFolder } from '../fixtures/run-rig.ts';
import { takeInConsoleRuns } from './console-runs.ts';

const ENGINE_ID = 'a'.repeat(64);

/** A host with a source, and what a command records of a safety backup of it. */
async function openHost(t: TestContext) {
  const rig = await openRunRig(t);
  const source = rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' })]);
  const run = rig.workbench.createId('run');
  const snapshot = {
    id: 'snap_by_hand' as SnapshotId,
    engineId: ENGINE_ID,
    source: source.id,
    role: 'data' as const,
    createdAt: 2000,
    sizeBytes: 3,
    evidence: [],
  };
  const begun: RunEvent[] = [
    { type: 'run.created', run, at: 1000, kind: 'backup', trigger: 'local', repository: rig.repository.id, sources: [source.id] },
    { type: 'run.started', run, at: 1000 },
    { type: 'run.log', run, at: 1500, lines: [1, 2].map((n) => ({ n, at: 1500, level: 'info', text: `line ${n}` })) },
    { type: 'snapshot.made', run, at: 2000, snapshot },
  ];
  const part = { source: source.id, state: 'succeeded' as const, warnings: [], bytes: 3, durationMs: 1000 };
  const ended: RunEvent[] = [
    { type: 'part.finished', run, at: 2000, part },
    { type: 'run.finished', run, at: 2500, state: 'succeeded', evidence: [], bytes: 3, logLines: 2, durationMs: 1500 },
  ];
  const stateDir = join(rig.dir, 'state');
  const ports = { workbench: rig.workbench, stateDir, createRecorderFor: rig.executor.createRecorderFor };
  return { rig, run, begun, ended, stateDir, ports };
}

function write(stateDir: string, events: readonly RunEvent[]): void {
  const [first] = events;
  assert.ok(first);
  const record = openConsoleRecord(stateDir, first.run);
  for (const event of events) record.append(event);
  record.close();
}

const findState = (rig: RunRig) => rig.workbench.journal.snapshots.find(rig.repository.id, ENGINE_ID)?.state;
const withoutLogs = (events: readonly DurableEvent[]) => events.filter(({ type }) => type !== 'run.log');

describe('A safety backup that was made by hand', () => {
  it('is told as it was recorded, and vouched for', async (t) => {
    const { rig, run, begun, ended, stateDir, ports } = await openHost(t);
    write(stateDir, [...begun, ...ended]);
    assert.deepEqual(takeInConsoleRuns(ports), []);
    assert.deepEqual(rig.listEvents(run), [...begun, ...ended]);
    assert.equal(findState(rig), 'vouched');
    const { closedAt, logLines, kind } = rig.workbench.journal.runs.find(run) ?? assert.fail('not in the journal');
    assert.deepEqual([closedAt !== undefined, logLines, kind], [true, 2, 'backup']);
    assert.deepEqual(rig.workbench.journal.snapshots.listByPlan(rig.plan().id), [], 'no retention looks at it');
  });

  it('is told once, also where the agent dies before it can remove the record', async (t) => {
    const { rig, run, begun, ended, stateDir, ports } = await openHost(t);
    write(stateDir, [...begun, ...ended]);
    const [place, kept] = [join(stateDir, 'console'), join(rig.dir, 'kept')];
    cpSync(place, kept, { recursive: true });
    takeInConsoleRuns(ports);
    cpSync(kept, place, { recursive: true });
    takeInConsoleRuns(ports);
    assert.equal(rig.listEvents(run).length, begun.length + ended.length);
    assert.ok(!existsSync(join(place, `${run}.jsonl`)));
  });

  it('is interrupted where its command was killed, and nobody vouches for what it stored', async (t) => {
    const { rig, run, begun, stateDir, ports } = await openHost(t);
    write(stateDir, begun);
    takeInConsoleRuns(ports);
    const events = rig.listEvents(run);
    const [part, end, ...more] = withoutLogs(events).slice(3);
    assert.ok(part?.type === 'part.finished' && end?.type === 'run.finished');
    assert.deepEqual(
      [part.part.failure?.reason, end.failure?.reason, end.state, more],
      ['interrupted', 'interrupted', 'failed', []],
    );
    assert.match(end.failure?.message ?? '', /The command ended in the middle/);
    assert.deepEqual([end.durationMs, end.logLines], [1000, 3], 'as long as its command was heard of');
    assert.equal(findState(rig), 'unvouched');
    takeInConsoleRuns(ports);
    assert.equal(rig.listEvents(run).length, events.length);
  });

  it('waits while its command goes on, whose run is known meanwhile', async (t) => {
    const { rig, run, begun, ended, stateDir, ports } = await openHost(t);
    const watch = createConsoleWatch(ports);
    watch.look();
    assert.deepEqual(watch.listLive(), []);
    const record = openConsoleRecord(stateDir, run);
    for (const event of begun) record.append(event);
    watch.look();
    assert.deepEqual([watch.listLive(), rig.listEvents()], [[run], []]);
    for (const event of ended) record.append(event);
    record.close();
    watch.look();
    assert.deepEqual([watch.listLive(), findEvent(rig.listEvents(run), 'run.finished').state], [[], 'succeeded']);
  });

  it('is nothing else than that: other runs are not taken from there', async (t) => {
    const { rig, begun, stateDir, ports } = await openHost(t);
    const [created] = begun;
    assert.ok(created?.type === 'run.created');
    const { id: plan } = rig.plan();
    for (const odd of [{ kind: 'restore' as const }, { plan }, { sources: [] }]) {
      const run = rig.workbench.createId('run');
      write(stateDir, [{ ...created, run, ...odd }]);
      takeInConsoleRuns(ports);
      assert.ok(existsSync(join(stateDir, 'console', `${run}.unreadable`)));
      assert.equal(rig.workbench.journal.runs.find(run), undefined);
    }
    assert.deepEqual(rig.listEvents(), []);
  });

  it('is taken in at the next look where the disk refuses it now', async (t) => {
    const { rig, run, begun, ended, stateDir, ports } = await openHost(t);
    write(stateDir, [...begun, ...ended]);
    const { journal } = rig.workbench;
    let refuses = true;
    const transact: typeof journal.transact = (effects) => {
      if (refuses) throw createUnwritableError('journal.db', 'full');
      return journal.transact(effects);
    };
    const watch = createConsoleWatch({ ...ports, workbench: { ...rig.workbench, journal: { ...journal, transact } } });
    watch.look();
    assert.deepEqual(rig.listEvents(), []);
    refuses = false;
    watch.look();
    assert.equal(rig.listEvents(run).length, begun.length + ended.length);
  });
});
