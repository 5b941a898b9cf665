import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runGroup } from './process-group.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-group-'));
after(() => rmSync(folder, { recursive: true }));

function runShell(script: string, timeoutMs = 20_000): ReturnType<typeof runGroup> {
  return runGroup({ argv: ['sh', '-c', script], cwd: folder, logFile: join(folder, 'log'), timeoutMs });
}

function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

describe('A process group', () => {
  it('reports the code, keeps the end of the output, and logs all of it', async () => {
    const ended = await runShell('echo out; echo err >&2; exit 7');
    assert.equal(ended.code, 7);
    assert.match(ended.output, /out[\s\S]*err|err[\s\S]*out/);
    assert.equal(readFileSync(join(folder, 'log'), 'utf8').length, ended.output.length);
  });
  it('has no input', async () => {
    assert.equal((await runShell('test -z "$(cat)"')).code, 0);
  });
  it('is stopped as a whole when its time is over', async () => {
    const ended = await runShell('sleep 600 & echo $! > child.pid; wait', 500);
    assert.equal(ended.timedOut, true);
    assert.equal(isAlive(Number(readFileSync(join(folder, 'child.pid'), 'utf8'))), false);
  });
  it('leaves nothing behind after its leader has ended', async () => {
    const ended = await runShell('sleep 600 & echo $! > left.pid');
    assert.equal(ended.code, 0);
    assert.equal(isAlive(Number(readFileSync(join(folder, 'left.pid'), 'utf8'))), false);
  });
  it('reports a command that does not exist', async () => {
    const ended = await runGroup({ argv: ['no-such-command'], cwd: folder, logFile: join(folder, 'log'), timeoutMs: 5_000 });
    assert.equal(ended.code, 127);
    assert.match(ended.output, /ENOENT/);
  });
});
