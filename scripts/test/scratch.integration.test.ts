import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { startTmpfs } from '../../e2e/harness/services/tmpfs.ts';
import { runTool } from '../../e2e/harness/services/tool-run.ts';
import { findScratch } from './scratch.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-scratch-'));
after(() => rmSync(folder, { recursive: true }));

describe('The scratch folder of a run', () => {
  it('lies where it is told, lets every account pass, and is gone with everything in it once it is removed', () => {
    const scratch = findScratch(folder, 1);
    assert.ok(scratch);
    assert.ok(scratch.path.startsWith(`${folder}/`));
    assert.equal(statSync(scratch.path).mode & 0o777, 0o755);
    mkdirSync(join(scratch.path, 'left'));
    writeFileSync(join(scratch.path, 'left/file'), 'by a test that was killed');
    scratch.remove();
    assert.equal(existsSync(scratch.path), false);
  });
  it('is none where there is no such folder or no room', () => {
    assert.equal(findScratch(join(folder, 'missing'), 1), undefined);
    assert.equal(findScratch(folder, Number.MAX_SAFE_INTEGER), undefined);
  });
  it('is none where no program may be started', async () => {
    const memory = await startTmpfs(1024 * 1024);
    try {
      assert.ok(findScratch(memory.path, 1));
      await runTool('mount', ['-o', 'remount,noexec', memory.path]);
      assert.equal(findScratch(memory.path, 1), undefined);
    } finally {
      await memory.stop();
    }
  });
  it('takes what a killed run left away, and leaves that of a running one', () => {
    const [left, used] = [join(folder, 'holdfast-tests-left'), join(folder, 'holdfast-tests-used')];
    for (const path of [left, used]) mkdirSync(path);
    const yesterday = Date.now() / 1000 - 86_400;
    utimesSync(left, yesterday, yesterday);
    findScratch(folder, 1)?.remove();
    assert.deepEqual([existsSync(left), existsSync(used)], [false, true]);
  });
});
