import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS, writeNoise } from '../../engines/restic/fixtures/laboratory.ts';
import { makeQuickRepository } from '../../engines/restic/fixtures/quick-repository.ts';
import { startPostgresServer } from '../fixtures/postgres-server.ts';
import { findEvent, openRunRig, outline, PASSWORD } from '../fixtures/run-rig.ts';
import { mountSmallDisk } from '../fixtures/small-disk.ts';

const MIB = 1024 * 1024;
const RESTIC = GENERATIONS[1]?.binary;

/** A host whose repository lies on a disk of its own. */
async function openRigOnDisk(t: TestContext, megabytes: number) {
  const disk = mountSmallDisk(t, megabytes);
  const rig = await openRunRig(t, { restic: RESTIC });
  const path = join(disk, 'repository');
  makeQuickRepository(path, PASSWORD);
  rig.repository.config = { path };
  const leave = (bytes: number) => {
    rmSync(join(disk, 'filler'), { force: true });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize - bytes));
  };
  return { rig, leave };
}

const findPart = (events: readonly DurableEvent[]) => findEvent(events, 'part.finished').part;

if (process.getuid?.() !== 0) {
  it('needs root to mount a small disk, and says so', (t) => {
    assert.throws(() => mountSmallDisk(t, 4), /mount|permission|superuser/i);
  });
} else {
  it('reads nothing when the disk of the repository has less room than any backup before took', {
    timeout: 120_000,
  }, async (t) => {
    const { rig, leave } = await openRigOnDisk(t, 64);
    const folder = join(rig.dir, 'pictures');
    mkdirSync(folder);
    let seed = 0;
    const runWithNews = () => {
      seed += 1;
      writeNoise(join(folder, 'picture'), 4 * MIB, seed);
      return rig.runPlan();
    };
    rig.addFiles('pictures', [folder]);
    for (const _first of [1, 2]) assert.deepEqual(findPart(await runWithNews()).warnings, []);

    leave(3 * MIB);
    const refused = await runWithNews();
    const end = findEvent(refused, 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'repository_full']);
    assert.match(end.failure?.message ?? '', /has 3\.0 MiB left, and this backup needs at least 4\.\d MiB.*Make room/);
    assert.deepEqual(outline(refused).slice(4, 6), ['preflight', 'preflight bad']);
    assert.equal(outline(refused).includes('store'), false);
    assert.equal((await rig.listSnapshots()).length, 2);

    leave(4.7 * MIB);
    const tight = await runWithNews();
    assert.equal(findEvent(tight, 'run.finished').state, 'succeeded');
    assert.match(findPart(tight).warnings.join(), /may need 5\.\d MiB.*Make room before it is full/);

    leave(20 * MIB);
    assert.deepEqual(findPart(await runWithNews()).warnings, []);
    assert.equal((await rig.listSnapshots()).length, 4);
  });

  it('begins no dump of a database that is far bigger than the disk of the repository', { timeout: 120_000 }, async (t) => {
    const server = await startPostgresServer();
    t.after(() => server.stop());
    await server.query('postgres', 'CREATE DATABASE shop');
    await server.query('shop', 'CREATE TABLE orders AS SELECT n FROM generate_series(1, 1000) n');
    const { rig, leave } = await openRigOnDisk(t, 32);
    const id = createId('source', { clock: systemClock, randomBytes: systemRandomBytes });
    const config = { host: server.socketDir, user: 'postgres', database: 'shop', sslMode: 'disable' };
    rig.spec.sources.push({ id, name: 'shop', kind: 'postgres', config, version: 1 });

    leave(0.5 * MIB);
    const refused = await rig.runPlan();
    assert.equal(findEvent(refused, 'run.finished').failure?.reason, 'repository_full');
    assert.match(findPart(refused).failure?.message ?? '', /its first backup of a database of \d\.\d MiB/);
    assert.equal(outline(refused).includes('dump'), false);

    leave(3 * MIB);
    const tight = await rig.runPlan();
    assert.equal(findEvent(tight, 'run.finished').state, 'succeeded');
    assert.match(findPart(tight).warnings.join(), /may need \d\.\d MiB/);
  });
}
