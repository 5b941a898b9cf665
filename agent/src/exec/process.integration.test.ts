import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Stage } from './contract.ts';
import { runPipeline } from './pipeline.ts';
import { isGroupAlive, listGroup } from './proc.ts';
import { type Launcher, type RunningStage, type StageIo, startStage } from './process.ts';
import { runTool } from './run.ts';

const isRoot = process.getuid?.() === 0;
/** Neither root nor the one that the stage becomes. */
const NOBODY = 65534;
const launcher: Launcher = {
  environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: tmpdir() },
  setpriv: '/usr/bin/setpriv',
  cancelGraceMs: 1500,
};
const unguarded: Launcher = { ...launcher, setpriv: undefined };
const io: StageIo = { stdin: 'ignore', stdout: 'pipe', outputBytes: 1000, stdoutEncoding: 'utf8', enoughBytes: undefined };

function shell(script: string, callbacks: Partial<Stage> = {}): Stage {
  return { command: { args: ['-c', script], env: {}, files: [] }, binary: '/bin/sh', ...callbacks };
}

function makeDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'process-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Where a descriptor leads; the one that lists them is gone by then. */
function findLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function assertMovesNothing(running: RunningStage): void {
  const file = statSync('/etc/passwd');
  assert.deepEqual([running.moved(), running.movedTogether(), running.positionsIn(file)], [undefined, undefined, []]);
}

describe('A stage', () => {
  it('tells what it and what it started have moved, and how far they have read a file, until it ended', async (t) => {
    const dir = makeDir(t);
    const path = join(dir, 'dump');
    writeFileSync(path, 'x'.repeat(5000));
    const lines: string[] = [];
    const { promise: waits, resolve } = Promise.withResolvers<void>();
    const script = `(head -c 5000 >/dev/null; echo read; exec sleep 60) <${path}`;
    const onStdoutLine = (line: string) => {
      lines.push(line);
      resolve();
    };
    const running = startStage(launcher, shell(script, { onStdoutLine }), '/', io);
    await waits;
    const together = running.movedTogether();
    assert.ok(together && together.readBytes >= (running.moved()?.readBytes ?? Number.NaN), JSON.stringify(together));
    assert.deepEqual(
      running.positionsIn(statSync(path)).map(({ at }) => at),
      [5000],
    );
    assert.deepEqual(running.positionsIn(statSync('/etc/passwd')), []);
    await running.stop();
    assertMovesNothing(running);
    assert.deepEqual(lines, ['read']);
  });
});

describe('A program that cannot be started', () => {
  const missing: Stage = { ...shell(''), binary: '/nonexistent/tool' };

  it('ends at once and says why, also when it is stopped before that', async () => {
    let told = 0;
    const running = startStage({ ...unguarded, onStarted: () => (told += 1), onEnded: () => (told += 1) }, missing, '/', io);
    const outcome = await running.stop();
    assert.deepEqual([outcome.spawnError, outcome.exitCode, outcome.signal], ['ENOENT', null, null]);
    assert.deepEqual([running.ended, running.stopping, told], [true, true, 0]);
    assertMovesNothing(running);
    assert.equal(await running.stop(), outcome);
  });

  it('is told as well when it is setpriv', async () => {
    const running = startStage({ ...launcher, setpriv: '/nonexistent/setpriv' }, shell('echo x'), '/', io);
    assert.equal((await running.done).spawnError, 'ENOENT');
  });

  for (const [name, guard] of [
    ['with', launcher],
    ['without', unguarded],
  ] as const) {
    it(`because its arguments are too long ends the same way, ${name} setpriv`, async () => {
      const running = startStage(guard, shell('x'.repeat(3_000_000)), '/', io);
      const outcome = await running.done;
      assert.equal(outcome.spawnError, 'E2BIG');
      assert.deepEqual([running.ended, running.stopping], [true, false]);
      assertMovesNothing(running);
      assert.equal(await running.stop(), outcome);
    });
  }

  it('leaves nothing of its pipeline behind', async (t) => {
    const dir = makeDir(t);
    const consumer = shell('x'.repeat(3_000_000));
    consumer.command = { ...consumer.command, files: [{ path: join(dir, 'secret'), content: 'canary' }] };
    const result = await runPipeline(launcher, { producer: shell('cat /dev/zero'), consumer, workDir: dir });
    assert.equal(result.verdict, 'consumer_failed');
    assert.equal(result.consumer.spawnError, 'E2BIG');
    assert.deepEqual(readdirSync(dir), []);
    const open = readdirSync('/proc/self/fd').map((fd) => findLink(`/proc/self/fd/${fd}`));
    assert.deepEqual(
      open.filter((path) => path.includes(dir)),
      [],
    );
  });
});

describe('A stage without setpriv', () => {
  it('runs the program itself', async () => {
    const outcome = await startStage(unguarded, shell('echo out; echo err >&2; exit 3'), '/', io).done;
    assert.deepEqual([outcome.exitCode, outcome.stdout, outcome.stderr, outcome.spawnError], [3, 'out\n', 'err\n', undefined]);
  });
});

describe('A stage that became somebody else’s', () => {
  it('is waited for when it is stopped, and the agent goes on', async (t) => {
    // Only root can start what becomes somebody else's, and give up its rights over it.
    if (!isRoot) return;
    let group = 0;
    const stage = shell("exec setpriv --reuid 65533 sh -c 'echo up; exec sleep 60'", { onStdoutLine: () => up.resolve() });
    const up = Promise.withResolvers<void>();
    const running = startStage({ ...launcher, cancelGraceMs: 10, onStarted: ({ pid }) => (group = pid) }, stage, '/', io);
    t.after(() => (isGroupAlive(group) ? process.kill(-group, 'SIGKILL') : undefined));
    await up.promise;
    process.seteuid?.(NOBODY);
    try {
      const triedAll = Promise.withResolvers<void>();
      const kill = process.kill.bind(process);
      const watched = t.mock.method(process, 'kill', (pid: number, signal?: NodeJS.Signals | number) => {
        if (signal === 'SIGKILL') triedAll.resolve();
        return kill(pid, signal);
      });
      const stopped = running.stop();
      // The last rung of the ladder is tried, and refused.
      await triedAll.promise;
      watched.mock.restore();
      assert.equal(isGroupAlive(group), true);
      process.seteuid?.(0);
      process.kill(-group, 'SIGTERM');
      assert.equal((await stopped).signal, 'SIGTERM');
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe('What a leader leaves in its group', () => {
  it('is gone when the stage has ended', async () => {
    const outcome = await startStage(launcher, shell('sleep 60 & sleep 60 & echo $$'), '/', io).done;
    assert.equal(outcome.exitCode, 0);
    assert.deepEqual(listGroup(Number(outcome.stdout)), []);
  });
});

describe('A tool', () => {
  it('is never started when it was cancelled before', async (t) => {
    const dir = makeDir(t);
    const result = await runTool(launcher, { stage: shell('echo x > x'), workDir: dir, signal: AbortSignal.abort() });
    assert.deepEqual([result.ending, result.exitCode, readdirSync(dir).length], ['cancelled', null, 0]);
  });

  it('is cancelled while it runs', async (t) => {
    const controller = new AbortController();
    const stage = shell('echo up; exec sleep 60', { onStdoutLine: () => controller.abort() });
    const result = await runTool(launcher, { stage, workDir: makeDir(t), signal: controller.signal });
    assert.deepEqual([result.ending, result.signal], ['cancelled', 'SIGINT']);
  });

  it('has exited when the order to stop it came after its end', async (t) => {
    const controller = new AbortController();
    const late = { ...launcher, onEnded: () => controller.abort() };
    const result = await runTool(late, { stage: shell('exit 4'), workDir: makeDir(t), signal: controller.signal });
    assert.deepEqual([result.ending, result.exitCode], ['exited', 4]);
  });
});

describe('A pipeline', () => {
  it('that is cancelled before it begins gives the consumer no end', async (t) => {
    const dir = makeDir(t);
    const result = await runPipeline(launcher, {
      producer: shell('echo x'),
      consumer: shell('cat > /dev/null; echo x > committed'),
      workDir: dir,
      signal: AbortSignal.abort(),
    });
    assert.equal(result.verdict, 'cancelled');
    assert.deepEqual(readdirSync(dir), []);
  });

  it('without a place for its gate starts nothing and leaves no secret', async (t) => {
    const dir = makeDir(t);
    writeFileSync(join(dir, 'gate'), 'in the way');
    const producer = shell('echo x');
    producer.command = { ...producer.command, files: [{ path: join(dir, 'secret'), content: 'canary' }] };
    await assert.rejects(
      runPipeline(launcher, { producer, consumer: shell('cat'), workDir: dir, signal: new AbortController().signal }),
      /gate/,
    );
    assert.deepEqual(readdirSync(dir), ['gate']);
  });

  it('is complete when the consumer saw the end, whatever it says then', async (t) => {
    const result = await runPipeline(launcher, {
      producer: shell('echo x'),
      consumer: shell('cat > /dev/null; exit 3'),
      workDir: makeDir(t),
    });
    assert.deepEqual([result.verdict, result.consumer.exitCode], ['complete', 3]);
  });

  for (const [when, of] of [
    ['the last of the two', 2],
    ['one of the two', 1],
  ] as const) {
    it(`is judged by what happened before an order to stop that comes after the end of ${when}`, async (t) => {
      const controller = new AbortController();
      let ends = 0;
      const onEnded = () => {
        ends += 1;
        if (ends === of) controller.abort();
      };
      const result = await runPipeline(
        { ...launcher, onEnded },
        { producer: shell('exit 1'), consumer: shell('cat > /dev/null'), workDir: makeDir(t), signal: controller.signal },
      );
      assert.equal(result.verdict, of === 2 ? 'producer_failed' : 'cancelled');
    });
  }

  for (const [name, order] of [
    ['took an order to stop that was ours', true],
    ['was interrupted by somebody else', false],
  ] as const) {
    it(`whose consumer ${name} and ended with it needs no end of its input`, async (t) => {
      const controller = new AbortController();
      const consumer = shell("trap 'echo taken >&2; exit 130' INT; echo up >&2; while :; do read line; done", {
        onStderrLine: (line) => (line === 'up' ? interrupt() : undefined),
      });
      let group = 0;
      const interrupt = () => (order ? controller.abort() : process.kill(group, 'SIGINT'));
      const onStarted = ({ pid }: { pid: number }) => {
        group ||= pid;
      };
      const result = await runPipeline(
        { ...launcher, onStarted },
        {
          producer: shell('exec sleep 60'),
          consumer,
          consumerInterruptedLine: /^taken$/,
          workDir: makeDir(t),
          signal: controller.signal,
        },
      );
      assert.equal(result.verdict, order ? 'cancelled' : 'consumer_failed');
      assert.equal(result.consumer.exitCode, 130);
    });
  }
});

describe('A tool that reads a file', () => {
  it('tells how far its processes have read it, and counts them together', { timeout: 20_000 }, async (t) => {
    const dir = makeDir(t);
    const file = join(dir, 'dump');
    writeFileSync(file, Buffer.alloc(100_000));
    const descriptor = openSync(file, 'r');
    t.after(() => closeSync(descriptor));
    const stop = new AbortController();
    const places: number[] = [];
    let read = 0;
    const { ending } = await runTool(launcher, {
      stage: { ...shell('dd bs=1000 count=7 of=/dev/null <&3 2>/dev/null; exec sleep 60'), inherit: [descriptor] },
      workDir: dir,
      signal: stop.signal,
      onProgress: ({ readBytes }) => {
        read = readBytes;
      },
      reading: {
        descriptor,
        onPositions(positions) {
          places.push(...positions.map(({ at }) => at));
          if (places.includes(7000)) stop.abort();
        },
      },
    });
    assert.equal(ending, 'cancelled');
    assert.deepEqual(
      [...new Set(places)].filter((at) => at > 7000),
      [],
    );
    assert.ok(read > 0);
  });
});
