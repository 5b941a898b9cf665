import assert from 'node:assert/strict';
import { statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { openSqliteStore } from '@holdfast/server/store/sqlite/open.ts';
import { systemClock } from '@holdfast/shared/clock.ts';
import { UnsupportedError } from '../../../harness/services/identity.ts';
import { startTmpfs } from '../../../harness/services/tmpfs.ts';
import { isGood } from '../../experiment.ts';
import { openTestLab } from '../fixtures/test-lab.ts';
import { DISK_FULL, findLostAcknowledgements } from './experiment.ts';
import { fillDisk } from './filler.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../../migrations');
const isRoot = process.getuid?.() === 0;

async function makeBooks(directory: string, books: { acknowledged: number; applied: number }): Promise<string> {
  const path = join(directory, 'holdfast.db');
  await (await openSqliteStore({ path, migrationsDir: MIGRATIONS, clock: systemClock, ballastBytes: 0 })).close();
  const ledger = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  ledger.prepare('INSERT INTO host_streams VALUES (?, ?, ?, ?, 0)').run('host_1', 'epoch', 'tenant_1', books.applied);
  ledger.close();
  const journalFile = join(directory, 'journal.db');
  const journal = new DatabaseSync(journalFile);
  journal.exec('CREATE TABLE meta (key, value)');
  const insert = journal.prepare('INSERT INTO meta VALUES (?, ?)');
  insert.run('outbox.epoch', 'epoch');
  insert.run('outbox.base', '100');
  insert.run('outbox.acknowledged', String(100 + books.acknowledged));
  journal.close();
  return journalFile;
}

describe('What was acknowledged', () => {
  it('is lost when the server has less than the journal believes, and only then', async (t) => {
    const { lab } = await openTestLab(t, 'selection');
    const [whole, short] = [await lab.makeDirectory('whole'), await lab.makeDirectory('short')];
    assert.deepEqual(findLostAcknowledgements(whole, await makeBooks(whole, { acknowledged: 7, applied: 9 }), 'host_1'), []);
    assert.deepEqual(findLostAcknowledgements(short, await makeBooks(short, { acknowledged: 7, applied: 6 }), 'host_1'), [
      '7 events were acknowledged and the server has 6',
    ]);
  });
});

if (!isRoot) {
  it('needs root to mount a small disk, and says so', async () => {
    await assert.rejects(startTmpfs(1024 * 1024), UnsupportedError);
  });
}

function proveFullDisks(): void {
  it('leaves no byte, takes what is given up meanwhile, and gives everything back', async (t) => {
    const disk = await startTmpfs(2 * 1024 * 1024);
    t.after(() => disk.stop());
    const free = () => statfsSync(disk.path).bavail;
    const [roomy, filler] = [free(), fillDisk(join(disk.path, 'filler'))];
    assert.equal(free(), 0);
    assert.throws(() => writeFileSync(join(disk.path, 'more'), Buffer.alloc(4096)), /ENOSPC/);
    filler.release();
    assert.ok(free() >= roomy - 1);
  });

  for (const experiment of DISK_FULL)
    it(`stops no backup, loses nothing, and is recovered from without help: ${experiment.figures.join(', ')}`, async (t) => {
      const { lab } = await openTestLab(t, 'selection');
      const outcomes = await experiment.run(lab);
      assert.deepEqual(
        outcomes.flatMap(({ findings }) => findings),
        [],
      );
      assert.ok(outcomes.every(isGood));
    });
}

if (isRoot) describe('A full disk', proveFullDisks);
