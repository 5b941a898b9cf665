import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { combineLimits } from './run-limits.ts';

describe('Limits of a host and of a plan', () => {
  it('hold both: the tighter of each counts, whichever side it is on', () => {
    const host = { nice: 10, io: 'low', uploadKiBps: 1000, downloadKiBps: 50, memoryMiB: 512 } as const;
    const plan = { nice: 5, io: 'idle', uploadKiBps: 200, downloadKiBps: 900, memoryMiB: 1024 } as const;
    const both = { nice: 10, io: 'idle', uploadKiBps: 200, downloadKiBps: 50, memoryMiB: 512 };
    assert.deepEqual(combineLimits(host, plan), both);
    assert.deepEqual(combineLimits(plan, host), both);
    assert.deepEqual(combineLimits({ io: 'normal' }, { io: 'low' }), { io: 'low' });
  });

  it('hold alone where the other side has none, and are none where neither has', () => {
    assert.deepEqual(combineLimits({ nice: 0 }, { uploadKiBps: 7 }), { nice: 0, uploadKiBps: 7 });
    assert.deepEqual(combineLimits({}, { nice: undefined }), {});
  });
});
