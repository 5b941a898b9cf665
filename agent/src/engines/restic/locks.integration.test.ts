import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '@holdfast/shared/clock.ts';
import { createResticEngine } from './engine.ts';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD, type Laboratory, writeNoise } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';
import { createOwnProcesses } from './own-processes.ts';

const marks = { tags: ['run:run_3'], host: 'host_1' };

/** Locks under their final name; restic writes them under another one first. */
const listLockFiles = (folder: string) => readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name));

/** Resolves when the folder holds at least `count` locks. */
async function waitForLocks(folder: string, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    if (listLockFiles(folder).length >= count) resolve();
  };
  const watcher = watch(folder, look);
  look();
  await promise;
  watcher.close();
}

for (const generation of GENERATIONS) {
  describe(`locks with restic ${generation.version}`, () => {
    let lab: Laboratory;
    let source: string;
    let locksDir: string;

    /** Starts restic, stops it dead (SIGSTOP) once it holds its lock, and gives back its pid and the end. */
    const holdLock = async (args: readonly string[]) => {
      const workDir = lab.workDir();
      const { env, files } = lab.access();
      const held = listLockFiles(locksDir).length;
      const stage = {
        command: { tool: 'restic' as const, args, env: { ...env, RESTIC_CACHE_DIR: join(lab.dir, 'cache') }, files },
        binary: generation.binary,
      };
      const done = lab.exec.runTool({ stage, workDir });
      await waitForLocks(locksDir, held + 1);
      const pid = lab.started.at(-1)?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      return { pid, done };
    };
    const backup = (engine = lab.engine) => {
      const workDir = lab.workDir();
      const rest = { paths: [source], excludes: [], oneFileSystem: false, stallMs: 60_000, ...marks };
      return engine.backupTree({ access: lab.access(), workDir, ...rest });
    };
    const clear = (engine = lab.engine, pinnedId?: string) => {
      const workDir = lab.workDir();
      return engine.clearOwnLocks({ access: lab.access(), workDir, pinnedId });
    };

    before(async () => {
      lab = createLaboratory(generation);
      source = join(lab.dir, 'source');
      mkdirSync(source);
      writeNoise(join(source, 'noise'), 30_000_000, 5);
      locksDir = join(lab.dir, 'repo/locks');
      lab.workDir();
      makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
      assert.equal((await backup()).failure, undefined);
    });
    after(() => lab.remove());

    it('name their holder to a backup, and are removed only when that holder is ours and dead', async () => {
      const holder = await holdLock(['check', '--read-data']);
      const blocked = await backup();
      assert.equal(blocked.failure?.reason, 'repository_locked');
      assert.equal(blocked.failure?.lock?.pid, holder.pid);
      assert.equal(blocked.failure?.lock?.exclusive, true);
      assert.equal(blocked.failure?.lock?.hostname, hostname());
      assert.deepEqual(await clear(), { removed: 0, left: [] }, 'the holder still lives');

      process.kill(holder.pid, 'SIGKILL');
      await holder.done;
      assert.equal(listLockFiles(locksDir).length, 1, 'a killed restic leaves its lock');
      const stranger = createResticEngine({
        exec: lab.exec,
        binary: generation.binary,
        version: generation.version,
        cacheDir: join(lab.dir, 'cache'),
        clock: systemClock,
        hostname: hostname(),
        processes: createOwnProcesses(systemClock),
      });
      assert.deepEqual(await clear(stranger), { removed: 0, left: [] }, 'not started by this agent');
      assert.deepEqual(await clear(), { removed: 1, left: [] });
      assert.deepEqual(listLockFiles(locksDir), []);
      assert.equal((await backup()).failure, undefined);
    });

    it('are not said to be gone where another repository lies than the one they were left in', async () => {
      const workDir = lab.workDir();
      const found = await lab.engine.findRepository({ access: lab.access(), workDir });
      assert.equal(found.state, 'found');
      assert.deepEqual(await clear(lab.engine, found.engineId), { removed: 0, left: [] });
      const check = await clear(lab.engine, 'f'.repeat(64));
      assert.equal(check.failure?.reason, 'repository_replaced');
      assert.deepEqual([check.removed, check.left], [0, []]);
    });

    it('are told apart by what this host knows of their holders, and taken away whole when a person says so', async () => {
      const ours = await holdLock(['check', '--read-data']);
      const listLocks = async () => {
        const workDir = lab.workDir();
        return (await lab.engine.listLocks({ access: lab.access(), workDir })).locks ?? [];
      };
      const [lock] = await listLocks();
      assert.ok(lock);
      const tell = (change: Partial<typeof lock> = {}) => lab.engine.attestHolder({ ...lock, ...change });
      assert.equal(tell(), 'running');
      assert.equal(tell({ hostname: 'another-host' }), 'elsewhere');
      assert.equal(tell({ pid: process.pid }), 'other', 'it runs, and the agent did not start it');
      assert.equal(tell({ pid: 4_194_303 }), 'unseen');
      const clear = (ids: readonly string[]) => {
        const workDir = lab.workDir();
        return lab.engine.clearNamedLocks({ access: lab.access(), workDir, ids });
      };
      assert.equal((await clear(['0'.repeat(64)])).failure?.reason, 'repository_locked', 'another one than was seen');
      assert.equal((await listLocks()).length, 1);
      process.kill(ours.pid, 'SIGKILL');
      await ours.done;
      assert.equal(tell(), 'gone');
      const cleared = await clear([lock.id]);
      assert.deepEqual([cleared.removed, cleared.failure], [1, undefined]);
      assert.deepEqual(await listLocks(), []);
      assert.deepEqual(await clear([lock.id]), { removed: 0 }, 'a repeat harms nothing');
    });

    it('of ours stay and are reported while another lock lies beside them', async () => {
      writeNoise(join(source, 'more'), 30_000_000, 6);
      const dead = await holdLock(['backup', '--force', source]);
      process.kill(dead.pid, 'SIGKILL');
      await dead.done;
      const alive = await holdLock(['backup', '--force', source]);
      const check = await clear();
      assert.equal(check.removed, 0);
      assert.deepEqual(
        check.left.map((lock) => lock.pid),
        [dead.pid],
      );
      assert.equal(listLockFiles(locksDir).length, 2);
      process.kill(alive.pid, 'SIGKILL');
      await alive.done;
      assert.equal((await clear()).removed, 2);
    });
  });

  describe(`a full disk with restic ${generation.version}`, () => {
    it('is a full repository, without a snapshot that looks good', async () => {
      const outer = createLaboratory(generation);
      // The repository lies on a small tmpfs that only this process sees.
      const repository = join(outer.dir, 'small');
      mkdirSync(repository);
      const binary = join(outer.dir, 'restic-on-small-disk');
      const map = process.getuid?.() === 0 ? '' : '--map-root-user';
      const script = `mount -t tmpfs -o size=8m tmpfs "$0" && ${generation.binary} init >/dev/null && exec ${generation.binary} "$@"`;
      writeFileSync(binary, `#!/bin/sh\nexec unshare --mount ${map} -- sh -c '${script}' ${repository} "$@"\n`, { mode: 0o755 });
      const lab = createLaboratory({ version: generation.version, binary });
      try {
        const noise = join(lab.dir, 'noise');
        writeNoise(noise, 40_000_000, 9);
        const workDir = lab.workDir();
        const outcome = await lab.engine.backupStream({
          access: lab.access({ repository }),
          workDir,
          producer: lab.shell(`cat ${noise}; sleep 5`),
          fileName: 'dump.pgc',
          stallMs: 60_000,
          ...marks,
        });
        assert.equal(outcome.failure?.reason, 'repository_full');
        assert.equal(outcome.failedStage, 'engine');
        assert.equal(outcome.namedId, undefined);
        assert.match(outcome.failure.message, /no space left on device/);
        assert.deepEqual(readdirSync(workDir), []);
      } finally {
        lab.remove();
        outer.remove();
      }
    });
  });
}
