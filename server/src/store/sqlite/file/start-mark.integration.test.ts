import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '@holdfast/shared/clock.ts';
import { openSqliteStore } from '../open.ts';
import { readServerEpoch, type StartVerdict, setAsideForeignLog, settleServerEpoch } from './start-mark.ts';

const migrationsDir = join(import.meta.dirname, '../../../../../migrations');
let folder = '';
let starts = 0;
const path = () => join(folder, 'holdfast.db');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** One life of a server, as far as the mark goes. */
async function start(): Promise<StartVerdict> {
  const store = await openSqliteStore({ path: path(), migrationsDir, clock: systemClock, ballastBytes: 0 });
  starts += 1;
  const verdict = await settleServerEpoch({ path: path(), settings: store.settings, start: `start-${starts}` });
  assert.equal(await readServerEpoch(store.settings), verdict.epoch);
  await store.close();
  return verdict;
}

const same = (epoch: number): StartVerdict => ({ epoch, isReplaced: false });
const replaced = (epoch: number): StartVerdict => ({ epoch, isReplaced: true });

describe('The server epoch', () => {
  it('stays over any number of ordinary starts', async () => {
    for (let n = 0; n < 3; n += 1) assert.deepEqual(await start(), same(1));
  });

  it('rises when the database was put back from a copy of an earlier life, each time it was', async () => {
    await start();
    copyFileSync(path(), join(folder, 'copy'));
    await start();
    for (const epoch of [2, 3]) {
      // Written into the same file, as `cp` does, so that only the words tell.
      copyFileSync(join(folder, 'copy'), path());
      assert.deepEqual(await start(), replaced(epoch));
      assert.deepEqual(await start(), same(epoch));
    }
  });

  it('rises when a copy of the present life, mark included, takes the place of the database', async () => {
    await start();
    copyFileSync(path(), join(folder, 'copy'));
    renameSync(join(folder, 'copy'), path());
    assert.deepEqual(await start(), replaced(2));
    assert.deepEqual(await start(), same(2));
  });

  it('rises when the database came without its mark, or the mark without its database, or the mark is damaged', async () => {
    await start();
    rmSync(`${path()}.start`);
    assert.deepEqual(await start(), replaced(2));
    rmSync(path());
    assert.deepEqual(await start(), replaced(3));
    writeFileSync(`${path()}.start`, '{"epoch":');
    assert.deepEqual(await start(), replaced(4));
    assert.deepEqual(await start(), same(4));
  });

  it('stays when the server died between the mark and the database, whichever of the two was written last', async () => {
    await start();
    const before = JSON.parse(readFileSync(`${path()}.start`, 'utf8'));
    const [held] = before.starts;
    writeFileSync(`${path()}.start`, JSON.stringify({ ...before, starts: [held, 'never-reached-the-database'] }));
    assert.deepEqual(await start(), same(1));
    const after = JSON.parse(readFileSync(`${path()}.start`, 'utf8'));
    writeFileSync(`${path()}.start`, JSON.stringify({ ...after, starts: [held, ...after.starts] }));
    assert.deepEqual(await start(), same(1));
  });

  it('is still told when the mark cannot be written, and the next start compares with the older mark', async () => {
    await start();
    const mark = `${path()}.start.new`;
    mkdirSync(mark);
    const verdict = await start();
    assert.deepEqual([verdict.epoch, verdict.isReplaced], [1, false]);
    assert.ok(verdict.fault instanceof Error);
    rmSync(mark, { recursive: true });
    assert.deepEqual(await start(), same(1));
  });
});

describe('The write-ahead log of a killed server', () => {
  /** A server that was killed: database, log and mark as they were, in a folder of their own. */
  async function kill(values: readonly string[]): Promise<void> {
    const store = await openSqliteStore({ path: path(), migrationsDir, clock: systemClock, ballastBytes: 0 });
    starts += 1;
    await settleServerEpoch({ path: path(), settings: store.settings, start: `start-${starts}` });
    for (const value of values) await store.settings.putSetting('value', value);
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(`${path()}${suffix}`, `${path()}${suffix}.killed`);
    await store.close();
    const mark = JSON.parse(readFileSync(`${path()}.start`, 'utf8'));
    for (const suffix of ['', '-wal', '-shm']) renameSync(`${path()}${suffix}.killed`, `${path()}${suffix}`);
    const [inode, logInode] = ['', '-wal'].map((suffix) => String(statSync(`${path()}${suffix}`).ino));
    writeFileSync(`${path()}.start`, JSON.stringify({ ...mark, inode, logInode }));
  }

  const readValue = async () => {
    const store = await openSqliteStore({ path: path(), migrationsDir, clock: systemClock, ballastBytes: 0 });
    const value = await store.settings.findSetting('value');
    await store.close();
    return value;
  };

  it('is moved away from a database that was exchanged beside it, and only then', async () => {
    await kill(['old']);
    assert.equal(setAsideForeignLog(path()), undefined, 'it belongs to this database');
    assert.equal(await readValue(), 'old');
    copyFileSync(path(), join(folder, 'copy'));
    await kill(['newer']);
    rmSync(path());
    renameSync(join(folder, 'copy'), path());
    assert.equal(setAsideForeignLog(path()), `${path()}-wal.foreign`);
    assert.equal(await readValue(), 'old');
    assert.equal(setAsideForeignLog(path()), undefined);
  });

  it('stays with a database that was put back together with its log', async () => {
    await kill(['with its log']);
    for (const suffix of ['', '-wal']) copyFileSync(`${path()}${suffix}`, join(folder, `copy${suffix}`));
    await kill(['newer']);
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path()}${suffix}`);
    for (const suffix of ['', '-wal']) renameSync(join(folder, `copy${suffix}`), `${path()}${suffix}`);
    assert.equal(setAsideForeignLog(path()), undefined);
    assert.equal(await readValue(), 'with its log');
  });
});
