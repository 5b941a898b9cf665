import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD, type Laboratory, writeNoise } from './fixtures/laboratory.ts';
import { quickenKeys } from './fixtures/quick-repository.ts';

const tags = ['tenant:t', 'host:h', 'plan:p', 'source:s', 'run:run_1', 'role:data'];
const marks = { tags, host: 'host_1', fileName: 'dump.pgc' };
const NOISE_BYTES = 24_000_000;

for (const generation of GENERATIONS) {
  describe(`the engine with restic ${generation.version}`, () => {
    let lab: Laboratory;
    let noise: string;

    const stream = (script: string, more: { password?: string; stallMs?: number } = {}) => {
      const workDir = lab.workDir();
      const access = lab.access(more.password === undefined ? {} : { password: more.password });
      const producer = lab.shell(script);
      return lab.engine.backupStream({ access, workDir, producer, ...marks, stallMs: more.stallMs ?? 60_000 });
    };
    const list = async () => {
      const workDir = lab.workDir();
      const found = await lab.engine.listSnapshots({ access: lab.access(), workDir });
      assert.equal(found.failure, undefined);
      return found.snapshots ?? [];
    };
    const locks = async () => {
      const workDir = lab.workDir();
      return (await lab.engine.listLocks({ access: lab.access(), workDir })).locks;
    };
    const readBack = (snapshotId: string, more: object = {}) => {
      const workDir = lab.workDir();
      return lab.engine.readBack({
        access: lab.access(),
        workDir,
        snapshotId,
        tags,
        sizeBytes: NOISE_BYTES,
        fileName: 'dump.pgc',
        ...more,
      });
    };

    before(async () => {
      lab = createLaboratory(generation);
      noise = join(lab.dir, 'noise');
      writeNoise(noise, NOISE_BYTES, 7);
    });
    after(() => lab.remove());

    it('never makes a missing repository, and says it is missing', async () => {
      const workDir = lab.workDir();
      const found = await lab.engine.findRepository({ access: lab.access(), workDir });
      assert.equal(found.state, 'missing');
      assert.equal((await stream(`cat ${noise}`)).failure?.reason, 'repository_missing');
      assert.equal(existsSync(join(lab.dir, 'repo')), false);
    });

    it('makes one when asked, and refuses a second time', async () => {
      const workDir = lab.workDir();
      const made = await lab.engine.initRepository({ access: lab.access(), workDir });
      assert.match(made.engineId ?? '', /^[0-9a-f]{64}$/);
      const again = await lab.engine.initRepository({ access: lab.access(), workDir });
      assert.equal(again.failure?.reason, 'repository_exists');
      const other = await lab.engine.initRepository({ access: lab.access({ password: 'another' }), workDir });
      assert.equal(other.failure?.reason, 'repository_exists');
      const found = await lab.engine.findRepository({ access: lab.access(), workDir });
      assert.equal(found.state === 'found' && found.engineId, made.engineId);
      // What follows opens it some fifty times.
      quickenKeys(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
    });

    it('says within seconds that nobody listens at the address', async () => {
      const workDir = lab.workDir();
      const startedAt = performance.now();
      const found = await lab.engine.findRepository({ access: lab.access({ repository: 'rest:http://127.0.0.1:9/' }), workDir });
      assert.equal(found.failure?.reason, 'repository_unreachable');
      assert.match(found.failure?.message ?? '', /connection refused/);
      assert.ok(performance.now() - startedAt < 30_000);
    });

    it('says that a password is wrong', async () => {
      const workDir = lab.workDir();
      const found = await lab.engine.findRepository({ access: lab.access({ password: 'another' }), workDir });
      assert.equal(found.failure?.reason, 'repository_password');
    });

    it('stores a stream, reads it back with tags, size and first bytes, and gives back the same bytes', async () => {
      let progressed = 0;
      const workDir = lab.workDir();
      const outcome = await lab.engine.backupStream({
        access: lab.access(),
        workDir,
        producer: lab.shell(`cat ${noise}; sleep 1.2`),
        ...marks,
        stallMs: 60_000,
        onProgress: ({ bytes }) => {
          progressed = Math.max(progressed, bytes);
        },
      });
      assert.equal(outcome.failure, undefined);
      assert.equal(outcome.sizeBytes, NOISE_BYTES);
      assert.ok((outcome.addedBytes ?? 0) > NOISE_BYTES * 0.9);
      assert.ok(progressed >= NOISE_BYTES, `progress reached ${progressed}`);

      const magic = readFileSync(noise).subarray(0, 5).toString('hex');
      const back = await readBack(outcome.namedId ?? '', { magicHex: ['ffffffffff', magic] });
      assert.equal(back.failure, undefined);
      assert.deepEqual(back.tags, tags);
      assert.equal(back.magicOk, true);
      assert.match(back.engineId ?? '', /^[0-9a-f]{64}$/);
      assert.deepEqual(
        back.evidence.map(({ check, ok }) => [check, ok]),
        [
          ['read_back', true],
          ['format', true],
        ],
      );

      const copy = join(lab.dir, 'copy');
      const restored = await lab.exec.runPipeline({
        producer: lab.engine.dumpStage({ access: lab.access(), snapshotId: back.engineId ?? '', fileName: 'dump.pgc' }),
        consumer: lab.shell(`cat > ${copy}`),
        workDir: lab.workDirInUse(),
      });
      assert.equal(restored.verdict, 'complete');
      assert.equal(hashOf(copy), hashOf(noise));
    });

    it('does not vouch for a snapshot with other tags, another size or another beginning', async () => {
      const [snapshot] = await list();
      const id = snapshot?.engineId ?? '';
      const otherTags = await readBack(id, { tags: [...tags.slice(0, -1), 'role:globals'] });
      assert.equal(otherTags.failure?.reason, 'evidence_failed');
      const otherSize = await readBack(id, { sizeBytes: NOISE_BYTES + 1 });
      assert.equal(otherSize.failure?.reason, 'evidence_failed');
      assert.match(otherSize.evidence[0]?.seen ?? '', /not the 24000001/);
      const otherFormat = await readBack(id, { magicHex: ['5047444d50'] });
      assert.equal(otherFormat.failure?.reason, 'evidence_failed');
      assert.equal(otherFormat.magicOk, false);
      const gone = await readBack('0'.repeat(64));
      assert.equal(gone.evidence[0]?.ok, false);
      assert.ok(gone.failure);
    });

    const kills: readonly (readonly [string, string])[] = [
      ['fails before the first byte', 'echo no >&2; exit 1'],
      ['is killed after a megabyte', 'head -c 1000000 FILE; kill -9 $$'],
      ['is terminated half-way', 'head -c 12000000 FILE; kill -TERM $$'],
      ['is killed when all its bytes are out', 'cat FILE; kill -9 $$'],
      ['exits 3 after complete output', 'cat FILE; exit 3'],
      ['is killed while restic waits', 'head -c 5000000 FILE; sleep 1; kill -9 $$'],
    ];
    for (const [how, script] of kills) {
      it(`leaves no snapshot and no lock when the producer ${how}`, async () => {
        const count = (await list()).length;
        const outcome = await stream(script.replace('FILE', noise));
        assert.equal(outcome.failure?.reason, 'dump_failed');
        assert.equal(outcome.failedStage, 'producer');
        assert.equal(outcome.namedId, undefined);
        assert.equal((await list()).length, count);
        assert.deepEqual(await locks(), []);
      });
    }

    it('leaves nothing when cancelled in the middle', async () => {
      const count = (await list()).length;
      const cancel = new AbortController();
      const startedAt = performance.now();
      const workDir = lab.workDir();
      const outcome = await lab.engine.backupStream({
        access: lab.access(),
        workDir,
        producer: lab.shell(`cat ${noise}; sleep 60`),
        ...marks,
        stallMs: 60_000,
        signal: cancel.signal,
        onProgress: ({ bytes }) => {
          if (bytes >= NOISE_BYTES) cancel.abort();
        },
      });
      assert.equal(outcome.failure?.reason, 'cancelled');
      assert.equal((await list()).length, count);
      assert.deepEqual(await locks(), []);
      assert.deepEqual(readdirSync(workDir), [], 'no FIFO, no password file');
      assert.ok(performance.now() - startedAt < 20_000);
    });

    it('calls a silent producer stalled', async () => {
      const outcome = await stream('sleep 60', { stallMs: 2500 });
      assert.equal(outcome.failure?.reason, 'stalled');
      assert.deepEqual(await locks(), []);
    });

    it('does not accept a stream without a byte', async () => {
      const outcome = await stream('true');
      assert.equal(outcome.failure?.reason, 'size_below_floor');
      assert.equal(outcome.namedId, undefined);
    });

    it('blames the repository, not the producer that only lost its reader', async () => {
      const outcome = await stream(`while cat ${noise}; do :; done`, { password: 'another' });
      assert.equal(outcome.failure?.reason, 'repository_password');
      assert.equal(outcome.failedStage, 'engine');
    });
  });
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
