import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RepositoryLock } from '@holdfast/shared/domain/lock.ts';
import { beginLockWait, judgeLocks, mayAwaitLock } from './lock-wait.ts';

const MINUTE = 60_000;

const lock = (id: string, exclusive = true): RepositoryLock => ({
  id: id.padEnd(64, '0'),
  createdAt: 0,
  exclusive,
  hostname: 'db-2',
  username: 'root',
  pid: 7,
});

/** What becomes of a wait that is looked at each minute for so long; `idAt` names the lock that lies there then. */
function play(minutes: number, idAt: (minute: number) => string) {
  let wait = beginLockWait(undefined, 0);
  for (let minute = 1; minute <= minutes && wait.state === 'waits'; minute += 1)
    wait = judgeLocks(wait, [lock('b', false), lock(idAt(minute))], minute * MINUTE);
  return wait;
}

/** As restic does: another lock each five minutes. */
const renewed = (minute: number) => `a${Math.floor(minute / 5)}`;

describe('A wait for others who hold the repository', () => {
  it('goes on for 20 minutes, and for hours, while their lock is renewed', () => {
    assert.equal(play(20, renewed).state, 'waits');
    assert.equal(play(12 * 60 - 1, renewed).state, 'waits');
  });

  it('is over as soon as nobody has the repository to himself', () => {
    const wait = beginLockWait(undefined, 0);
    assert.deepEqual(judgeLocks({ ...wait, seen: { lock: 'x', since: 1 } }, [lock('b', false)], MINUTE), {
      ...wait,
      state: 'over',
    });
    assert.equal(judgeLocks(wait, [], MINUTE).state, 'over');
  });

  it('is given up after 12 hours, and where a lock is not renewed for 35 minutes', () => {
    assert.equal(play(12 * 60, renewed).state, 'given_up');
    assert.equal(play(35, () => 'a').state, 'waits');
    assert.equal(play(36, () => 'a').state, 'given_up');
  });

  it('may come again in one run, so often and in the same 12 hours', () => {
    let wait = beginLockWait(undefined, 5);
    assert.deepEqual(wait, { count: 1, since: 5, state: 'waits' });
    assert.equal(mayAwaitLock({}), true);
    assert.equal(mayAwaitLock({ lockWait: { ...wait, state: 'given_up' } }), false);
    for (let count = 2; count <= 30; count += 1) {
      assert.equal(mayAwaitLock({ lockWait: { ...wait, state: 'over' } }), true);
      wait = beginLockWait(wait, count);
    }
    assert.deepEqual([wait.count, wait.since, mayAwaitLock({ lockWait: wait })], [30, 5, false]);
  });
});
