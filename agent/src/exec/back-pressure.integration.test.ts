import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Stage } from './contract.ts';
import { runPipeline } from './pipeline.ts';
import type { Launcher } from './process.ts';
import { runTool } from './run.ts';

const TOTAL_BYTES = 1024 ** 3;
const TAKEN_BYTES = 1_000_000;
/** What a FIFO holds at most, and what the reader may have taken beyond what it asked for. */
const KERNEL_BYTES = 256 * 1024;
/** Far below what is sent, far above what a garbage collector leaves. */
const GROWTH_BYTES = 60 * 1024 ** 2;

const launcher: Launcher = {
  environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: tmpdir() },
  setpriv: '/usr/bin/setpriv',
  cancelGraceMs: 1500,
};
const shell = (script: string): Stage => ({ command: { args: ['-c', script], env: {}, files: [] }, binary: '/bin/sh' });

/** Looks at this process's memory all the time; `end` gives by how much it grew at most. */
function watchMemory() {
  const before = process.memoryUsage.rss();
  let highest = before;
  const timer = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 20);
  return {
    end() {
      clearInterval(timer);
      return Math.max(highest, process.memoryUsage.rss()) - before;
    },
  };
}

describe('A fast dump into a slow repository', { timeout: 120_000 }, () => {
  it('waits in the kernel while nothing is taken, and no byte of it is held by the agent', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'pressure-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const memory = watchMemory();
    const looks: number[] = [];
    const result = await runPipeline(launcher, {
      producer: shell(`exec head -c ${TOTAL_BYTES} /dev/zero`),
      consumer: shell(`head -c ${TAKEN_BYTES} >/dev/null; while [ ! -e go ]; do sleep 0.05; done; wc -c > rest`),
      workDir: dir,
      onProgress({ writtenBytes }) {
        looks.push(writtenBytes);
        // Twice the same: it stands. Then the consumer goes on.
        if (writtenBytes > 0 && looks.at(-2) === writtenBytes) writeFileSync(join(dir, 'go'), '');
      },
    });
    const growth = memory.end();
    assert.equal(result.verdict, 'complete');
    const stood = looks.find((bytes, index) => bytes > 0 && bytes === looks[index + 1]) ?? 0;
    assert.ok(stood >= TAKEN_BYTES && stood <= TAKEN_BYTES + KERNEL_BYTES, `the dump was ${stood} bytes far`);
    const rest = Number(readFileSync(join(dir, 'rest'), 'utf8'));
    assert.ok(rest <= TOTAL_BYTES - TAKEN_BYTES && rest >= TOTAL_BYTES - TAKEN_BYTES - KERNEL_BYTES, `${rest} bytes came later`);
    assert.ok(growth < GROWTH_BYTES, `grew by ${growth} bytes`);
  });
});

describe('A tool that talks without end', { timeout: 60_000 }, () => {
  it('is kept to the limit of its output, on both streams', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'pressure-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const memory = watchMemory();
    const result = await runTool(launcher, {
      stage: shell('head -c 400000000 /dev/zero & head -c 100000000 /dev/zero >&2; wait'),
      workDir: dir,
      outputBytes: 1_000_000,
    });
    const growth = memory.end();
    assert.deepEqual([result.exitCode, result.truncated, result.stdout.length], [0, true, 1_000_000]);
    assert.ok(result.stderr.length < 100_000);
    assert.ok(growth < 2 * GROWTH_BYTES, `grew by ${growth} bytes`);
  });
});
