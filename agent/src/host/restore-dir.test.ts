import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { findRestoreDir } from './restore-dir.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-restore-dir-'));
// What no user may make, not even root: a directory below a file.
const never = join(folder, 'file', 'restore');
writeFileSync(join(folder, 'file'), '');
after(() => rmSync(folder, { recursive: true }));

describe('Where a restore is proposed to write', () => {
  it('is the usual directory where it can be written, or be made', () => {
    assert.equal(findRestoreDir('/nowhere', join(folder, 'not', 'there', 'yet')), join(folder, 'not', 'there', 'yet'));
    mkdirSync(join(folder, 'restore'));
    assert.equal(findRestoreDir('/nowhere', join(folder, 'restore')), join(folder, 'restore'));
  });

  it('is below the agent’s own directory where the usual one is refused', () => {
    assert.equal(findRestoreDir(folder, never), join(folder, 'restored'));
  });

  it('is not told where there is none, or its name is not one line', () => {
    assert.equal(findRestoreDir(never, never), undefined);
    const odd = join(folder, 'two\nlines');
    mkdirSync(odd);
    assert.equal(findRestoreDir(odd, never), undefined);
  });
});
