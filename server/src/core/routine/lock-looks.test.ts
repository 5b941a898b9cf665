import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { LOCKS } from '@holdfast/shared/limits.ts';
import type { HeldLock } from '../repositories/locks.ts';
import { judgeLocks } from './lock-looks.ts';

const NOW = 1_770_000_000_000;
const ID = 'repo_1' as RepositoryId;

const lock = (ageMs: number, change: Partial<HeldLock> = {}): HeldLock => ({
  ...{ id: 'c'.repeat(64), createdAt: NOW - ageMs, exclusive: false, hostname: 'a-laptop', username: 'ada', pid: 42 },
  isProvenGone: false,
  ...change,
});
const held = (state: NonNullable<HeldLock['holder']>['state']) => ({ host: 'host_1' as HostId, name: 'db-1', state });

describe('Locks of a repository', () => {
  it('that are renewed, or whose program runs, are not stuck', () => {
    const locks = [lock(LOCKS.stuckMs), lock(0), lock(9 * LOCKS.stuckMs, { holder: held('running') })];
    assert.deepEqual(judgeLocks(ID, locks, NOW), { repository: ID, at: NOW, stuck: 0 });
  });

  it('are stuck when nobody renews them, told by the oldest', () => {
    const locks = [
      lock(LOCKS.stuckMs + 1),
      lock(5 * LOCKS.stuckMs, { exclusive: true, holder: held('gone'), isProvenGone: true }),
    ];
    assert.deepEqual(judgeLocks(ID, locks, NOW), {
      ...{ repository: ID, at: NOW, stuck: 2, since: NOW - 5 * LOCKS.stuckMs },
      text: 'an exclusive lock of ada on a-laptop, process 42: its process has ended',
    });
    assert.match(judgeLocks(ID, locks.slice(0, 1), NOW).text ?? '', /^a lock of ada .*nobody renews it$/);
  });
});
