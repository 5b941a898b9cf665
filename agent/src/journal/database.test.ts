import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import { AppError, type ErrorCode } from '@holdfast/shared/errors.ts';
import { type Database, judgePragma, openDatabase } from './database.ts';
import { refuseWrites } from './fixtures/write-limit.ts';
import { JOURNAL, openJournal } from './journal.ts';

const isError = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;

function makeDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-database-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

function open(t: TestContext): { path: string; database: Database } {
  const path = join(makeDir(t), 'journal.db');
  const database = openDatabase(path, () => false);
  t.after(() => database.close());
  return { path, database };
}

describe('What SQLite says of a file', () => {
  it('must be what it was told, or nothing is written', () => {
    judgePragma('journal_mode', 'wal', 'wal');
    assert.throws(() => judgePragma('journal_mode', 'delete', 'wal'), isError('precondition'));
    assert.throws(() => judgePragma('synchronous', undefined, 2), isError('precondition'));
    assert.throws(() => judgePragma('quick_check', 'row 1 missing', 'ok'), isError('integrity'));
  });
});

describe('A file that is to be rewritten', () => {
  it('is, when nobody is in the way', (t) => {
    assert.equal(open(t).database.rewrite(), true);
  });

  it('is left for later while somebody else writes, and while the disk refuses it', (t) => {
    const { path, database } = open(t);
    const other = new DatabaseSync(path);
    t.after(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    assert.equal(database.rewrite(), false);
    other.exec('ROLLBACK');
    const allow = refuseWrites(t, 0);
    assert.equal(database.rewrite(), false);
    allow();
    assert.equal(database.rewrite(), true);
  });

  it('is not in the middle of a transaction, which is undone', (t) => {
    const { database } = open(t);
    assert.throws(() => database.transact(() => database.rewrite()), /cannot VACUUM from within a transaction/);
    assert.equal(database.inTransaction, false);
  });
});

describe('A journal in which somebody else has meddled', () => {
  it('is not opened when its purge fails, and its lock is free again', (t) => {
    const stateDir = makeDir(t);
    const clock = createFixedClock(Date.parse('2027-01-01T00:00:00Z'));
    const reopen = () => openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 4096 });
    const journal = reopen();
    journal.fires.consider('plan_a' as PlanId, clock.now());
    journal.close();
    clock.advance(2 * JOURNAL.keepMs);
    const file = new DatabaseSync(join(stateDir, JOURNAL.fileName));
    file.exec("CREATE TRIGGER meddled BEFORE DELETE ON fire_slots BEGIN SELECT RAISE(ABORT, 'not today'); END");
    assert.throws(reopen, /not today/);
    file.exec('DROP TRIGGER meddled');
    file.close();
    reopen().close();
  });
});
