import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, PlanId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { formatTags, type SnapshotTags } from '@holdfast/shared/domain/snapshot.ts';
import { findRetentionProblem } from './execute-retention.ts';

const [OLD, NEW] = ['a'.repeat(64), 'b'.repeat(64)];
const TAGS: SnapshotTags = { tenant: 'ten_1', host: 'host_far', plan: 'plan_1', source: 'src_1', run: 'run_1', role: 'data' };

const order = (change: { keep?: string[]; tenant?: string } = {}) => ({
  tenant: (change.tenant ?? 'ten_1') as TenantId,
  plan: 'plan_1' as PlanId,
  removals: [
    {
      source: 'src_1' as SourceId,
      host: 'host_far' as HostId,
      remove: [{ engineId: OLD, why: 'no rule keeps it' }],
      keep: change.keep ?? [NEW],
      staying: 1,
      going: 1,
    },
  ],
});
const stored = (change: Partial<SnapshotTags> = {}) => [
  { engineId: OLD, tags: formatTags({ ...TAGS, ...change }) },
  { engineId: NEW, tags: formatTags({ ...TAGS, run: 'run_2' }) },
];
const judge = (given = order(), there = stored(), pinned: string[] = []) => findRetentionProblem(given, there, new Set(pinned));

describe('What the server planned for another host', () => {
  it('may go where the repository holds what it went by, and where it is gone already', () => {
    assert.equal(judge(), undefined);
    assert.equal(judge(order(), stored().slice(1)), undefined);
  });

  it('stays, all of it, when a named snapshot is of another tenant, host, plan or source, or not ours', () => {
    for (const [key, value] of Object.entries({ tenant: 'ten_2', host: 'host_near', plan: 'plan_2', source: 'src_2' }))
      assert.match(judge(order(), stored({ [key]: value })) ?? '', /aaaaaaaa does not have the tags/, key);
    assert.match(judge(order({ tenant: 'ten_2' })) ?? '', /does not have the tags/);
    const [, kept] = stored();
    assert.ok(kept);
    assert.match(judge(order(), [{ engineId: OLD, tags: ['by hand'] }, kept]) ?? '', /does not have the tags/);
  });

  it('stays when something that has to be kept is not there, is to go as well, or a person pinned what goes', () => {
    assert.match(judge(order(), stored().slice(0, 1)) ?? '', /bbbbbbbb, which has to stay, is not in the repository/);
    assert.match(judge(order({ keep: [OLD] })) ?? '', /to stay and to go/);
    assert.match(judge(order(), stored(), [OLD]) ?? '', /aaaaaaaa is pinned/);
  });
});
