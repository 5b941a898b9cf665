import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD, type Laboratory, writeNoise } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';

const marks = { tags: ['run:run_1'], host: 'host_1' };
const EVERYTHING: CheckScope = { kind: 'everything' };

function listPacks(repository: string): string[] {
  const data = join(repository, 'data');
  return readdirSync(data).flatMap((folder) => readdirSync(join(data, folder)).map((name) => join(data, folder, name)));
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** Packs of file content; those of trees are small. */
const listBigPacks = (repository: string) => listPacks(repository).filter((path) => statSync(path).size > 100_000);

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
}

for (const generation of GENERATIONS) {
  describe(`upkeep of a repository with restic ${generation.version}`, () => {
    let lab: Laboratory;
    let pristine: string;
    let repository: string;
    let first: string;
    let second: string;

    const backup = async (path: string): Promise<string> => {
      const rest = { paths: [path], excludes: [], oneFileSystem: false, stallMs: 60_000, ...marks };
      const made = await lab.engine.backupTree({ access: lab.access(), workDir: lab.workDirInUse(), ...rest });
      // restic 0.14 names it in eight digits; the file has the full id.
      return readdirSync(join(repository, 'snapshots')).find((name) => name.startsWith(made.namedId ?? '-')) ?? '';
    };
    const check = async (scope: CheckScope, signal?: AbortSignal) => {
      const lines: string[] = [];
      const outcome = await lab.engine.check({
        access: lab.access(),
        workDir: lab.workDirInUse(),
        scope,
        signal,
        onLog: (level, text) => void lines.push(`${level} ${text}`),
      });
      return { ...outcome, lines };
    };
    /** Locks under their final name; restic writes them under another one first. */
    const listLocks = () => readdirSync(join(repository, 'locks')).filter((name) => /^[0-9a-f]{64}$/.test(name));
    const prune = (maxUnusedPercent = 0) =>
      lab.engine.prune({ access: lab.access(), workDir: lab.workDirInUse(), maxUnusedPercent });

    before(async () => {
      lab = createLaboratory(generation);
      pristine = join(lab.dir, 'pristine');
      repository = join(lab.dir, 'repo');
      makeQuickRepository(repository, LABORATORY_PASSWORD);
      const source = join(lab.dir, 'source');
      mkdirSync(source);
      writeNoise(join(source, 'first'), 600_000, 1);
      first = await backup(join(source, 'first'));
      writeNoise(join(source, 'second'), 600_000, 2);
      second = await backup(join(source, 'second'));
      cpSync(repository, pristine, { recursive: true });
    });
    beforeEach(() => {
      rmSync(repository, { recursive: true, force: true });
      cpSync(pristine, repository, { recursive: true });
      lab.workDir();
    });
    after(() => lab.remove());

    it('finds nothing wrong with a repository that is whole, and leaves no lock and no cache of its own', async () => {
      const outcome = await check(EVERYTHING);
      assert.equal(outcome.failure, undefined);
      assert.deepEqual(outcome.damagedPacks, []);
      assert.deepEqual(listLocks(), []);
      const [own = ''] = readdirSync(join(lab.dir, 'cache/checks'));
      assert.deepEqual(readdirSync(join(lab.dir, 'cache/checks', own)), []);
    });

    it('misses a flipped byte in the structure, finds it in the data, and names the pack', async () => {
      const [pack = ''] = listBigPacks(repository);
      flipByte(pack, 1000);
      assert.equal((await check({ kind: 'structure' })).failure, undefined);
      const outcome = await check(EVERYTHING);
      assert.equal(outcome.failure?.reason, 'repository_damaged');
      assert.deepEqual(outcome.damagedPacks, [nameOf(pack)]);
      assert.ok(outcome.failure?.message.includes(nameOf(pack)), outcome.failure?.message);
      assert.ok(outcome.lines.some((line) => line.startsWith('error ') && line.includes(nameOf(pack))));
    });

    it('finds a flipped byte in exactly one of the parts in which everything is read', async () => {
      const [pack = ''] = listBigPacks(repository);
      flipByte(pack, 1000);
      const outcomes = [];
      for (const part of [1, 2]) outcomes.push(await check({ kind: 'part', part, of: 2 }));
      const damaged = outcomes.filter(({ failure }) => failure?.reason === 'repository_damaged');
      assert.equal(damaged.length, 1);
      assert.deepEqual(damaged[0]?.damagedPacks, [nameOf(pack)]);
    });

    it('finds a missing pack and a damaged snapshot without reading any data', async () => {
      const [pack = ''] = listBigPacks(repository);
      rmSync(pack);
      const missing = await check({ kind: 'structure' });
      assert.equal(missing.failure?.reason, 'repository_damaged');
      assert.deepEqual(missing.damagedPacks, [nameOf(pack)]);
      cpSync(join(pristine, pack.slice(repository.length)), pack);
      flipByte(join(repository, 'snapshots', first), 60);
      const snapshot = await check({ kind: 'structure' });
      assert.equal(snapshot.failure?.reason, 'repository_damaged');
      assert.ok(snapshot.failure?.message.includes(first.slice(0, 8)), snapshot.failure?.message);
    });

    it('finds rubbish among the indexes and the snapshots, and nothing wrong once it is taken out', async () => {
      // Named after its content, as a server that looks at names wants it.
      const rubbish = Buffer.alloc(300, 7);
      const name = createHash('sha256').update(rubbish).digest('hex');
      for (const folder of ['index', 'snapshots']) {
        const path = join(repository, folder, name);
        writeFileSync(path, rubbish);
        const { failure } = await check({ kind: 'structure' });
        assert.equal(failure?.reason, 'repository_damaged', `${folder}: ${failure?.message}`);
        rmSync(path);
        assert.equal((await check({ kind: 'structure' })).failure, undefined);
      }
      assert.deepEqual(listLocks(), []);
    });

    it('ends at once when it is cancelled, and its lock is gone', async () => {
      const cancel = new AbortController();
      const watcher = watch(join(repository, 'locks'), () => {
        if (listLocks().length > 0) cancel.abort();
      });
      const outcome = await check(EVERYTHING, cancel.signal);
      watcher.close();
      assert.equal(outcome.failure?.reason, 'cancelled');
      assert.deepEqual(listLocks(), []);
    });

    it('removes what earlier lives of the agent left of their checks', async () => {
      const left = join(lab.dir, 'cache/checks/1-2');
      mkdirSync(join(left, 'restic-check-cache-1'), { recursive: true });
      assert.equal((await check({ kind: 'structure' })).failure, undefined);
      assert.equal(existsSync(left), false);
    });

    it('prunes what no snapshot needs; what stays is measured, whole and comes back byte by byte', async () => {
      const { access, workDirInUse } = lab;
      const before = await lab.engine.measure({ access: access(), workDir: workDirInUse() });
      assert.equal(before.size?.snapshots, 2);
      const at = { access: access(), workDir: workDirInUse() };
      assert.equal((await lab.engine.forget({ ...at, engineIds: [first], tags: marks.tags })).failure, undefined);
      const pruned = await prune();
      assert.equal(pruned.failure, undefined);
      assert.ok(Math.abs((pruned.freedBytes ?? 0) - 600_000) < 20_000, `freed ${pruned.freedBytes}`);
      const measured = await lab.engine.measure(at);
      assert.equal(measured.size?.snapshots, 1);
      assert.ok((measured.size?.sizeBytes ?? 0) < (before.size?.sizeBytes ?? 0) - 500_000);
      assert.equal((await check(EVERYTHING)).failure, undefined);
      const target = join(lab.dir, `restored-${generation.version}`);
      mkdirSync(target);
      const restored = await lab.engine.restoreTree({ ...at, snapshotId: second, target, stallMs: 60_000 });
      assert.equal(restored.failure, undefined);
      const source = join(lab.dir, 'source/second');
      assert.ok(readFileSync(join(target, source)).equals(readFileSync(source)));
    });
  });
}
