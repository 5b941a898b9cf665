import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '@holdfast/shared/clock.ts';
import { createResticEngine } from './engine.ts';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD, type Laboratory, writeNoise } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';
import { watchSleep } from './sleep-watch.ts';

const marks = { tags: ['run:run_1'], host: 'host_1' };
const MINUTE = 60_000;
const NOISE_BYTES = 12_000_000;

/** An engine whose host seems to sleep: its uptime jumps when told. */
function createSleepyEngine(lab: Laboratory, generation: { version: string; binary: string }) {
  let slept = 0;
  const engine = createResticEngine({
    exec: lab.exec,
    binary: generation.binary,
    version: generation.version,
    cacheDir: join(lab.dir, 'cache'),
    clock: systemClock,
    hostname: hostname(),
    processes: lab.processes,
    uptimeMs: () => performance.now() + slept,
  });
  return {
    engine,
    sleep(ms: number) {
      slept += ms;
    },
  };
}

for (const generation of GENERATIONS) {
  describe(`A host that sleeps under restic ${generation.version}`, { timeout: 120_000 }, () => {
    const isWatched = generation.version.startsWith('0.14');

    it('costs a stream only when it was long, and only where restic does not look after its lock itself', async (t) => {
      const lab = createLaboratory(generation);
      t.after(() => lab.remove());
      makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
      writeNoise(join(lab.dir, 'noise'), NOISE_BYTES, 3);
      const { engine, sleep } = createSleepyEngine(lab, generation);
      const stream = (pauseMs: number) => {
        let isPaused = false;
        const workDir = lab.workDir();
        return engine.backupStream({
          access: lab.access(),
          workDir,
          producer: lab.shell(`cat ${join(lab.dir, 'noise')}; sleep 2`),
          fileName: 'dump.pgc',
          stallMs: 60_000,
          ...marks,
          onProgress({ bytes }) {
            if (isPaused || bytes < NOISE_BYTES) return;
            isPaused = true;
            sleep(pauseMs);
          },
        });
      };
      const short = await stream(9 * MINUTE);
      assert.equal(short.failure, undefined);
      const long = await stream(11 * MINUTE);
      assert.equal(long.failure?.reason, isWatched ? 'stalled' : undefined);
      if (isWatched) assert.match(long.failure?.message ?? '', /stood still for 11 minutes/);
      assert.equal(long.namedId === undefined, isWatched);
      assert.equal(readdirSync(join(lab.dir, 'repo/snapshots')).length, isWatched ? 1 : 2);
      assert.deepEqual(readdirSync(join(lab.dir, 'repo/locks')), []);
    });
  });
}

describe('A host that sleeps under restic without a watch over its lock', { timeout: 60_000 }, () => {
  it('does not rely on files that were stored although it woke only at the very end', async (t) => {
    const [generation] = GENERATIONS;
    assert.ok(generation);
    const lab = createLaboratory(generation);
    t.after(() => lab.remove());
    makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
    const source = join(lab.dir, 'source');
    mkdirSync(source);
    writeNoise(join(source, 'noise'), 1_000_000, 4);
    const { engine, sleep } = createSleepyEngine(lab, generation);
    const workDir = lab.workDir();
    const backup = engine.backupTree({
      access: lab.access(),
      workDir,
      paths: [source],
      excludes: [],
      oneFileSystem: false,
      stallMs: 60_000,
      ...marks,
    });
    sleep(45 * MINUTE);
    const outcome = await backup;
    assert.equal(outcome.failure?.reason, 'stalled');
    assert.equal(outcome.namedId, undefined);
  });

  it('is not looked for any more when restic could not be started at all', async (t) => {
    const [generation] = GENERATIONS;
    assert.ok(generation);
    const lab = createLaboratory(generation);
    t.after(() => lab.remove());
    let looks = 0;
    const engine = createResticEngine({
      exec: lab.exec,
      binary: generation.binary,
      version: generation.version,
      cacheDir: undefined,
      clock: systemClock,
      hostname: hostname(),
      processes: lab.processes,
      uptimeMs() {
        looks += 1;
        return 0;
      },
    });
    const common = { access: lab.access(), workDir: '/nonexistent', stallMs: 60_000, ...marks };
    t.mock.timers.enable({ apis: ['setInterval'] });
    await assert.rejects(engine.backupStream({ ...common, producer: lab.shell('true'), fileName: 'dump.pgc' }));
    await assert.rejects(engine.backupTree({ ...common, paths: ['/nonexistent'], excludes: [], oneFileSystem: false }));
    const before = looks;
    t.mock.timers.tick(60_000);
    assert.ok(before > 0);
    assert.equal(looks, before);
  });

  it('is asked about once, and not any more when restic is gone', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let uptime = 0;
    let looks = 0;
    let told = 0;
    const watch = watchSleep(
      { watchesOwnLock: false },
      () => {
        looks += 1;
        return uptime;
      },
      () => {
        told += 1;
      },
    );
    for (let second = 1; second <= 3600; second += 1) {
      uptime += 1000;
      t.mock.timers.tick(1000);
    }
    assert.equal(told, 0, 'an hour of work is no sleep');
    for (const pause of [20, 30]) {
      uptime += pause * MINUTE;
      t.mock.timers.tick(1000);
    }
    assert.equal(told, 1);
    assert.match(watch.end()?.message ?? '', /still for 20 minutes/);
    const before = looks;
    assert.ok(before > 3600);
    uptime += 60 * MINUTE;
    t.mock.timers.tick(1000);
    assert.deepEqual([told, looks], [1, before]);
  });
});
