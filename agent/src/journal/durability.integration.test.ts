import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);

describe('the journal on a real disk', () => {
  it('asks the kernel to write for every event it hands out', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-fsync-'));
    const trace = join(folder, 'trace');
    const countSyncs = (events: number): number => {
      const writer = [process.execPath, fixture('journal-writer.ts'), join(folder, `state-${events}`), String(events)];
      const { status, stderr } = spawnSync('strace', ['-f', '-e', 'trace=fsync,fdatasync', '-o', trace, ...writer], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      return readFileSync(trace, 'utf8')
        .split('\n')
        .filter((line) => /\bf(data)?sync\(/.test(line)).length;
    };
    const syncs = countSyncs(56) - countSyncs(6);
    assert.ok(syncs >= 50, `50 more events made only ${syncs} more syncs`);
    rmSync(folder, { recursive: true });
  });

  it('keeps events in memory and in order while its disk is full, and starts on a full disk', () => {
    const disk = mkdtempSync(join(tmpdir(), 'holdfast-full-'));
    const own = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
    const script = 'mount -t tmpfs -o size=3m tmpfs "$1" && exec "$2" "$3" "$1"';
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      [...own, 'sh', '-c', script, 'sh', disk, process.execPath, fixture('full-disk.ts')],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    const seen = JSON.parse(stdout);
    assert.equal(seen.before, 1);
    assert.ok(seen.onBallast >= 1, 'freeing the ballast made room');
    assert.equal(seen.refused, null);
    assert.equal(seen.thrown, true);
    assert.equal(seen.sick.healthy, false);
    assert.equal(seen.sick.memoryEvents, 2);
    assert.match(seen.sick.fault, /cannot be written/);
    assert.equal(seen.readable, 1 + seen.onBallast);
    assert.equal(seen.healed, true);
    assert.deepEqual(seen.well, { healthy: true, memoryEvents: 0, memoryBytes: 0 });
    assert.equal(seen.after, seen.lines + 3);
    assert.equal(seen.started.epoch, seen.epoch);
    assert.equal(seen.started.lastSeq, seen.after);
    assert.equal(seen.runs, seen.lines);
    const texts: [number, string][] = seen.texts;
    assert.deepEqual(texts.slice(0, seen.after), [
      [1, 'before'],
      ...Array.from({ length: seen.lines }, (_, index) => [index + 2, 'log']),
      [seen.lines + 2, 'kept in memory'],
      [seen.lines + 3, 'after'],
    ]);
    assert.equal(texts.filter(([, text]) => text === 'log').length, seen.all, 'nothing waits behind what came later');
    assert.deepEqual(texts.at(-1), [seen.last, 'behind what waited']);
    rmSync(disk, { recursive: true });
  });
});
