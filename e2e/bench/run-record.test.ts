import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { getStageMs, getWholeMs } from './run-record.ts';

const id = 'run_1' as RunId;

describe('The time of a run', () => {
  it('is told stage by stage and from start to end', () => {
    const stages = [
      { stage: 'preflight', startedAt: 1000, endedAt: 1400 },
      { stage: 'preflight', startedAt: 1400, endedAt: 1500 },
      { stage: 'dump', startedAt: 1500, endedAt: 9500 },
    ] as const;
    assert.equal(getStageMs({ id, stages }, 'dump'), 8000);
    assert.equal(getWholeMs({ id, startedAt: 1000, finishedAt: 10_000 }), 9000);
  });

  it('is not guessed where a stage is missing, open, or there twice', () => {
    const open = { stage: 'dump', startedAt: 1 } as const;
    const closed = { stage: 'dump', startedAt: 1, endedAt: 2 } as const;
    for (const stages of [[], [open], [closed, closed]]) assert.throws(() => getStageMs({ id, stages }, 'dump'), /stage dump/);
    assert.throws(() => getWholeMs({ id, startedAt: 1 }), /start or end/);
  });
});
