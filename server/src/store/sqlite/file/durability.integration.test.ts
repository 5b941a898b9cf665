import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'holdfast-durability-'));
const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
after(() => rmSync(directory, { recursive: true }));

/** Syncs that a process makes which opens a new store and commits so many times. */
async function countSyncs(commits: number): Promise<number> {
  const trace = join(directory, `trace-${commits}`);
  const fixture = join(import.meta.dirname, '../fixtures/commit-settings.ts');
  const strace = ['-f', '-qq', '-e', 'trace=fsync,fdatasync', '-o', trace, process.execPath];
  await run('strace', [...strace, fixture, join(directory, `${commits}.db`), migrationsDir, String(commits)]);
  return readFileSync(trace, 'utf8')
    .split('\n')
    .filter((line) => /f(data)?sync\(/u.test(line)).length;
}

describe('durability', () => {
  it('syncs the disk for every commit, counted under strace', async () => {
    const idle = await countSyncs(0);
    const busy = await countSyncs(50);
    assert.ok(busy - idle >= 50, `${busy - idle} syncs for 50 commits`);
  });

  it('survives a full disk: nothing acknowledged is lost, people can still act, reports go on when there is room', async () => {
    const mountPoint = mkdtempSync(join(directory, 'small-'));
    const fixture = join(import.meta.dirname, '../fixtures/fill-disk.ts');
    // The small file system lives in a mount namespace of the child alone and is gone with it.
    const script = 'mount -t tmpfs -o size=24m none "$1" && exec "$2" "$3" "$1" "$4"';
    const namespace = process.getuid?.() === 0 ? ['-m'] : ['-r', '-m'];
    const { stdout } = await run('unshare', [
      ...namespace,
      'sh',
      '-c',
      script,
      'sh',
      mountPoint,
      process.execPath,
      fixture,
      migrationsDir,
    ]);
    const seen = JSON.parse(stdout);
    assert.equal(seen.disk, true);
    assert.equal(seen.ballastAtStart, 1024 * 1024);
    assert.deepEqual(seen.whileFull, {
      refused: 'unavailable full',
      ballastFreed: true,
      again: 'unavailable full',
      probe: 'unavailable full',
      delete: 'done',
      write: 'done',
      position: seen.acknowledged,
    });
    assert.deepEqual(seen.afterRoom, { again: 'done', ballast: 1024 * 1024, probe: 'done' });
    assert.equal(seen.position, seen.acknowledged + 1);
    assert.equal(seen.lines, seen.acknowledged - 1);
    assert.equal(seen.intact, true);
  });
});
