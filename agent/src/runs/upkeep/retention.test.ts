import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import type { PlannedSnapshot } from '../../journal/snapshot-ledger.ts';
import { listNextFires } from '../../scheduler/next-fire.ts';
import { coverCopies, planPlanRetention } from './retention.ts';

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

const LOOK = { now: NOW, isNewestRunClean: true, listFires: listNextFires };
const PLAN = { enabled: true, sourceIds: ['src_1' as SourceId] };

it('A host goes by the cap of age in its settings, above the policy of the plan', () => {
  const snapshots = [1, 2, 365, 366].map(made);
  const retention = { kind: 'everything' } as const;
  const plan = (more: object) =>
    planPlanRetention(snapshots, { ...PLAN, retention, ...more }, LOOK).flatMap(({ removals }) => removals);
  assert.deepEqual(plan({}), []);
  assert.deepEqual(plan({ retentionCapDays: 365 }), [
    { engineId: made(366).engineId, why: 'it is older than the cap of 365 d, a setting' },
  ]);
});

it('A host removes nothing while the newest good backup is far older than the plan promises', () => {
  const retention = retentionPolicySchema.parse({ kind: 'rules', last: 2 });
  const snapshots = [3, 4, 5].map(made);
  const freeze = (more: Partial<SpecPlan>) =>
    planPlanRetention(snapshots, { ...PLAN, retention, schedule: { cron: '0 2 * * *', zone: 'UTC' }, ...more }, LOOK).map(
      ({ plan, removals }) => [plan.frozen, removals.length],
    );
  assert.deepEqual(freeze({}), [['newest_too_old', 0]]);
  assert.deepEqual(freeze({ schedule: { cron: '0 2 * * 0', zone: 'UTC' } }), [[undefined, 1]], 'a week between two is promised');
  assert.deepEqual(freeze({ schedule: undefined }), [[undefined, 1]], 'by hand nothing is promised');
  assert.deepEqual(freeze({ enabled: false }), [[undefined, 1]], 'a person switched the plan off');
  assert.deepEqual(freeze({ sourceIds: [] }), [[undefined, 1]], 'a person took the source out of it');
});

it('A pin covers the copies of its backup, also those that were made later, and no other', () => {
  const copyOf = (days: number): PlannedSnapshot => ({
    ...made(days),
    engineId: `c${days}`.padStart(64, '0'),
    repository: 'repo_2' as RepositoryId,
  });
  const copies = [1, 2, 3, 4].map(copyOf);
  const all = [...[1, 2, 3, 4].map(made), ...copies];
  const pinned = coverCopies([made(4).engineId], all);
  assert.deepEqual(pinned, [made(4).engineId, copyOf(4).engineId]);
  assert.deepEqual(coverCopies(undefined, all), []);
  const retention = retentionPolicySchema.parse({ kind: 'rules', last: 2 });
  const [found] = planPlanRetention(copies, { ...PLAN, retention, pinned }, LOOK);
  assert.deepEqual(
    found?.removals.map(({ engineId }) => engineId),
    [copyOf(3).engineId],
  );
});
