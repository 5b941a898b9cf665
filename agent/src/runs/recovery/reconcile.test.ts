import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { formatTags } from '@holdfast/shared/domain/snapshot.ts';
import type { LedgerSnapshot, LedgerState } from '../../journal/snapshot-ledger.ts';
import { compareLedger } from './reconcile.ts';

const stored = (engineId: string, run: string) => ({
  engineId,
  tags: formatTags({ tenant: 'tenant_a', host: 'host_a', plan: 'plan_a', source: 'source_a', run, role: 'data' } as never),
});
const entry = (engineId: string, state: LedgerState): LedgerSnapshot => ({
  repository: 'repo_a' as RepositoryId,
  engineId,
  snapshot: 'snap_a' as SnapshotId,
  run: 'run_a' as RunId,
  source: 'source_a' as SourceId,
  state,
});

describe('Comparing a repository with the ledger', () => {
  const rows: readonly (readonly [string, LedgerState | undefined, boolean, boolean, { orphans: number; missing: number }])[] = [
    ['stored and vouched for', 'vouched', true, false, { orphans: 0, missing: 0 }],
    ['stored in part', 'partial', true, false, { orphans: 0, missing: 0 }],
    ['stored in part and gone', 'partial', false, false, { orphans: 0, missing: 1 }],
    ['removed, and gone', 'removed', false, false, { orphans: 0, missing: 0 }],
    ['stored by a dead run', 'unvouched', true, false, { orphans: 1, missing: 0 }],
    ['stored and unknown to this host', undefined, true, false, { orphans: 1, missing: 0 }],
    ['stored by a run that goes on', 'made', true, true, { orphans: 0, missing: 0 }],
    ['stored and not yet told by a run that goes on', undefined, true, true, { orphans: 0, missing: 0 }],
    ['made by a run that is gone', 'made', true, false, { orphans: 1, missing: 0 }],
    ['vouched for and gone', 'vouched', false, false, { orphans: 0, missing: 1 }],
    ['known to be gone', 'missing', false, false, { orphans: 0, missing: 0 }],
    ['never vouched for and gone', 'unvouched', false, false, { orphans: 0, missing: 0 }],
    ['back after it was missing', 'missing', true, false, { orphans: 1, missing: 0 }],
  ];
  for (const [title, state, isStored, isActive, expected] of rows) {
    it(`counts a snapshot ${title} as ${expected.orphans} orphans and ${expected.missing} missing`, () => {
      const seen = compareLedger(
        isStored ? [stored('e1', 'run_a')] : [],
        state === undefined ? [] : [entry('e1', state)],
        new Set(isActive ? ['run_a'] : []),
      );
      assert.deepEqual({ orphans: seen.orphans.length, missing: seen.missing.length }, expected);
    });
  }

  it('calls a snapshot without our tags an orphan, whatever runs', () => {
    assert.deepEqual(compareLedger([{ engineId: 'e1', tags: ['mine'] }], [], new Set(['run_a'])).orphans, ['e1']);
  });

  it('names a thousand at most in one report', () => {
    const many = Array.from({ length: 1500 }, (_, index) => stored(`e${index}`, 'run_x'));
    assert.equal(compareLedger(many, [], new Set()).orphans.length, 1000);
  });
});
