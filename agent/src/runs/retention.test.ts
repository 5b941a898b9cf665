import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { PlannedSnapshot } from '../journal/snapshot-ledger.ts';
import { planPlanRetention } from './retention.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 20, 9);

const made = (days: number): PlannedSnapshot =>
  ({
    engineId: `${days}`.padStart(64, '0'),
    run: `run_${days}` as RunId,
    source: 'src_1' as SourceId,
    repository: 'repo_1' as RepositoryId,
    state: 'vouched',
    isSuspicious: false,
    isProven: false,
    facts: { role: 'data', createdAt: NOW - days * DAY, sizeBytes: 10 },
  }) as PlannedSnapshot;

it('A host goes by the cap of age in its settings, above the policy of the plan', () => {
  const snapshots = [1, 2, 365, 366].map(made);
  const retention = { kind: 'everything' } as const;
  const plan = (more: object) =>
    planPlanRetention(snapshots, { retention, ...more }, NOW, true).flatMap(({ removals }) => removals);
  assert.deepEqual(plan({}), []);
  assert.deepEqual(plan({ retentionCapDays: 365 }), [
    { engineId: made(366).engineId, why: 'it is older than the cap of 365 d, a setting' },
  ]);
});
