import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD, type Laboratory, writeNoise } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';

const tags = ['tenant:t', 'host:h', 'plan:p', 'source:s', 'run:run_2', 'role:data'];

/** A tree of what names and nodes can be. */
function writeTree(root: string): void {
  mkdirSync(join(root, 'deep/er'), { recursive: true });
  writeNoise(join(root, 'noise'), 3_000_000, 3);
  writeFileSync(join(root, '--help'), 'looks like an option');
  writeFileSync(join(root, 'deep/new\nline'), 'a newline in the name');
  writeFileSync(join(root, 'deep/ü * [x] ?.txt'), 'pattern signs');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/deep/er/latin-`), Buffer.from([0xe9])]), 'not UTF-8');
  writeFileSync(join(root, 'deep/er/empty'), '');
  symlinkSync('../noise', join(root, 'deep/link'));
  symlinkSync('/does/not/exist', join(root, 'dangling'));
  linkSync(join(root, '--help'), join(root, 'second name'));
  writeFileSync(join(root, 'left out.tmp'), 'excluded');
  chmodSync(join(root, 'noise'), 0o640);
  utimesSync(join(root, 'noise'), 1_700_000_000.5, 1_600_000_000.25);
}

/** Every node below `root` as one line: path, kind, mode, owner, time, content. */
function describeTree(root: string): string[] {
  const lines: string[] = [];
  const walk = (folder: Buffer, name: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([folder, Buffer.from('/'), entry.name]);
      const shown = `${name}/${entry.name.toString('latin1')}`;
      const stat = lstatSync(path);
      const content = entry.isFile()
        ? readFileSync(path).toString('base64').slice(-400) + stat.size
        : entry.isSymbolicLink()
          ? readlinkSync(path)
          : '';
      lines.push([shown, stat.mode.toString(8), stat.uid, stat.gid, stat.mtimeMs, content].join(' '));
      if (entry.isDirectory()) walk(path, shown);
    }
  };
  walk(Buffer.from(root), '');
  return lines.sort();
}

for (const generation of GENERATIONS) {
  describe(`trees with restic ${generation.version}`, () => {
    let lab: Laboratory;
    let source: string;

    const backup = (paths: readonly string[], more: { excludes?: readonly string[] } = {}) => {
      const workDir = lab.workDir();
      const excludes = more.excludes ?? [];
      return lab.engine.backupTree({
        access: lab.access(),
        workDir,
        paths,
        excludes,
        oneFileSystem: true,
        tags,
        host: 'host_1',
        stallMs: 60_000,
      });
    };
    const restore = (snapshotId: string, name: string, include?: string) => {
      const target = join(lab.dir, name);
      mkdirSync(target);
      const workDir = lab.workDir();
      return lab.engine.restoreTree({
        access: lab.access(),
        workDir,
        snapshotId,
        target,
        includes: include === undefined ? undefined : [include],
        stallMs: 60_000,
      });
    };

    before(async () => {
      lab = createLaboratory(generation);
      source = join(lab.dir, 'source');
      mkdirSync(source);
      writeTree(source);
      lab.workDir();
      makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
    });
    after(() => lab.remove());

    it('are stored, read back and restored identical in names, modes, owners, times, links and bytes', async () => {
      const outcome = await backup([source], { excludes: ['*.tmp'] });
      assert.equal(outcome.failure, undefined);
      assert.equal(outcome.partial, false);
      assert.ok(outcome.sizeBytes >= 3_000_000);

      const workDir = lab.workDir();
      const back = await lab.engine.readBack({
        access: lab.access(),
        workDir,
        snapshotId: outcome.namedId ?? '',
        tags,
        sizeBytes: outcome.sizeBytes,
      });
      assert.equal(back.failure, undefined);
      assert.deepEqual(
        back.evidence.map(({ check, ok }) => [check, ok]),
        [['read_back', true]],
      );

      const restored = await restore(back.engineId ?? '', 'restored');
      assert.equal(restored.failure, undefined);
      assert.equal(restored.evidence[0]?.ok, true);
      rmSync(join(source, 'left out.tmp'));
      assert.deepEqual(describeTree(join(lab.dir, 'restored', source)), describeTree(source));
    });

    it('give back a single file whose name looks like a pattern', async () => {
      const outcome = await backup([source]);
      const path = join(source, 'deep/ü * [x] ?.txt');
      const restored = await restore(outcome.namedId ?? '', 'one', path);
      assert.equal(restored.failure, undefined);
      assert.equal(restored.restored?.files, 1);
      assert.equal(readFileSync(join(lab.dir, 'one', path), 'utf8'), 'pattern signs');
      const none = await restore(outcome.namedId ?? '', 'none', '/not/there');
      assert.equal(none.failure?.reason, 'snapshot_missing');
    });

    it('are partial when one of several paths is not there, although restic exits 0', async () => {
      const outcome = await backup([join(lab.dir, 'gone'), join(source, 'deep')]);
      assert.equal(outcome.partial, true);
      assert.equal(outcome.failure?.reason, 'files_unreadable');
      assert.deepEqual(outcome.unreadable, [join(lab.dir, 'gone')]);
      assert.ok(outcome.namedId);
    });

    it('fail without a snapshot when no path is there', async () => {
      const outcome = await backup([join(lab.dir, 'gone')]);
      assert.equal(outcome.failure?.reason, 'source_missing');
      assert.equal(outcome.partial, false);
      assert.equal(outcome.namedId, undefined);
    });

    it('leave nothing when cancelled before the end', async () => {
      const workDir = lab.workDir();
      const cancel = new AbortController();
      const outcome = await lab.engine.backupTree({
        access: lab.access(),
        workDir,
        paths: ['/usr/lib'],
        excludes: [],
        oneFileSystem: true,
        tags: [...tags, 'test:cancelled'],
        host: 'host_1',
        stallMs: 60_000,
        signal: cancel.signal,
        onProgress: ({ bytes }) => {
          if (bytes > 0) cancel.abort();
        },
      });
      assert.equal(outcome.failure?.reason, 'cancelled');
      const listed = await lab.engine.listSnapshots({ access: lab.access(), workDir, tags: ['test:cancelled'] });
      assert.deepEqual(listed.snapshots, []);
      assert.deepEqual((await lab.engine.listLocks({ access: lab.access(), workDir })).locks, []);
      assert.deepEqual(readdirSync(workDir), []);
    });

    it('do not restore over a damaged repository without saying so', async () => {
      const outcome = await backup([source]);
      const packs = join(lab.dir, 'repo/data');
      for (const folder of readdirSync(packs)) {
        for (const name of readdirSync(join(packs, folder))) {
          const path = join(packs, folder, name);
          const bytes = readFileSync(path);
          for (let at = 50; at < bytes.length; at += 1000) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
          chmodSync(path, 0o600);
          writeFileSync(path, bytes);
        }
      }
      rmSync(join(lab.dir, 'cache'), { recursive: true });
      mkdirSync(join(lab.dir, 'cache'));
      const restored = await restore(outcome.namedId ?? '', 'damaged');
      assert.equal(restored.failure?.reason, 'repository_damaged');
    });
  });

  describe(`an agent without all rights, with restic ${generation.version}`, () => {
    it('stores what it can read and names what it cannot', async () => {
      const lab = createLaboratory(generation, { withoutOverride: true });
      try {
        const source = join(lab.dir, 'source');
        mkdirSync(source);
        for (const name of ['readable', 'secret']) writeFileSync(join(source, name), name);
        mkdirSync(join(source, 'closed'));
        chmodSync(join(source, 'secret'), 0);
        chmodSync(join(source, 'closed'), 0);
        const workDir = lab.workDir();
        makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
        const outcome = await lab.engine.backupTree({
          access: lab.access(),
          workDir,
          paths: [source],
          excludes: [],
          oneFileSystem: false,
          tags,
          host: 'host_1',
          stallMs: 60_000,
        });
        assert.equal(outcome.partial, true);
        assert.equal(outcome.failure?.reason, 'files_unreadable');
        assert.deepEqual([...outcome.unreadable].sort(), [join(source, 'closed'), join(source, 'secret')]);
        assert.equal(outcome.unreadableCount, 2);
        assert.ok(outcome.namedId);
        assert.deepEqual((await lab.engine.listLocks({ access: lab.access(), workDir })).locks, []);
      } finally {
        lab.remove();
      }
    });
  });
}
