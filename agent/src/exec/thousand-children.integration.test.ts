import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Stage } from './contract.ts';
import type { Launcher } from './process.ts';
import { runTool } from './run.ts';

const CHILDREN = 1000;
const AT_ONCE = 4;
const OUTPUT_BYTES = 1024 * 1024;
/** More than a pipe holds, so that most of it is still on its way when the child is gone. */
const ERROR_BYTES = 200_000;

/** One program without children of its own: a thousand of them are started. */
const WRITER: Stage = {
  command: {
    args: ['-e', `print "x" x ${OUTPUT_BYTES}, "\\nlast word\\n"; print STDERR "y" x ${ERROR_BYTES}, "final\\n"`],
    env: {},
    files: [],
  },
  binary: '/usr/bin/perl',
};

/** Dead children of this process that nobody has collected, by their pid. */
function listZombies(): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return state === 'Z' && Number(parent) === process.pid ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

const countDescriptors = () => readdirSync('/proc/self/fd').length;

describe('A thousand children that write a megabyte and end at once', { timeout: 300_000 }, () => {
  it('lose no byte, are all collected, and leave no descriptor open', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'thousand-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const ended = new Map<number, number>();
    const launcher: Launcher = {
      environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: tmpdir() },
      setpriv: '/usr/bin/setpriv',
      cancelGraceMs: 1500,
      onEnded: ({ pid }) => ended.set(pid, (ended.get(pid) ?? 0) + 1),
    };
    const run = () => runTool(launcher, { stage: WRITER, workDir: dir });
    await run();
    const before = countDescriptors();
    let started = 0;
    const bad: unknown[] = [];
    const work = async () => {
      while (started < CHILDREN) {
        started += 1;
        const { exitCode, ending, truncated, stdout, stderr } = await run();
        const isWhole = stdout.length === OUTPUT_BYTES + '\nlast word\n'.length && stdout.endsWith('\nlast word\n');
        const isRight = exitCode === 0 && ending === 'exited' && !truncated && isWhole && stderr.endsWith('final\n');
        if (!isRight) bad.push({ exitCode, ending, truncated, bytes: stdout.length, words: stderr.slice(-20) });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    assert.deepEqual(bad, []);
    assert.equal(
      [...ended.values()].reduce((sum, count) => sum + count, 0),
      CHILDREN + 1,
    );
    assert.deepEqual(listZombies(), []);
    assert.equal(countDescriptors(), before);
  });
});
