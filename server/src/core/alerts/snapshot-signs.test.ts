import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlanId, RepositoryId, RunId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { Run } from '../../store/runs.ts';
import { judgeSnapshots } from './snapshot-signs.ts';

const repository = { id: 'repo_1' as RepositoryId, name: 'vault' };
const copy = (state: Run['state'], plan: string, at: number) =>
  ({ id: `run_${at}`, state, plan: plan as PlanId, createdAt: at, kind: 'copy', evidence: [] }) as unknown as Run;

describe('Signs of snapshots', () => {
  it('a snapshot that could not be read is one, until it is read whole', () => {
    const verification = { ok: false, run: 'run_1' as RunId, at: 5, bytes: 0, seen: 'ciphertext verification failed' };
    const snapshot = { id: 'snap_1' as SnapshotId, engineId: 'ab'.repeat(32), verification };
    const [sign] = judgeSnapshots({ repository, unreadable: [snapshot], copies: [] });
    assert.deepEqual(
      [sign?.condition, sign?.since, sign?.run, sign?.text],
      ['snapshot.unreadable', 5, 'run_1', 'snapshot abababab: ciphertext verification failed'],
    );
    const read = { ...snapshot, verification: { ...verification, ok: true } };
    assert.deepEqual(judgeSnapshots({ repository, unreadable: [read], copies: [] }), []);
  });

  it('the newest copy of each plan speaks for it; what was cancelled or goes on says nothing', () => {
    const copies = [
      copy('running', 'plan_1', 9),
      copy('cancelled', 'plan_1', 8),
      copy('failed', 'plan_1', 7),
      copy('succeeded', 'plan_1', 6),
      copy('succeeded', 'plan_2', 5),
      copy('failed', 'plan_2', 4),
    ];
    const signs = judgeSnapshots({ repository, unreadable: [], copies });
    assert.deepEqual(
      signs.map(({ condition, subject, run }) => [condition, subject, run]),
      [['copy.failed', 'copy plan_1', 'run_7']],
    );
  });
});
