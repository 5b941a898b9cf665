import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findLimitTools, type LimitTools, type OwnLimits, planLimits, readOwnLimits } from './limits.ts';

const TOOLS: LimitTools = { nice: '/usr/bin/nice', ionice: '/usr/bin/ionice', prlimit: '/usr/bin/prlimit' };
const FREE: OwnLimits = { niceness: 0, dataBytes: Number.POSITIVE_INFINITY };

describe('Limits of a run', () => {
  it('put nothing in front of a stage where nothing is limited', () => {
    assert.deepEqual(planLimits(TOOLS, {}, FREE), { prefix: [], unmet: [] });
    assert.deepEqual(planLimits(TOOLS, { nice: 0, io: 'normal' }, FREE), { prefix: [], unmet: [] });
  });

  it('put one tool after the other in front of it, each closed against what follows', () => {
    assert.deepEqual(planLimits(TOOLS, { nice: 10, io: 'low', memoryMiB: 256 }, FREE).prefix, [
      ...['/usr/bin/nice', '-n', '10', '--'],
      ...['/usr/bin/ionice', '-t', '-c2', '-n7', '--'],
      ...['/usr/bin/prlimit', '--data=268435456', '--'],
    ]);
    assert.deepEqual(planLimits(TOOLS, { io: 'idle' }, FREE).prefix, ['/usr/bin/ionice', '-t', '-c3', '--']);
  });

  it('start from what the agent is under, and never ask for less than that', () => {
    assert.deepEqual(planLimits(TOOLS, { nice: 10 }, { ...FREE, niceness: 4 }).prefix, ['/usr/bin/nice', '-n', '6', '--']);
    assert.deepEqual(planLimits(TOOLS, { nice: 10 }, { ...FREE, niceness: 10 }).prefix, []);
    assert.deepEqual(planLimits(TOOLS, { nice: 10 }, { ...FREE, niceness: -5 }).prefix, ['/usr/bin/nice', '-n', '15', '--']);
    const narrow = { ...FREE, dataBytes: 256 * 1024 * 1024 };
    assert.deepEqual(planLimits(TOOLS, { memoryMiB: 256 }, narrow).prefix, []);
    assert.deepEqual(planLimits(TOOLS, { memoryMiB: 255 }, narrow).prefix, ['/usr/bin/prlimit', '--data=267386880', '--']);
  });

  it('are named one by one where their tool is missing, and the others still hold', () => {
    const { prefix, unmet } = planLimits({ nice: '/usr/bin/nice' }, { nice: 5, io: 'idle', memoryMiB: 64 }, FREE);
    assert.deepEqual(prefix, ['/usr/bin/nice', '-n', '5', '--']);
    assert.equal(unmet.length, 2);
    assert.match(unmet[0] ?? '', /^The I\/O class is not applied: .*package util-linux/);
    assert.match(unmet[1] ?? '', /^The memory limit is not applied: /);
    assert.deepEqual(planLimits({}, { uploadKiBps: 10 }, FREE), { prefix: [], unmet: [] });
  });

  it('of a process that has a limit of its own are read from the kernel', () => {
    const module = new URL('./limits.ts', import.meta.url).href;
    const script = `import('${module}').then(({ readOwnLimits }) => console.log(JSON.stringify(readOwnLimits())))`;
    const limited = ['-n', '3', 'prlimit', '--data=8589934592', process.execPath, '-e', script];
    const seen = execFileSync('nice', limited, { encoding: 'utf8' });
    // No process is nicer than 19.
    assert.deepEqual(JSON.parse(seen), { niceness: Math.min(19, readOwnLimits().niceness + 3), dataBytes: 8 * 1024 ** 3 });
  });

  it('of this very process are read from the kernel', () => {
    const own = readOwnLimits();
    assert.ok(Number.isInteger(own.niceness));
    assert.ok(own.dataBytes > 0);
  });
});

describe('The tools that set limits', () => {
  it('are found and tried, with and without setpriv', async () => {
    assert.deepEqual(await findLimitTools({ setpriv: '/usr/bin/setpriv' }), { tools: TOOLS, warnings: [] });
    assert.deepEqual(await findLimitTools({ setpriv: undefined }), { tools: TOOLS, warnings: [] });
  });

  it('are left out with a warning when they are missing, do not work, or lose the parent-death signal', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'limit-tools-'));
    t.after(() => rmSync(dir, { recursive: true }));
    // Fails; starts what follows without the signal that setpriv set, as a file capability would; is no program at all.
    writeFileSync(join(dir, 'nice'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const forgetful = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift\nexec setpriv --pdeathsig clear -- "$@"\n';
    writeFileSync(join(dir, 'ionice'), forgetful, { mode: 0o755 });
    writeFileSync(join(dir, 'prlimit'), '', { mode: 0o755 });
    chmodSync(join(dir, 'prlimit'), 0o644);
    const found = await findLimitTools({ setpriv: '/usr/bin/setpriv', folders: [dir] });
    assert.deepEqual(found.tools, {});
    assert.equal(found.warnings.length, 3);
    const unguarded = await findLimitTools({ setpriv: undefined, folders: [dir] });
    assert.deepEqual(unguarded.tools, { ionice: join(dir, 'ionice') });
  });
});
