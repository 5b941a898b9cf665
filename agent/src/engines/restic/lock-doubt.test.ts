import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findLockDoubt } from './lock-doubt.ts';

const LEFT = { signal: null, exitCode: 0, stderr: '', ending: 'exited' } as const;
const UNREACHABLE = { reason: 'repository_unreachable', message: 'connection reset' } as const;
const UNKNOWN = { reason: 'unknown_failure', message: 'ssh command exited: exit status 255' } as const;

describe('A lock after the end of restic', () => {
  it('is gone when restic left by itself', () => {
    assert.equal(findLockDoubt(LEFT, undefined), 'none');
    assert.equal(findLockDoubt({ ...LEFT, exitCode: 1, stderr: 'Fatal: all target directories do not exist' }, UNKNOWN), 'none');
    const banner = 'subprocess ssh: Authorised use only.\nsubprocess ssh: Warning: Permanently added a key';
    assert.equal(findLockDoubt({ ...LEFT, stderr: banner }, undefined), 'none');
  });

  it('is looked for when restic was ended, or crashed', () => {
    for (const ending of ['cancelled', 'timed_out', 'stalled'] as const)
      assert.equal(findLockDoubt({ ...LEFT, ending }, undefined), 'look');
    assert.equal(findLockDoubt({ ...LEFT, exitCode: null, signal: 'SIGKILL' }, UNREACHABLE), 'look');
    assert.equal(findLockDoubt({ ...LEFT, exitCode: 2 }, undefined), 'look');
    assert.equal(findLockDoubt({ signal: 'SIGTERM', exitCode: null, stderr: '' }, undefined), 'look');
  });

  it('is looked for when its line broke as it left, also after a good end', () => {
    const words = [
      'subprocess ssh: Connection to 10.0.0.7 closed by remote host.',
      'subprocess ssh: client_loop: send disconnect: Broken pipe',
      'subprocess ssh: Connection reset by 127.0.0.1 port 22',
      'Remove(<lock/781136986b>) returned error, retrying after 1.439945267s: connection refused',
    ];
    for (const line of words) {
      assert.equal(findLockDoubt({ ...LEFT, stderr: `snapshot saved\n${line}\n` }, undefined), 'look', line);
      assert.equal(findLockDoubt({ ...LEFT, exitCode: 1, stderr: line }, UNKNOWN), 'look', line);
    }
  });

  it('is owed a look while the repository is out of reach', () => {
    assert.equal(findLockDoubt({ ...LEFT, exitCode: 1, stderr: 'subprocess ssh: Connection reset' }, UNREACHABLE), 'owed');
  });
});
