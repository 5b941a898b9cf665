import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlanId, RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { PlannedSnapshot } from '../../journal/snapshot-ledger.ts';
import { listDueCopies } from './copy-snapshots.ts';

const plan = 'plan_nightly' as PlanId;
const first = 'repo_first' as RepositoryId;
const second = 'repo_second' as RepositoryId;
const PLAN = { id: plan, repositoryId: first, copy: { repositoryId: second } };

/** The snapshots of the `nth` backup of a source: its data, and the roles a moment later where it has any. */
function makeBackup(source: string, nth: number, roles: readonly ('data' | 'globals')[]): PlannedSnapshot[] {
  return roles.map((role, later) => ({
    repository: first,
    engineId: `${source}-${nth}-${role}`,
    snapshot: `snap_${source}_${nth}_${role}` as SnapshotId,
    run: `run_${source}_${nth}` as RunId,
    source: `src_${source}` as SourceId,
    state: 'vouched',
    facts: { plan, role, createdAt: 1000 * nth + later, sizeBytes: 10 },
    isSuspicious: false,
    isProven: false,
  }));
}

const makeBackups = (source: string, count: number, roles: readonly ('data' | 'globals')[] = ['data']) =>
  Array.from({ length: count }, (_, nth) => makeBackup(source, nth, roles)).flat();

const copyOf = (one: PlannedSnapshot): PlannedSnapshot => ({ ...one, repository: second, engineId: `copy of ${one.engineId}` });

const isRun = (run: string) => (one: { run: string }) => one.run === run;

describe('What is due for a second repository', () => {
  it('is the newest backup alone where no copy of its source lies there', () => {
    const made = [...makeBackups('shop', 3, ['data', 'globals']), ...makeBackups('etc', 2)];
    const due = listDueCopies(made, PLAN).map(({ engineId }) => engineId);
    assert.deepEqual(due, ['etc-1-data', 'shop-2-data', 'shop-2-globals']);
  });

  it('comes oldest first, as much as one run takes, until nothing is missing, however long the host was away', () => {
    const roles = { shop: ['data', 'globals'], etc: ['data'] } as const;
    const made = Object.entries(roles).flatMap(([source, of]) => makeBackups(source, 90, of));
    const ledger = [...made, ...made.filter(({ facts }) => facts.createdAt < 1000).map(copyOf)];
    const copied: string[] = [];
    for (;;) {
      const due = listDueCopies(ledger.toReversed(), PLAN);
      if (due.length === 0) break;
      assert.ok(due.length <= RUNS.snapshotsPerOrder);
      for (const { source, run } of due) {
        const whole = made.filter(isRun(run));
        assert.equal(due.filter(isRun(run)).length, whole.length, `roles and data of ${source} go together`);
      }
      const rows = due.map(({ engineId }) => made.find((one) => one.engineId === engineId));
      for (const row of rows) if (row) ledger.push(copyOf(row));
      copied.push(...due.map(({ engineId }) => engineId));
    }
    const missing = made.filter(({ facts }) => facts.createdAt >= 1000).map(({ engineId }) => engineId);
    assert.deepEqual(copied.toSorted(), missing.toSorted(), 'each once, and none is passed over');
  });

  it('begins with the oldest of all', () => {
    const made = makeBackups('shop', 150);
    const [oldest] = made;
    assert.ok(oldest);
    const due = listDueCopies([...made, copyOf(oldest)], PLAN);
    assert.deepEqual([due.length, due[0]?.engineId, due.at(-1)?.engineId], [100, 'shop-1-data', 'shop-100-data']);
  });

  it('is nothing without a second repository, and nothing that no clean run vouches for', () => {
    const made = makeBackups('shop', 2);
    assert.deepEqual(listDueCopies(made, { id: plan, repositoryId: first }), []);
    assert.deepEqual(listDueCopies(made, { ...PLAN, copy: { repositoryId: first } }), []);
    assert.deepEqual(
      listDueCopies(
        made.map((one) => ({ ...one, state: 'unvouched' })),
        PLAN,
      ),
      [],
    );
  });
});
