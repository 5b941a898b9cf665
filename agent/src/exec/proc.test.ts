import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import {
  findEnvironmentValue,
  findMovedBytes,
  findStartTime,
  isGroupAlive,
  isUncollected,
  listGroup,
  parseMovedBytes,
  readBootId,
  toEpochMs,
} from './proc.ts';

/** Above every pid that Linux gives out (2^22). */
const NO_PID = 2 ** 22 + 1;

const isRoot = process.getuid?.() === 0;

interface Started {
  pid: number;
  child: ChildProcess;
  nextLine(): Promise<string>;
}

function start(t: TestContext, file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(file, args, { detached: true, env: { PATH: '/usr/bin:/bin', ...env }, stdio: ['pipe', 'pipe', 'ignore'] });
  const { pid } = child;
  assert.ok(pid);
  t.after(() => {
    for (const member of listGroup(pid)) process.kill(member.pid, 'SIGKILL');
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { pid, child, nextLine: async () => String((await lines.next()).value) };
}

async function kill({ child }: Started): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe('What /proc tells about a process', () => {
  it('is a start time that stays, lies between this boot and now, and is gone with the process', async (t) => {
    const before = Date.now();
    const started = start(t, 'sleep', ['60']);
    const startTime = findStartTime(started.pid);
    assert.ok(startTime);
    assert.equal(findStartTime(started.pid), startTime);
    // Ticks are 10 ms, and btime is cut to the second.
    assert.ok(Math.abs(toEpochMs(startTime) - before) < 2500, `${toEpochMs(startTime)} and ${before}`);
    await kill(started);
    assert.equal(findStartTime(started.pid), undefined);
  });

  it('is read rightly for a program whose name holds blanks, parentheses and a line break', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'proc-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const odd = join(dir, 'a) Z 1 (b\n) 2');
    copyFileSync('/bin/sleep', odd);
    const started = start(t, odd, ['60']);
    while (!readFileSync(`/proc/${started.pid}/stat`, 'latin1').includes('(a) Z 1 (b')) await new Promise(setImmediate);
    assert.ok(findStartTime(started.pid));
    assert.deepEqual(
      listGroup(started.pid).map(({ pid }) => pid),
      [started.pid],
    );
  });

  it('counts every byte that went through it, pipes included', async (t) => {
    const started = start(t, 'cat', []);
    started.child.stdin?.write(`${'x'.repeat(99_999)}\n`);
    assert.equal((await started.nextLine()).length, 99_999);
    // The kernel counts a write when it is over, a moment after its bytes can be read.
    while ((findMovedBytes(started.pid)?.writtenBytes ?? 0) < 100_000) await new Promise(setImmediate);
    const moved = findMovedBytes(started.pid);
    // Starting the program moves some bytes of its own.
    assert.ok(moved && moved.writtenBytes < 101_000 && moved.readBytes >= 100_000, JSON.stringify(moved));
  });

  it('is no count where the kernel keeps none', () => {
    assert.deepEqual(parseMovedBytes('rchar: 12\nwchar: 3\nsyscr: 1\n'), { readBytes: 12, writtenBytes: 3 });
    for (const text of ['', 'rchar: 12\n', 'wchar: 3\n', 'syscr: 1\n']) assert.equal(parseMovedBytes(text), undefined);
  });

  it('is its first environment, by whole names', async (t) => {
    const env = { MARK: 'a=b', MARKED: 'other', EMPTY: '', ODD: 'two\nlines ü' };
    const started = start(t, 'sh', ['-c', 'unset MARK; export LATE=1; echo up; read line'], env);
    await started.nextLine();
    const find = (name: string) => findEnvironmentValue(started.pid, name);
    assert.deepEqual(['MARK', 'EMPTY', 'ODD', 'LATE', 'MAR'].map(find), ['a=b', '', 'two\nlines ü', undefined, undefined]);
  });

  it('is nothing where there is no such process', () => {
    assert.equal(findStartTime(NO_PID), undefined);
    assert.equal(findMovedBytes(NO_PID), undefined);
    assert.equal(findEnvironmentValue(NO_PID, 'PATH'), undefined);
    assert.deepEqual(listGroup(NO_PID), []);
    assert.equal(isGroupAlive(NO_PID), false);
  });

  it('names this boot the same way each time', () => {
    assert.match(readBootId(), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.equal(readBootId(), readBootId());
  });
});

describe('A process group', () => {
  it('is alive as long as one of its members is, the leader or not', async (t) => {
    const started = start(t, 'sh', ['-c', 'sleep 60 & echo $!; wait']);
    const member = Number(await started.nextLine());
    assert.deepEqual(
      listGroup(started.pid)
        .map(({ pid }) => pid)
        .sort((one, other) => one - other),
      [started.pid, member].sort((one, other) => one - other),
    );
    await kill(started);
    assert.equal(isGroupAlive(started.pid), true);
    assert.deepEqual(
      listGroup(started.pid).map(({ pid }) => pid),
      [member],
    );
    process.kill(member, 'SIGKILL');
    while (findStartTime(member) !== undefined) await new Promise(setImmediate);
    assert.equal(isGroupAlive(started.pid), false);
  });

  it('is alive too when it must not be signalled from here', async (t) => {
    // Only root can start what is somebody else's, and give up its rights over it; for others the first process of the system is.
    const strange = isRoot ? start(t, 'setpriv', ['--reuid', '65533', 'sh', '-c', 'echo up; exec sleep 60']) : undefined;
    await strange?.nextLine();
    const group = strange?.pid ?? 1;
    if (isRoot) process.seteuid?.(65534);
    try {
      assert.throws(() => process.kill(-group, 0), /EPERM/);
      assert.equal(isGroupAlive(group), true);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('is dead when all that is left of it waits to be collected', async (t) => {
    // `sleep` takes the place of the shell and collects nothing.
    const holder = start(t, 'sh', ['-c', "setsid sh -c 'echo $$; read line < /dev/null; exec sleep 60' & exec sleep 60"]);
    const pid = Number(await holder.nextLine());
    process.kill(pid, 'SIGKILL');
    while (findStartTime(pid) !== undefined) await new Promise(setImmediate);
    assert.equal(process.kill(-pid, 0), true, 'the kernel still knows the group');
    assert.equal(isGroupAlive(pid), false);
    assert.deepEqual(listGroup(pid), []);
    assert.deepEqual([pid, holder.pid, NO_PID].map(isUncollected), [true, false, false]);
  });
});
