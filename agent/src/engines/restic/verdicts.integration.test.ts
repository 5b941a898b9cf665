import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD, type Laboratory, writeNoise } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';
import type { LockCheck } from './locks.ts';

const marks = { tags: ['run:run_1'], host: 'host_1' };
const NOISE_BYTES = 6_000_000;

/** A restic that does something else where it is asked for a backup, in the words of a shell. */
function openOddLaboratory(t: TestContext, generation: { version: string; binary: string }, backup: string): Laboratory {
  const dir = mkdtempSync(join(tmpdir(), 'verdicts-'));
  const binary = join(dir, 'restic');
  const script = `#!/bin/sh\ncase " $* " in *" backup "*) ${backup};; esac\nexec ${generation.binary} "$@"\n`;
  writeFileSync(binary, script, { mode: 0o755 });
  return openFilled(t, { version: generation.version, binary }, () => rmSync(dir, { recursive: true }));
}

/** It stores and says so as ever, and then ends with another exit code. */
const openLyingLaboratory = (t: TestContext, generation: { version: string; binary: string }, code: number) =>
  openOddLaboratory(t, generation, `${generation.binary} "$@" || exit 99; exit ${code}`);

function openFilled(t: TestContext, generation: { version: string; binary: string }, also?: () => void): Laboratory {
  const lab = createLaboratory(generation);
  t.after(() => {
    lab.remove();
    also?.();
  });
  makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
  mkdirSync(join(lab.dir, 'source'));
  writeNoise(join(lab.dir, 'source/noise'), NOISE_BYTES, 3);
  return lab;
}

/** A number that no process of this namespace has, nor gets soon. */
function findFreePid(): number {
  let number = 25_000;
  while (existsSync(`/proc/${number}`) || Math.abs(number - process.pid) < 5000) number -= 1;
  return number;
}

const listStored = (lab: Laboratory, kind: 'snapshots' | 'locks') =>
  readdirSync(join(lab.dir, 'repo', kind)).filter((name) => /^[0-9a-f]{64}$/.test(name));

const backUpTree = (lab: Laboratory) => {
  const workDir = lab.workDir();
  const paths = [join(lab.dir, 'source')];
  return lab.engine.backupTree({
    access: lab.access(),
    workDir,
    paths,
    excludes: [],
    oneFileSystem: false,
    stallMs: 60_000,
    ...marks,
  });
};
const backUpStream = (lab: Laboratory, script: string, more: object = {}) => {
  const workDir = lab.workDir();
  const producer = lab.shell(script);
  return lab.engine.backupStream({
    access: lab.access(),
    workDir,
    producer,
    fileName: 'dump.pgc',
    stallMs: 60_000,
    ...marks,
    ...more,
  });
};

for (const generation of GENERATIONS) {
  describe(`A restic ${generation.version} that stored everything and ends with`, { timeout: 120_000 }, () => {
    for (const code of [1, 2, 42, 255]) {
      it(`exit code ${code} has made no backup, of a stream or of files`, async (t) => {
        const lab = openLyingLaboratory(t, generation, code);
        const stream = await backUpStream(lab, `cat ${join(lab.dir, 'source/noise')}`);
        assert.deepEqual([stream.failure?.reason, stream.failedStage, stream.namedId], ['unknown_failure', 'engine', undefined]);
        assert.match(stream.rejectedId ?? '', /^[0-9a-f]{8,64}$/, 'what it made is told as refused');
        const tree = await backUpTree(lab);
        assert.deepEqual([tree.failure?.reason, tree.namedId, tree.partial], ['unknown_failure', undefined, false]);
      });
    }

    it('exit code 3 has made a backup of files with gaps, and none of a stream', async (t) => {
      const lab = openLyingLaboratory(t, generation, 3);
      const stream = await backUpStream(lab, `cat ${join(lab.dir, 'source/noise')}`);
      assert.deepEqual([stream.failure?.reason, stream.namedId], ['evidence_failed', undefined]);
      const tree = await backUpTree(lab);
      assert.deepEqual([tree.failure?.reason, tree.partial], ['files_unreadable', true]);
      assert.match(tree.namedId ?? '', /^[0-9a-f]{8,64}$/);
    });
  });

  describe(`A restic ${generation.version} that reads no more and has not ended yet`, { timeout: 60_000 }, () => {
    it('is blamed by what it said, and not the dump that met a broken pipe', async (t) => {
      const last = "exec 0<&-; echo 'Fatal: wrong password or no key found' >&2; exec sleep 60";
      const lab = openOddLaboratory(t, generation, last);
      const dump = `trap '' PIPE; while cat ${join(lab.dir, 'source/noise')}; do :; done; exit 1`;
      const { failure, failedStage, pipeline } = await backUpStream(lab, dump);
      assert.deepEqual([pipeline.verdict, pipeline.producer.exitCode], ['producer_failed', 1]);
      assert.deepEqual([failure?.reason, failedStage], ['repository_password', 'engine']);
    });
  });

  describe(`A restic ${generation.version} that somebody ends in the middle of a dump`, { timeout: 240_000 }, () => {
    const ends = [
      ['SIGKILL', 'interrupted'],
      ['SIGTERM', 'interrupted'],
      ['SIGINT', 'interrupted'],
      // Go's runtime then crashes, as it does without memory: an exit code of its own, and nobody lets go of the lock.
      ['SIGQUIT', 'unknown_failure'],
    ] as const;
    for (const [signal, reason] of ends) {
      it(`by ${signal} leaves no snapshot, no lock and no dump running, and the next backup works`, async (t) => {
        const lab = openFilled(t, generation);
        const looks: LockCheck[] = [];
        let isSignalled = false;
        const outcome = await backUpStream(lab, `cat ${join(lab.dir, 'source/noise')}; exec sleep 60`, {
          onLockLook: (check: LockCheck) => looks.push(check),
          onProgress({ bytes }: { bytes: number }) {
            const locks = listStored(lab, 'locks');
            if (isSignalled || bytes < NOISE_BYTES || locks.length === 0) return;
            isSignalled = true;
            // The consumer is started first.
            process.kill(lab.started[0]?.pid ?? 0, signal);
          },
        });
        assert.equal(isSignalled, true);
        assert.deepEqual([outcome.failure?.reason, outcome.namedId], [reason, undefined]);
        assert.ok(outcome.pipeline.durationMs < 30_000, 'the dump was not waited for');
        assert.deepEqual(listStored(lab, 'snapshots'), []);
        assert.deepEqual(listStored(lab, 'locks'), [], JSON.stringify(looks));
        assert.equal((await backUpTree(lab)).failure, undefined);
      });
    }
  });

  describe(`A live lock from another PID namespace, with restic ${generation.version}`, { timeout: 120_000 }, () => {
    it('under the same host name is never removed', async (t) => {
      const lab = openFilled(t, generation);
      const { env } = lab.access();
      const user = process.getuid?.() === 0 ? '' : '--map-root-user';
      // Its process id says nothing in this namespace: whoever looks for it here takes it for dead.
      const number = findFreePid();
      const inside = `echo ${number - 1} > /proc/sys/kernel/ns_last_pid; ${generation.binary} backup --stdin --no-cache; exit $?`;
      const script = `sleep 60 | unshare --pid --fork --kill-child --mount-proc ${user} sh -c '${inside}'`;
      const stage = lab.shell(script);
      const stop = new AbortController();
      const workDir = lab.workDir();
      const access = lab.access();
      const command = { ...stage.command, env: { ...env, RESTIC_PASSWORD_FILE: access.env['RESTIC_PASSWORD_FILE'] ?? '' } };
      const stranger = lab.exec.runTool({
        stage: { ...stage, command: { ...command, files: access.files } },
        workDir,
        signal: stop.signal,
      });
      await waitUntil('the lock of the stranger', () => listStored(lab, 'locks').length > 0);
      const lookDir = lab.workDir();
      const look = { access: lab.access(), workDir: lookDir };
      const { locks = [] } = await lab.engine.listLocks(look);
      assert.equal(locks.length, 1);
      assert.equal(locks[0]?.pid, number, 'a number that nobody has here');
      assert.deepEqual(await lab.engine.clearOwnLocks(look), { removed: 0, left: [] });
      assert.equal(listStored(lab, 'locks').length, 1);
      stop.abort();
      await stranger;
    });
  });
}
