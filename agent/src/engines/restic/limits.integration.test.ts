import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import { createLaboratory, GENERATIONS, type Laboratory, writeNoise } from './fixtures/laboratory.ts';

const REST_SERVER = join(import.meta.dirname, '../../../../.tools/trixie/usr/bin/restic-rest-server');
const KIB_PER_SECOND = 1024;
/** Five seconds' worth; restic lets the first second's worth pass at once and brings its index and snapshot after it. */
const NOISE_BYTES = 5 * KIB_PER_SECOND * 1024;
/** No faster than the cap; how much slower depends on what else the machine does. */
const LIMITED_SECONDS = { min: 3.75, max: 15 };
const TAGS = ['run:run_1'];

/** A real rest-server on a port the kernel picks; the returned function ends it. */
async function startRestServer(path: string): Promise<{ url: string; stop(): Promise<void> }> {
  if (!existsSync(REST_SERVER)) throw new Error(`restic-rest-server is missing at ${REST_SERVER}: run setup`);
  const server = spawn(REST_SERVER, ['--no-auth', '--listen', '127.0.0.1:0', '--path', path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk.toString('utf8');
      const port = /start server on \S+:(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}/`);
    };
    server.stdout.on('data', listen);
    server.stderr.on('data', listen);
    server.once('close', () => reject(new Error(`restic-rest-server ended: ${said}`)));
  });
  return {
    url,
    async stop() {
      server.kill('SIGINT');
      await closed;
    },
  };
}

for (const generation of GENERATIONS) {
  describe(`limits of restic ${generation.version}`, () => {
    let lab: Laboratory;
    let server: Awaited<ReturnType<typeof startRestServer>>;
    let noise: string;
    const access = (name: string) => lab.access({ repository: `rest:${server.url}${name}/` });
    const place = (name: string) => {
      const workDir = lab.workDir();
      return { access: access(name), workDir };
    };
    const backUp = async (limits: RunLimits, producer = lab.shell(`exec cat ${noise}`)) => {
      const startedAt = performance.now();
      const marks = { tags: TAGS, host: 'host_1', fileName: 'dump.pgc' };
      const outcome = await lab.engineUnder(limits).backupStream({ ...place('line'), producer, ...marks, stallMs: 60_000 });
      return { outcome, seconds: (performance.now() - startedAt) / 1000 };
    };

    before(async () => {
      lab = createLaboratory(generation);
      server = await startRestServer(join(lab.dir, 'served'));
      noise = join(lab.dir, 'noise');
      // By restic itself: its key is dear in memory too, and that is where a limit is met before anything is locked.
      const made = await lab.engine.initRepository(place('line'));
      assert.equal(made.failure, undefined);
    });
    after(async () => {
      await server.stop();
      lab.remove();
    });

    it('let a backup take no more of the line than it may, and all of it without', async () => {
      writeNoise(noise, NOISE_BYTES, 11);
      const { outcome, seconds } = await backUp({ uploadKiBps: KIB_PER_SECOND });
      assert.equal(outcome.failure, undefined);
      assert.ok(
        seconds >= LIMITED_SECONDS.min && seconds <= LIMITED_SECONDS.max,
        `5 MiB at 1 MiB/s took ${seconds.toFixed(1)} s`,
      );
      writeNoise(noise, NOISE_BYTES, 12);
      const free = await backUp({ downloadKiBps: KIB_PER_SECOND });
      assert.equal(free.outcome.failure, undefined);
      assert.ok(
        free.seconds < seconds,
        `without a cap upwards it took ${free.seconds.toFixed(1)} s, and ${seconds.toFixed(1)} s with one`,
      );
    });

    it('let a restore take no more of the line than it may', async () => {
      writeNoise(noise, NOISE_BYTES, 13);
      const { outcome } = await backUp({});
      const startedAt = performance.now();
      const limited = lab.engineUnder({ downloadKiBps: KIB_PER_SECOND });
      const stage = limited.dumpStage({ access: place('line').access, snapshotId: outcome.namedId ?? '', fileName: 'dump.pgc' });
      const result = await lab.exec.runPipeline({ producer: stage, consumer: lab.shell('wc -c'), workDir: lab.workDirInUse() });
      const seconds = (performance.now() - startedAt) / 1000;
      assert.equal(result.verdict, 'complete');
      assert.equal(result.consumer.stdout.trim(), String(NOISE_BYTES));
      assert.ok(
        seconds >= LIMITED_SECONDS.min && seconds <= LIMITED_SECONDS.max,
        `5 MiB at 1 MiB/s took ${seconds.toFixed(1)} s`,
      );
    });

    it('let restic work with 256 MiB, and say that a memory limit was too low for it', async () => {
      writeNoise(noise, NOISE_BYTES, 14);
      const enough = await backUp({ memoryMiB: 256 });
      assert.equal(enough.outcome.failure, undefined);
      const { outcome } = await backUp({ memoryMiB: 96 });
      assert.equal(outcome.failure?.reason, 'memory_limit');
      assert.match(outcome.failure?.message ?? '', /^restic needs more memory than the 96 MiB/);
      assert.equal(outcome.namedId, undefined);
      const tree = { paths: [noise], excludes: [], oneFileSystem: false, tags: TAGS, host: 'host_1', stallMs: 60_000 };
      const files = await lab.engineUnder({ memoryMiB: 96 }).backupTree({ ...place('line'), ...tree });
      assert.equal(files.failure?.reason, 'memory_limit');
      const found = await lab.engineUnder({ memoryMiB: 96 }).findRepository(place('line'));
      assert.equal(found.failure?.reason, 'memory_limit');
    });

    it('tell a dump that got no memory from one that failed', async () => {
      const hungry = 'head -c 1000 /dev/zero; exec head -c -300M /dev/zero';
      const { outcome } = await backUp({ memoryMiB: 256 }, lab.shell(hungry));
      assert.equal(outcome.failure?.reason, 'memory_limit');
      assert.equal(outcome.failedStage, 'limit');
      const { outcome: unlimited } = await backUp({}, lab.shell('echo out of memory >&2; exit 1'));
      assert.equal(unlimited.failure?.reason, 'dump_failed');
      // One that gets no memory may leave its lock, and a look under the same limit may get none either: the agent looks again without.
      assert.deepEqual((await lab.engine.clearOwnLocks(place('line'))).left, []);
      assert.deepEqual((await lab.engine.listLocks(place('line'))).locks, []);
    });
  });
}
