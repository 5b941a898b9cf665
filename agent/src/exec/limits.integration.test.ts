import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import type { Exec, Stage } from './contract.ts';
import { createExec } from './exec.ts';
import { saysOutOfMemory } from './memory-words.ts';
import { findStartTime, isGroupAlive } from './proc.ts';

const limitTools = { nice: '/usr/bin/nice', ionice: '/usr/bin/ionice', prlimit: '/usr/bin/prlimit' };
const ALL: RunLimits = { nice: 7, io: 'low', memoryMiB: 200 };

let dir: string;
let exec: Exec;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'limits-'));
  exec = createExec({
    environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: dir },
    setpriv: '/usr/bin/setpriv',
    limitTools,
    cancelGraceMs: 1500,
  });
});
after(() => rmSync(dir, { recursive: true, force: true }));

const shell = (script: string): Stage => ({ command: { args: ['-c', script], env: {}, files: [] }, binary: '/bin/sh' });

/** What the kernel and ionice say of the process in which they are asked; its niceness is field 19 of proc(5). */
const ASK = `read -r stat < /proc/$$/stat; set -- \${stat##*) }; echo "nice $(eval echo \\\${17})"; echo "io $(ionice -p $$)"; grep '^Max data size' /proc/$$/limits`;

describe('An exec with limits', () => {
  it('puts niceness, I/O class and memory limit on a tool, and leaves the unlimited one alone', async () => {
    const { stdout } = await exec.withLimits(ALL).runTool({ stage: shell(ASK), workDir: dir });
    const own = await exec.runTool({ stage: shell(ASK), workDir: dir });
    const niceOf = (text: string) => Number(/^nice (-?\d+)$/m.exec(text)?.[1]);
    assert.equal(niceOf(stdout), Math.max(7, niceOf(own.stdout)));
    assert.match(stdout, /^io best-effort: prio 7$/m);
    assert.match(stdout, /^Max data size +209715200 +209715200 +bytes/m);
    assert.doesNotMatch(own.stdout, /best-effort: prio 7|209715200/);
    const idle = await exec.withLimits({ io: 'idle' }).runTool({ stage: shell(ASK), workDir: dir });
    assert.match(idle.stdout, /^io idle$/m);
  });

  it('puts them on both stages of a pipeline', async () => {
    const both = await exec.withLimits({ io: 'idle' }).runPipeline({
      producer: shell('ionice -p $$; cat /dev/null'),
      consumer: shell('cat; ionice -p $$'),
      workDir: dir,
    });
    assert.equal(both.verdict, 'complete');
    assert.equal(both.consumer.stdout, 'idle\nidle\n');
  });

  it('replaces limits, and does not add them up', async () => {
    const twice = exec.withLimits(ALL).withLimits({ nice: 9 });
    assert.deepEqual(twice.limits, { nice: 9 });
    const { stdout } = await twice.runTool({ stage: shell(ASK), workDir: dir });
    assert.match(stdout, new RegExp(`^nice ${Math.max(9, getPriority())}$`, 'm'));
    assert.doesNotMatch(stdout, /209715200/);
  });

  it('keeps process group, exit code and the words for a program that is not there', async () => {
    const limited = exec.withLimits(ALL);
    const group = await limited.runTool({ stage: shell('sleep 60 & ps -o pid=,pgid= -p $$; exit 3'), workDir: dir });
    const [pid, groupId] = group.stdout.trim().split(/\s+/);
    assert.equal(pid, groupId);
    assert.equal(group.exitCode, 3);
    assert.equal(isGroupAlive(Number(groupId)), false);
    const missing = await limited.runTool({ stage: { ...shell(''), binary: '/nonexistent/tool' }, workDir: dir });
    assert.equal(missing.exitCode, 127);
    assert.match(missing.stderr, /\/nonexistent\/tool/);
  });

  it('refuses memory above the limit, and the tool says so', async () => {
    const hungry: Stage = {
      ...shell(''),
      binary: '/usr/bin/head',
      command: { args: ['-c', '-300M', '/dev/zero'], env: {}, files: [] },
    };
    const result = await exec.withLimits({ memoryMiB: 64 }).runTool({ stage: hungry, workDir: dir, timeoutMs: 20_000 });
    assert.equal(result.ending, 'exited');
    assert.notEqual(result.exitCode, 0);
    assert.equal(saysOutOfMemory(result.stderr), true, result.stderr);
  });

  it('says what it cannot limit, and runs all the same', async () => {
    const poor = createExec({
      environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: dir },
      setpriv: '/usr/bin/setpriv',
      cancelGraceMs: 1500,
    }).withLimits(ALL);
    // Who is nice enough already misses no tool for that.
    assert.equal(poor.unmetLimits.length, getPriority() < 7 ? 3 : 2);
    assert.deepEqual(exec.withLimits(ALL).unmetLimits, []);
    assert.equal((await poor.runTool({ stage: shell('exit 0'), workDir: dir })).exitCode, 0);
  });

  it('lets a stage under all limits die with the agent', async (t) => {
    const room = import.meta.dirname;
    const source = `
      import { createExec } from ${JSON.stringify(join(room, 'exec.ts'))};
      const exec = createExec({
        environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: '/tmp' },
        setpriv: '/usr/bin/setpriv', limitTools: ${JSON.stringify(limitTools)}, cancelGraceMs: 1000,
        onStarted: ({ pid }) => console.log(pid),
      }).withLimits(${JSON.stringify(ALL)});
      const stage = { command: { args: ['infinity'], env: {}, files: [] }, binary: '/usr/bin/sleep' };
      await exec.runTool({ stage, workDir: ${JSON.stringify(dir)} });`;
    const agent = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((resolve) => agent.stdout.once('data', (chunk) => resolve(Number(String(chunk)))));
    // Only when the chain has become the program is the signal proven to have come through it.
    await waitUntil('the program at the end of the chain', () => readFileSync(`/proc/${pid}/comm`, 'latin1') === 'sleep\n');
    const startTime = findStartTime(pid);
    assert.ok(startTime !== undefined);
    t.after(() => (findStartTime(pid) === startTime ? process.kill(pid, 'SIGKILL') : undefined));
    agent.kill('SIGKILL');
    // It ends by nothing else.
    await waitUntil('its end', () => findStartTime(pid) !== startTime, { deadlineMs: 15_000 });
  });
});

describe('A stage whose offspring left its group', () => {
  it('ends although they hold its pipes open, with all that it said itself', async () => {
    const startedAt = performance.now();
    const left = `setsid -f sh -c 'echo $$ > left; exec sleep 30'; until [ -s left ]; do :; done`;
    const script = `echo one; ${left}; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last`;
    const result = await exec.runTool({ stage: shell(script), workDir: dir });
    process.kill(Number(readFileSync(join(dir, 'left'), 'latin1')), 'SIGKILL');
    assert.equal(result.exitCode, 0);
    assert.match(result.stdout, /^one\nx{3000000}\nlast\n$/);
    assert.ok(performance.now() - startedAt < 15_000);
  });
});
