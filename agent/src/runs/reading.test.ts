import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReasonError, findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { createReading } from './reading.ts';

const LACK = createReasonError('repository_damaged', 'A pack is gone');
const [FIRST, SECOND, THIRD] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
const NOBODY: readonly string[] | undefined = undefined;

/** What a failure is called when the list of indexes was first `before` and then `after`; undefined: nobody could look. */
async function judge(
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
  thrown = LACK,
  isAborted = false,
) {
  const lists = [before, after];
  const failure = { reason: 'repository_unreachable', message: 'No answer' } as const;
  const listIndexes = async () => {
    const ids = lists.shift();
    return ids ? { ids } : { failure };
  };
  const abort = new AbortController();
  const access = { args: [], env: {}, files: [], redact: [] };
  const reading = createReading({ engine: { listIndexes }, repository: { access }, workDir: '/run/w', signal: abort.signal });
  await reading.open();
  if (isAborted) abort.abort();
  return findReason(toAppError(await reading.judge(thrown)));
}

describe('A failure of one who reads without a lock', () => {
  it('is laid to others where an index that was there is gone', async () => {
    assert.equal(await judge([FIRST, SECOND], [SECOND, THIRD]), 'repository_rewritten');
    assert.equal(await judge([FIRST], []), 'repository_rewritten');
  });

  it('stays what it is where indexes only came, as those of backups do', async () => {
    assert.equal(await judge([FIRST], [FIRST, SECOND]), 'repository_damaged');
    assert.equal(await judge([], [FIRST]), 'repository_damaged');
  });

  it('stays what it is where nobody could look, before or after, and when it was cancelled', async () => {
    assert.equal(await judge(NOBODY, [FIRST]), 'repository_damaged');
    assert.equal(await judge([FIRST], NOBODY), 'repository_damaged');
    assert.equal(await judge([FIRST], [SECOND], LACK, true), 'repository_damaged');
  });

  it('stays what it is where no lack of a pack explains it', async () => {
    for (const reason of ['drill_failed', 'evidence_failed', 'snapshot_missing', 'disk_full'] satisfies Reason[])
      assert.equal(await judge([FIRST], [SECOND], createReasonError(reason, 'It is so')), reason);
  });
});
