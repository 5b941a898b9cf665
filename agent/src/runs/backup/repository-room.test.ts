import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findReason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { checkRoom, expectGrowth } from './repository-room.ts';

const GIB = 1024 ** 3;
/** More than any disk has. */
const HUGE = 2 ** 80;

describe('What a backup may add', () => {
  it('is unknown without history and size, and after a first backup, which says nothing of the next', () => {
    assert.equal(expectGrowth([], undefined), undefined);
    assert.equal(expectGrowth([90 * GIB], undefined), undefined);
    assert.equal(expectGrowth([90 * GIB], 100 * GIB), undefined);
  });

  it('is at least an eighth of a database whose first backup it is, and may be all of it', () => {
    const growth = expectGrowth([], 8 * GIB);
    assert.equal(growth?.leastBytes, GIB);
    assert.equal(growth?.likelyBytes, 8 * GIB);
    assert.match(growth?.basis ?? '', /first backup of a database of 8\.0 GiB/);
  });

  it('is at least what the least of the last backups added, and may be a quarter more than the newest', () => {
    const growth = expectGrowth([8000, 4000, 90 * GIB], undefined);
    assert.equal(growth?.leastBytes, 4000);
    assert.equal(growth?.likelyBytes, 10_000);
    assert.match(growth?.basis ?? '', /last 3 backups of it, the newest of which added 8 KiB/);
  });

  it('is not more than there is: a source that shrank is not held to what it once was', () => {
    const growth = expectGrowth([8000, 4000], 1000);
    assert.equal(growth?.leastBytes, 1000);
    assert.equal(growth?.likelyBytes, 1000);
  });
});

describe('The look for room', () => {
  it('refuses what never fitted, with both figures and what to do', async () => {
    const error = await checkRoom({ path: '/', added: [HUGE, HUGE], sourceBytes: undefined }).catch(toAppError);
    assert.ok(error instanceof Error);
    assert.equal(findReason(error), 'repository_full');
    assert.match(
      error.message,
      /^The disk of \/ has [\d.]+ [MG]iB left, and this backup needs at least \d+\.0 GiB, going by the last 2/,
    );
    assert.match(error.message, /nothing was read or stored\. Make room where the repository lives, then run again\.$/);
  });

  it('warns where it may not fit', async () => {
    const warning = await checkRoom({ path: '/', added: [HUGE, 0], sourceBytes: undefined });
    assert.match(warning ?? '', /this backup may need \d+\.0 GiB.*Make room before it is full\.$/);
  });

  it('says nothing where there is room, where nothing is known, and where the disk does not tell', async () => {
    assert.equal(await checkRoom({ path: '/', added: [0, 0], sourceBytes: undefined }), undefined);
    assert.equal(await checkRoom({ path: '/', added: [], sourceBytes: undefined }), undefined);
    assert.equal(await checkRoom({ path: '/nowhere/at/all', added: [HUGE, HUGE], sourceBytes: undefined }), undefined);
    // A file system of the kernel's own, which counts no blocks.
    assert.equal(await checkRoom({ path: '/proc', added: [HUGE, HUGE], sourceBytes: undefined }), undefined);
  });
});
