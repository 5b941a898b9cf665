import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { describeHolder, takeDemoLock } from './demo-lock.ts';
import { createPassword, ensureSecret } from './state-folder.ts';

describe('The folder of the demo', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-demo-folder-'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('keeps a secret under a name, readable by its owner only', async () => {
    const path = join(root, 'secret');
    const secret = await ensureSecret(path);
    assert.equal(await ensureSecret(path), secret);
    assert.equal(await readFile(path, 'utf8'), `${secret}\n`);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('makes passwords that can be typed and never repeat', () => {
    const made = Array.from({ length: 200 }, createPassword);
    assert.equal(new Set(made).size, 200);
    for (const password of made) assert.match(password, /^[a-zA-Z2-9]{5}(-[a-zA-Z2-9]{5}){3}$/);
  });

  it('is used by one demo at a time; the next one learns by which, and may have it afterwards', async () => {
    const first = await takeDemoLock(root);
    assert.ok('lock' in first);
    first.lock.announce('http://127.0.0.1:8080');
    const second = await takeDemoLock(root);
    assert.deepEqual(second, { holder: { pid: process.pid, url: 'http://127.0.0.1:8080' } });
    assert.match(describeHolder({ pid: 5 }), /is running already; .*kill 5/);
    first.lock.release();
    const third = await takeDemoLock(root);
    assert.ok('lock' in third);
    third.lock.release();
  });
});
