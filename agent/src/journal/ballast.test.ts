import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createBallast } from './ballast.ts';

const SIZE = 600 * 1024;

function makeDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-ballast-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

describe('The ballast', () => {
  it('takes real space, frees it once, and takes it again', (t) => {
    const dir = makeDir(t);
    const ballast = createBallast(join(dir, 'ballast'), dir, SIZE);
    assert.equal(ballast.free(), false);
    ballast.restore();
    const { size, blocks, mode } = statSync(join(dir, 'ballast'));
    assert.deepEqual([size, mode & 0o777], [SIZE, 0o600]);
    assert.ok(blocks * 512 >= SIZE);
    ballast.restore();
    assert.deepEqual([ballast.free(), ballast.free()], [true, false]);
    ballast.restore();
    assert.equal(statSync(join(dir, 'ballast')).size, SIZE);
  });

  it('leaves a disk alone that has less than three times its size', (t) => {
    const dir = makeDir(t);
    createBallast(join(dir, 'ballast'), dir, Number.MAX_SAFE_INTEGER).restore();
    assert.equal(existsSync(join(dir, 'ballast')), false);
  });

  it('is never written through a link, which is removed instead', (t) => {
    const dir = makeDir(t);
    writeFileSync(join(dir, 'precious'), 'precious');
    symlinkSync(join(dir, 'precious'), join(dir, 'ballast'));
    const ballast = createBallast(join(dir, 'ballast'), dir, SIZE);
    ballast.restore();
    assert.deepEqual([readFileSync(join(dir, 'precious'), 'utf8'), existsSync(join(dir, 'ballast'))], ['precious', false]);
    ballast.restore();
    assert.ok(lstatSync(join(dir, 'ballast')).isFile());
  });
});
