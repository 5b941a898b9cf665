import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { lockStateDir } from './lock.ts';

function makeDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

const isTaken = (words: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === 'conflict' && words.test(error.message);

describe('The lock of a state directory', () => {
  it('belongs to one at a time, who is named to the others', (t) => {
    const dir = makeDir(t);
    const lock = lockStateDir(dir, 4711);
    assert.equal(readFileSync(join(dir, 'agent.pid'), 'utf8'), '4711\n');
    assert.throws(() => lockStateDir(dir, 4712), isTaken(/^another agent \(process 4711\) already works/));
    lock.release();
    lockStateDir(dir, 4712).release();
  });

  it('names nobody when what stands beside it is no process id, or cannot be read', (t) => {
    const dir = makeDir(t);
    const lock = lockStateDir(dir, 4711);
    t.after(lock.release);
    writeFileSync(join(dir, 'agent.pid'), '<b>4711</b>');
    assert.throws(() => lockStateDir(dir, 4712), isTaken(/^another agent already works/));
    rmSync(join(dir, 'agent.pid'));
    assert.throws(() => lockStateDir(dir, 4712), isTaken(/^another agent already works/));
  });

  it('is had although the holder cannot be noted', (t) => {
    const dir = makeDir(t);
    mkdirSync(join(dir, 'agent.pid'));
    lockStateDir(dir, 4711).release();
  });

  it('is never taken through a link, nor where there is no directory', (t) => {
    const dir = makeDir(t);
    symlinkSync(join(dir, 'elsewhere'), join(dir, 'agent.lock'));
    assert.throws(() => lockStateDir(dir, 4711), { code: 'ELOOP' });
    assert.throws(() => lockStateDir(join(dir, 'nowhere'), 4711), { code: 'ENOENT' });
  });
});
