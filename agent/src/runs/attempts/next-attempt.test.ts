import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS } from '@holdfast/shared/domain/plan.ts';
import { TERMINAL_STATES } from '@holdfast/shared/domain/run.ts';
import { openAgentRig } from '../../session/fixtures/agent-rig.ts';
import { type JournaledBackup, journaledBackupSchema } from '../journaled-run.ts';
import { findRetryMs, judgeSnapshots } from './next-attempt.ts';

const RUN = 'run_1' as RunId;
const SOURCE = 'src_1' as SourceId;
const REPOSITORY = 'repo_1' as RepositoryId;

function createBody(more: Partial<JournaledBackup>): JournaledBackup {
  const about = { kind: 'backup', plan: 'plan_1', repository: REPOSITORY, sources: [SOURCE], trigger: 'schedule' };
  return { ...journaledBackupSchema.parse({ ...about, overlapping: [], started: true, attempt: 1, ended: [] }), ...more };
}

describe('The attempts of a plan', () => {
  const options = { ...DEFAULT_PLAN_OPTIONS, attempts: 2 };
  const isTriedAgain = (more: Partial<JournaledBackup>) => findRetryMs(options, createBody(more), RUN) !== undefined;

  it('are used up by what failed, and neither by ends of the agent nor by waits for others', () => {
    assert.deepEqual([isTriedAgain({ attempt: 1 }), isTriedAgain({ attempt: 2 })], [true, false]);
    const lockWait = { count: 2, since: 0, state: 'over' } as const;
    assert.deepEqual([isTriedAgain({ attempt: 3, lockWait }), isTriedAgain({ attempt: 4, lockWait })], [true, false]);
    assert.deepEqual([isTriedAgain({ attempt: 3, stops: 2 }), isTriedAgain({ attempt: 4, stops: 2 })], [true, false]);
    const both = { stops: 2, lockWait };
    assert.deepEqual([isTriedAgain({ attempt: 5, ...both }), isTriedAgain({ attempt: 6, ...both })], [true, false]);
  });
});

describe('A snapshot that a run has told of', () => {
  it('is vouched for by a clean end of its part alone', async (t) => {
    const { workbench, executor } = await openAgentRig(t);
    const { snapshots } = workbench.journal;
    const recorder = executor.createRecorderFor(RUN, 0);
    const judged = TERMINAL_STATES.map((state) => {
      const made = { snapshot: `snap_${state}` as SnapshotId, engineId: `of ${state}`, run: RUN, source: SOURCE };
      snapshots.record({ repository: REPOSITORY, ...made, state: 'made' });
      judgeSnapshots({ workbench, recorder, body: createBody({}) }, SOURCE, state);
      return [state, snapshots.find(REPOSITORY, made.engineId)?.state];
    });
    assert.deepEqual(judged, [
      ['succeeded', 'vouched'],
      ['partial', 'partial'],
      ['failed', 'unvouched'],
      ['cancelled', 'unvouched'],
      ['skipped', 'unvouched'],
    ]);
  });
});
