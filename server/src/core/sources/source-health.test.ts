import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import type { SourceHealth } from '../../store/health.ts';
import { addLook } from './source-health.ts';

const NOW = 1_770_000_000_000;
const MINUTE = 60_000;

/** Looks a minute apart, by their failures in a row. */
function addLooks(...failures: readonly number[]): SourceHealth {
  let health: SourceHealth | undefined;
  for (const [index, count] of failures.entries()) {
    const look = { source: 'src_1' as SourceId, at: NOW + index * MINUTE, failures: count, latencyMs: 7, text: 'refused' };
    health = addLook(health, look, NOW + index * MINUTE);
  }
  return health ?? assert.fail();
}

describe('The health of a source', () => {
  it('is degraded by the first failure, offline by the third, and online when it answers', () => {
    const states = [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 0]].map((looks) => addLooks(...looks).state);
    assert.deepEqual(states, ['online', 'degraded', 'degraded', 'offline', 'online']);
  });

  it('counts from the look that changed it, and says why only while it fails', () => {
    const offline = addLooks(0, 1, 2, 3, 3);
    assert.deepEqual([offline.since, offline.lookedAt, offline.failure], [NOW + 3 * MINUTE, NOW + 4 * MINUTE, 'refused']);
    assert.equal(addLooks(0, 1, 0).failure, undefined);
  });

  it('stays an outage when the agent starts anew and counts from one', () => {
    assert.deepEqual([addLooks(3, 1).state, addLooks(3, 1).since], ['offline', NOW]);
    assert.equal(addLooks(3, 1, 0, 1).state, 'degraded');
  });

  it('keeps a bounded number of looks, and none of the future', () => {
    const { looks } = addLooks(...Array.from({ length: SOURCE_HEALTH.keptLooks + 5 }, () => 0));
    assert.deepEqual([looks.length, looks[0]?.at], [SOURCE_HEALTH.keptLooks, NOW + 5 * MINUTE]);
    const look = { source: 'src_1' as SourceId, at: NOW + MINUTE, failures: 0, latencyMs: 1 };
    assert.equal(addLook(undefined, look, NOW).lookedAt, NOW);
  });
});
