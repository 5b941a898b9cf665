import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { joinAccess } from '@holdfast/shared/adapters/joint-access.ts';
import { relocateAccess } from './args.ts';
import { createLaboratory, GENERATIONS, type Laboratory } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';

const TAGS = ['host:h', 'plan:p', 'source:s'];
const PASSWORDS = { first: 'first password', second: 'second password' };

/** One byte in the middle of the biggest pack, where data lies. */
function flipByte(repository: string): void {
  const packs = readdirSync(join(repository, 'data'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(repository, 'data', name))
    .filter((path) => statSync(path).isFile())
    .sort((one, other) => statSync(other).size - statSync(one).size);
  const path = packs[0] ?? '';
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

function openBoth(lab: Laboratory) {
  const workDir = lab.workDir();
  const path = (name: keyof typeof PASSWORDS) => join(lab.dir, name);
  const reach = (name: keyof typeof PASSWORDS) => lab.access({ repository: path(name), password: PASSWORDS[name], workDir });
  const from = relocateAccess(reach('first'), workDir, join(workDir, 'from'));
  return { workDir, from, access: reach('second'), joint: joinAccess(from, reach('second')), path };
}

async function storeTree(lab: Laboratory, name: keyof typeof PASSWORDS): Promise<{ id: string; sizeBytes: number }> {
  const folder = join(lab.dir, 'folder');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'big'), randomBytes(300_000));
  writeFileSync(join(folder, 'small'), 'x');
  const workDir = lab.workDir();
  const made = await lab.engine.backupTree({
    access: lab.access({ repository: join(lab.dir, name), password: PASSWORDS[name], workDir }),
    workDir,
    paths: [folder],
    excludes: [],
    oneFileSystem: false,
    tags: TAGS,
    host: 'h',
    stallMs: 60_000,
  });
  assert.equal(made.failure, undefined);
  return { id: made.namedId ?? '', sizeBytes: made.sizeBytes };
}

async function findFullId(lab: Laboratory, name: keyof typeof PASSWORDS): Promise<string> {
  const workDir = lab.workDir();
  const access = lab.access({ repository: join(lab.dir, name), password: PASSWORDS[name], workDir });
  const { snapshots } = await lab.engine.listSnapshots({ access, workDir });
  return snapshots?.[0]?.engineId ?? '';
}

for (const generation of GENERATIONS)
  describe(`copying and verifying with restic ${generation.version}`, () => {
    it('a copy has the tags, the time and the content of its original, is made once, and is whole by itself', async (t) => {
      const lab = createLaboratory(generation);
      t.after(lab.remove);
      makeQuickRepository(join(lab.dir, 'first'), PASSWORDS.first);
      const pinnedId = makeQuickRepository(join(lab.dir, 'second'), PASSWORDS.second);
      const { sizeBytes } = await storeTree(lab, 'first');
      const engineId = await findFullId(lab, 'first');
      const both = openBoth(lab);
      const copied = await lab.engine.copySnapshot({ ...both, engineId, sizeBytes, pinnedId });
      assert.equal(copied.failure, undefined);
      assert.equal(copied.existed, false);
      assert.ok(copied.evidence.every(({ ok }) => ok));
      assert.notEqual(copied.engineId, engineId);
      const again = await lab.engine.copySnapshot({ ...both, engineId, sizeBytes, pinnedId });
      assert.deepEqual([again.engineId, again.existed], [copied.engineId, true]);

      const verified = await lab.engine.verifySnapshot({
        access: both.access,
        workDir: both.workDir,
        snapshotId: copied.engineId ?? '',
        stallMs: 60_000,
      });
      assert.deepEqual([verified.failure, verified.files, verified.bytes], [undefined, 2, 300_001]);
      assert.match(verified.sha256 ?? '', /^[0-9a-f]{64}$/u);

      flipByte(both.path('second'));
      const damaged = await lab.engine.verifySnapshot({
        access: both.access,
        workDir: both.workDir,
        snapshotId: copied.engineId ?? '',
        stallMs: 60_000,
      });
      assert.equal(damaged.failure?.reason, 'repository_damaged');
    });

    it('a damaged original, and one that is gone, leave no copy', async (t) => {
      const lab = createLaboratory(generation);
      t.after(lab.remove);
      makeQuickRepository(join(lab.dir, 'first'), PASSWORDS.first);
      makeQuickRepository(join(lab.dir, 'second'), PASSWORDS.second);
      const { sizeBytes } = await storeTree(lab, 'first');
      const engineId = await findFullId(lab, 'first');
      flipByte(join(lab.dir, 'first'));
      const both = openBoth(lab);
      const damaged = await lab.engine.copySnapshot({ ...both, engineId, sizeBytes });
      assert.equal(damaged.failure?.reason, 'repository_damaged');
      const gone = await lab.engine.copySnapshot({ ...both, engineId: 'a'.repeat(64), sizeBytes });
      assert.equal(gone.failure?.reason, 'snapshot_missing');
      assert.deepEqual(readdirSync(join(both.path('second'), 'snapshots')), []);
      assert.deepEqual(readdirSync(join(both.path('second'), 'locks')), []);
    });
  });

describe('a second repository', () => {
  it('is made to cut files as the first does', async (t) => {
    const [generation] = GENERATIONS;
    assert.ok(generation);
    const lab = createLaboratory(generation);
    t.after(lab.remove);
    makeQuickRepository(join(lab.dir, 'first'), PASSWORDS.first);
    const both = openBoth(lab);
    const made = await lab.engine.initRepository({ access: both.access, workDir: both.workDir, joint: both.joint });
    assert.match(made.engineId ?? '', /^[0-9a-f]{64}$/u);
  });
});
