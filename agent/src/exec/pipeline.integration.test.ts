import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { Stage } from './contract.ts';
import { runPipeline } from './pipeline.ts';
import { isGroupAlive } from './proc.ts';
import type { Launcher, StartedProcess } from './process.ts';
import { runTool } from './run.ts';

let dir: string;
const startedProcesses: StartedProcess[] = [];
const launcher: Launcher = {
  environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: tmpdir() },
  setpriv: '/usr/bin/setpriv',
  // Longer than the pipeline gives an interrupted consumer before it closes its input.
  cancelGraceMs: 1500,
  onStarted: (started) => startedProcesses.push(started),
};

/** A shell as a stage: the pipeline does not care which program it runs. */
function shell(script: string, extra: Partial<Command> = {}, callbacks: Partial<Stage> = {}): Stage {
  return { command: { tool: 'psql', args: ['-c', script], env: {}, files: [], ...extra }, binary: '/bin/sh', ...callbacks };
}

/** A single process that reads nothing but what it is told to, unlike a shell with its children. */
function script(source: string): Stage {
  return { command: { tool: 'psql', args: ['-e', source], env: {}, files: [] }, binary: process.execPath };
}

/** A consumer that commits (writes the file `committed`) only when it sees the end of its input. */
const committer = (extra = '') => shell(`trap 'exit 130' INT; n=$(wc -c) ; ${extra} echo "$n" > committed`);

function findCommitted(): string | undefined {
  return readdirSync(dir).includes('committed') ? readFileSync(join(dir, 'committed'), 'utf8').trim() : undefined;
}

before(() => {
  dir = mkdtempSync(join(tmpdir(), 'pipeline-'));
});
after(() => {
  rmSync(dir, { recursive: true, force: true });
  for (const { pid } of startedProcesses) assert.equal(isGroupAlive(pid), false, `process group ${pid} is left`);
});

describe('a pipeline', () => {
  it('gives the consumer every byte and the end when the producer exits 0', async () => {
    const result = await runPipeline(launcher, {
      producer: shell('head -c 3000000 /dev/zero'),
      consumer: committer(),
      workDir: dir,
    });
    assert.equal(result.verdict, 'complete');
    assert.equal(findCommitted(), '3000000');
    rmSync(join(dir, 'committed'));
  });

  for (const [name, script] of [
    ['exits 3 after complete output', 'head -c 100000 /dev/zero; exit 3'],
    ['is killed in the middle', 'head -c 100000 /dev/zero; kill -9 $$'],
    ['is terminated in the middle', 'head -c 100000 /dev/zero; kill -TERM $$'],
    ['fails before the first byte', 'exit 1'],
  ] as const) {
    it(`never lets the consumer commit when the producer ${name}`, async () => {
      const result = await runPipeline(launcher, { producer: shell(script), consumer: committer(), workDir: dir });
      assert.equal(result.verdict, 'producer_failed');
      assert.equal(findCommitted(), undefined);
      assert.notEqual(result.consumer.exitCode, 0);
    });
  }

  it('gives the consumer what a filter made of it, and the end when both before it have ended well', async () => {
    const filter = shell('sed s/a/b/; sleep 0.2');
    const result = await runPipeline(launcher, { producer: shell('echo aa'), filter, consumer: shell('cat'), workDir: dir });
    assert.deepEqual([result.verdict, result.producer.exitCode, result.consumer.stdout], ['complete', 0, 'ba\n']);
  });

  for (const [name, producer, filter, exitCode] of [
    ['producer fails', 'head -c 100000 /dev/zero; exit 3', 'exec cat', 3],
    ['filter fails in the middle', 'exec cat /dev/zero', 'head -c 100000; exit 4', 4],
    ['filter ends well in the middle', 'exec cat /dev/zero', 'head -c 100000', 0],
    ['filter fails at the end', 'head -c 100000 /dev/zero', 'cat; exit 5', 5],
    ['filter is killed', 'exec cat /dev/zero', 'head -c 100000; kill -9 $$', null],
  ] as const) {
    it(`never lets the consumer commit when the ${name}`, async () => {
      const stages = { producer: shell(producer), filter: shell(filter), consumer: committer() };
      const result = await runPipeline(launcher, { ...stages, workDir: dir });
      assert.deepEqual([result.verdict, result.producer.exitCode, findCommitted()], ['producer_failed', exitCode, undefined]);
    });
  }

  it('points at the consumer that failed, through a filter that lost its reader', async () => {
    const stages = { producer: shell('exec cat /dev/zero'), filter: shell('exec cat'), consumer: shell('head -c 10; exit 6') };
    const { verdict, consumer } = await runPipeline(launcher, { ...stages, workDir: dir });
    assert.deepEqual([verdict, consumer.exitCode], ['consumer_failed', 6]);
  });

  it('points at the filter that died of writing into nothing, which was the end of the producer', async () => {
    const filter = shell('echo filter >&2; exec 0<&-; sleep 0.1; kill -PIPE $$');
    const stages = { producer: shell('exec cat /dev/zero'), filter, consumer: committer() };
    const { verdict, producer } = await runPipeline(launcher, { ...stages, workDir: dir });
    assert.deepEqual([verdict, producer.signal, producer.stderr], ['producer_failed', 'SIGPIPE', 'filter\n']);
    assert.equal(findCommitted(), undefined);
  });

  it('stops all three on cancel', async () => {
    const cancel = new AbortController();
    const stages = { producer: shell('echo x; exec sleep 60'), filter: shell('exec cat'), consumer: committer() };
    const running = runPipeline(launcher, { ...stages, workDir: dir, signal: cancel.signal, onProgress: () => cancel.abort() });
    assert.equal((await running).verdict, 'cancelled');
    assert.equal(findCommitted(), undefined);
  });

  it('hears out a consumer that closed its input, which is the end of the producer', async () => {
    const consumer = shell("head -c 10; exec 0<&-; sleep 0.3; echo ' read'");
    const result = await runPipeline(launcher, { producer: shell('exec cat /dev/zero'), consumer, workDir: dir });
    assert.deepEqual([result.verdict, result.producer.signal], ['consumer_failed', 'SIGPIPE']);
    assert.equal(result.consumer.exitCode, 0);
    assert.match(result.consumer.stdout, / read\n$/);
  });

  it('stops a consumer that closed its input and does not end', async () => {
    const consumer = shell('exec 0<&-; exec sleep 60');
    const result = await runPipeline(launcher, { producer: shell('exec cat /dev/zero'), consumer, workDir: dir });
    assert.deepEqual([result.verdict, result.consumer.signal], ['producer_failed', 'SIGINT']);
  });

  it('calls it failed when the consumer ends first, even with exit code 0', async () => {
    const result = await runPipeline(launcher, {
      producer: shell('cat /dev/zero'),
      consumer: shell('head -c 10 >/dev/null'),
      workDir: dir,
    });
    assert.equal(result.verdict, 'consumer_failed');
    assert.equal(result.consumer.exitCode, 0);
  });

  it('stops both on cancel, and a consumer deaf to SIGINT after the grace', async () => {
    const controller = new AbortController();
    const deaf = shell(
      `trap '' INT; echo deaf >&2; cat >/dev/null; echo x > committed`,
      {},
      { onStderrLine: () => controller.abort() },
    );
    const result = await runPipeline(launcher, {
      producer: shell('cat /dev/zero'),
      consumer: deaf,
      workDir: dir,
      signal: controller.signal,
    });
    assert.equal(result.verdict, 'cancelled');
    assert.equal(result.consumer.signal, 'SIGKILL');
    assert.equal(findCommitted(), undefined);
  });

  for (const [line, signal] of [
    ['signal taken', null],
    ['something else', 'SIGKILL'],
  ] as const) {
    it(`closes the input of an interrupted consumer only when it said that it took the signal: "${line}"`, async () => {
      const controller = new AbortController();
      // Like restic 0.18: takes the signal, says so, and ends only when its input does.
      const waiting = `
        let taken = false;
        process.on('SIGINT', () => { taken = true; console.error('${line}'); });
        process.stdin.on('end', () => { if (!taken) require('node:fs').writeFileSync('committed', ''); process.exit(taken ? 130 : 0); });
        process.stdin.resume();
        console.error('up');`;
      const result = await runPipeline(launcher, {
        producer: shell('exec sleep 3'),
        consumer: { ...script(waiting), onStderrLine: (text) => (text === 'up' ? controller.abort() : undefined) },
        consumerInterruptedLine: /^signal taken$/,
        workDir: dir,
        signal: controller.signal,
      });
      assert.equal(result.verdict, 'cancelled');
      assert.equal(result.consumer.signal, signal);
      assert.equal(findCommitted(), undefined);
    });
  }

  it('wakes a producer that was stopped dead, so that it takes the interrupt', async () => {
    const controller = new AbortController();
    const producer = script(
      "process.on('SIGINT', () => process.exit(7)); process.stdout.write('x'); setInterval(() => {}, 1000)",
    );
    const stopOnceUp = { written: false };
    const result = await runPipeline(
      { ...launcher, cancelGraceMs: 60_000 },
      {
        producer,
        consumer: committer(),
        workDir: dir,
        signal: controller.signal,
        onProgress({ writtenBytes }) {
          if (writtenBytes === 0 || stopOnceUp.written) return;
          stopOnceUp.written = true;
          const group = startedProcesses.at(-1)?.pid;
          assert.ok(group);
          process.kill(-group, 'SIGSTOP');
          controller.abort();
        },
      },
    );
    assert.equal(result.verdict, 'cancelled');
    assert.equal(result.producer.exitCode, 7);
    assert.equal(findCommitted(), undefined);
  });

  it('does not take the noise of a frozen runtime for movement', async () => {
    const noisy = script(`setInterval(() => process.stderr.write('x'), 200)`);
    const result = await runPipeline(launcher, { producer: noisy, consumer: committer(), workDir: dir, stallMs: 1500 });
    assert.equal(result.verdict, 'stalled');
    assert.ok(result.durationMs < 8000);
  });

  it('stops a pipeline in which nothing moves', async () => {
    const result = await runPipeline(launcher, {
      producer: shell('echo start; sleep 60'),
      consumer: committer(),
      workDir: dir,
      stallMs: 1200,
    });
    assert.equal(result.verdict, 'stalled');
    assert.equal(findCommitted(), undefined);
  });

  it('survives a producer that writes ten megabytes to stderr', async () => {
    const result = await runPipeline(launcher, {
      producer: shell('head -c 10000000 /dev/zero | tr "\\0" x >&2; echo done'),
      consumer: committer(),
      workDir: dir,
    });
    assert.equal(result.verdict, 'complete');
    assert.match(result.producer.stderr, /bytes left out/);
    rmSync(join(dir, 'committed'));
  });

  it('tells when a program cannot be started', async () => {
    const missing: Stage = { ...shell(''), binary: '/nonexistent/tool' };
    const result = await runPipeline(launcher, { producer: missing, consumer: committer(), workDir: dir });
    assert.equal(result.verdict, 'producer_failed');
    assert.equal(result.producer.exitCode, 127);
  });

  it('leaves no FIFO and no secret file behind', async () => {
    const path = join(dir, 'secret');
    const producer = shell(`cat ${path}`, { files: [{ path, content: 'canary' }] });
    const result = await runPipeline(launcher, { producer, consumer: committer(), workDir: dir });
    assert.equal(result.verdict, 'complete');
    assert.equal(findCommitted(), '6');
    rmSync(join(dir, 'committed'));
    assert.deepEqual(readdirSync(dir), []);
  });
});

describe('a tool', () => {
  it('gives lines as they come, with invalid bytes and a monstrous line made harmless', async () => {
    const lines: string[] = [];
    const script = `printf 'one\\ntwo\\377\\n'; head -c 2000000 /dev/zero | tr '\\0' y; printf '\\nlast'`;
    const result = await runTool(launcher, {
      stage: shell(script, {}, { onStdoutLine: (line) => lines.push(line) }),
      workDir: dir,
    });
    assert.equal(result.exitCode, 0);
    assert.equal(lines[0], 'one');
    assert.equal(lines[1], 'two\ufffd');
    assert.match(lines[2] ?? '', /bytes of this line left out/);
    assert.equal(lines[3], 'last');
  });

  it('sees only the allow-listed environment', async () => {
    process.env['HOLDFAST_CANARY'] = 'leak';
    const result = await runTool(launcher, { stage: shell('env', { env: { PGAPPNAME: 'holdfast' } }), workDir: dir });
    assert.doesNotMatch(result.stdout, /leak/);
    assert.match(result.stdout, /PGAPPNAME=holdfast/);
  });

  it('is ended at its time limit', async () => {
    const result = await runTool(launcher, { stage: shell('sleep 60'), workDir: dir, timeoutMs: 200 });
    assert.equal(result.ending, 'timed_out');
  });

  it('tells what it moved, and is ended when nothing moves any more', async () => {
    let moved = 0;
    const result = await runTool(launcher, {
      stage: shell('head -c 3000000 /dev/zero > /dev/null; exec sleep 60'),
      workDir: dir,
      stallMs: 1000,
      onProgress: ({ readBytes, writtenBytes }) => {
        moved = Math.max(moved, readBytes + writtenBytes);
      },
    });
    assert.deepEqual([result.ending, result.signal], ['stalled', 'SIGINT']);
    assert.ok(moved > 0);
  });

  it('tells of no movement once it is gone, while somebody who left its group still speaks', async () => {
    const told: number[] = [];
    const result = await runTool(launcher, {
      // Who has not left the group yet goes with it.
      stage: shell(
        "setsid sh -c 'touch left; for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.2; done' & until [ -e left ]; do sleep 0.01; done; rm left",
      ),
      workDir: dir,
      onProgress: ({ writtenBytes }) => told.push(writtenBytes),
    });
    assert.deepEqual([result.ending, result.exitCode], ['exited', 0]);
    // It is listened to for a while, not for as long as it likes.
    assert.match(result.stdout, /^1\n2\n3\n/);
    assert.deepEqual(told, []);
  });

  it('takes its grandchildren with it', async () => {
    const result = await runTool(launcher, { stage: shell('sleep 60 & sleep 60 & echo $$'), workDir: dir });
    assert.equal(isGroupAlive(Number(result.stdout)), false);
  });

  it('stops early when enough bytes were seen', async () => {
    const result = await runTool(launcher, {
      stage: shell('exec cat /dev/zero'),
      workDir: dir,
      enoughBytes: 16,
      stdoutEncoding: 'latin1',
    });
    assert.equal(result.ending, 'exited');
    assert.equal(result.signal, 'SIGINT');
    assert.ok(result.stdout.startsWith('\0'.repeat(16)));
  });
});
