import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { retentionRulesSchema } from '@holdfast/shared/domain/retention-policy.ts';
import { RETENTION } from '@holdfast/shared/limits.ts';
import { RETENTION_ORDERS } from '@holdfast/shared/protocol/retention-orders.ts';
import type { RetainedSnapshot } from '../../store/snapshots.ts';
import { planRemovals } from './ordered-retention.ts';
import { previewSources } from './retention-preview.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-20T12:00:00Z');
const HOST = 'host_1' as HostId;
const LAST_TWO = retentionRulesSchema.parse({ kind: 'rules', last: 2 });

/** Backups of a source, the newest an hour old, each an hour older than the one before. */
function makeBackups(
  source: string,
  count: number,
  change: (nth: number) => Partial<RetainedSnapshot> = () => ({}),
): RetainedSnapshot[] {
  return Array.from({ length: count }, (_, nth) => ({
    id: `snap_${source}_${nth}` as SnapshotId,
    engineId: `${source.length}${nth}`.padStart(64, 'c'),
    run: `run_${source}_${nth}` as RunId,
    host: HOST,
    source: `src_${source}` as SourceId,
    role: 'data' as const,
    state: 'good' as const,
    createdAt: NOW - (nth + 1) * HOUR,
    sizeBytes: 10,
    isSuspicious: false,
    isPinned: false,
    isProven: false,
    ...change(nth),
  }));
}

const preview = (snapshots: readonly RetainedSnapshot[], isClean = true, last = 2) =>
  previewSources(
    snapshots,
    { ...LAST_TWO, last },
    { now: NOW, zone: 'UTC', isClean: () => isClean, findExpected: () => undefined },
  );
const terms = (isApproved = false) => ({ isApproved, nameOf: (source: SourceId) => `«${source}»` });
const listRemoved = (sources: ReturnType<typeof preview>) =>
  sources
    .flatMap(({ backups }) => backups.flatMap(({ decision, engineIds }) => (decision.verdict === 'remove' ? engineIds : [])))
    .toSorted();

describe('Retention that is ordered', () => {
  it('names exactly what the preview says goes, with its reason, and what of each source stays', () => {
    const globals = makeBackups('shop', 3, (nth) => ({
      role: 'globals',
      id: `snap_g${nth}` as SnapshotId,
      engineId: `a${nth}`.padStart(64, '0'),
    }));
    const proven = (nth: number) => ({ isProven: nth === 3, isPinned: nth === 2 });
    const sources = preview([...makeBackups('shop', 3), ...globals, ...makeBackups('letters', 5, proven)]);
    const { removals, held } = planRemovals({ sources }, terms());
    assert.deepEqual(held, []);
    const named = removals.flatMap(({ remove }) => remove.map(({ engineId }) => engineId));
    assert.deepEqual(named.toSorted(), listRemoved(sources));
    assert.deepEqual(
      removals.map(({ source, staying, going, keep }) => [source, staying, going, keep.length]),
      [
        ['src_shop', 2, 1, 4],
        ['src_letters', 4, 1, 4],
      ],
      'the stored roles of a backup go and stay with it; what is pinned or proven stays',
    );
    assert.ok(removals.every(({ remove }) => remove.every(({ why }) => why === 'no rule keeps it')));
  });

  it('leaves what is frozen and what takes a person, says so, and removes of other sources', () => {
    const frozen = preview(makeBackups('shop', 3), false);
    const much = preview(makeBackups('letters', 9));
    const some = preview(makeBackups('photos', 3));
    const sources = [...frozen, ...much, ...some];
    const planned = planRemovals({ sources }, terms());
    assert.deepEqual(
      planned.removals.map(({ source }) => source),
      ['src_photos'],
    );
    assert.deepEqual(
      planned.held.map(({ reason, message }) => [reason, message.slice(0, 40)]),
      [
        ['retention_frozen', '«src_shop»: nothing is removed: the newe'],
        ['retention_asks', '«src_letters»: 7 of 9 backups would go i'],
      ],
    );
    const agreed = planRemovals({ sources }, terms(true));
    assert.deepEqual(
      agreed.removals.map(({ source, going }) => [source, going]),
      [
        ['src_letters', 7],
        ['src_photos', 1],
      ],
      'nobody agrees to what is frozen',
    );
    assert.match(planRemovals({ sources: much }, terms()).held[0]?.message ?? '', /waits for a person to agree on the page/);
    assert.deepEqual(planRemovals({ sources: [], problem: 'too many' }, terms()).held, [
      { reason: 'retention_asks', message: 'too many' },
    ]);
  });

  it('takes the oldest whole backups first where one order cannot name all, and fits into its message', () => {
    const count = 2 * RETENTION.removedPerOrder;
    const pair = (nth: number) => ({
      role: 'globals' as const,
      id: `snap_p${nth}` as SnapshotId,
      engineId: `b${nth}`.padStart(64, '0'),
    });
    const sources = preview([...makeBackups('shop', count), ...makeBackups('shop', count, pair)], true, count / 2 + 1);
    const { removals } = planRemovals({ sources }, terms());
    const [only] = removals;
    assert.equal(only?.remove.length, RETENTION.removedPerOrder);
    const going = (sources[0]?.backups ?? []).filter(({ decision }) => decision.verdict === 'remove');
    const oldest = going.slice(-RETENTION.removedPerOrder / 2).flatMap(({ engineIds }) => engineIds);
    assert.deepEqual(only?.remove.map(({ engineId }) => engineId).toSorted(), oldest.toSorted());
    assert.equal(only?.keep.length, RETENTION.keptNamed);
    const { removals: shape } = RETENTION_ORDERS['retention.start'].body.shape;
    assert.equal(
      shape.safeParse(
        removals.map((one) => ({
          ...one,
          source: 'src_01kp7q2v5cdb00000000000000' as SourceId,
          host: 'host_01kp7q2v5ch0st000000000000' as HostId,
        })),
      ).success,
      true,
    );
  });
});
