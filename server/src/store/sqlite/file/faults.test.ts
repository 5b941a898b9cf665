import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';
import { toStoreError } from './faults.ts';

const sqlite = (code: string, message = 'x') => new Database.SqliteError(message, code);

describe('faults of SQLite', () => {
  it('become the closed set of errors, each with what to do', () => {
    const cases: [string, string, RegExp][] = [
      ['SQLITE_FULL', 'unavailable', /make room/u],
      ['SQLITE_BUSY', 'unavailable', /try again/u],
      ['SQLITE_BUSY_SNAPSHOT', 'unavailable', /try again/u],
      ['SQLITE_LOCKED', 'unavailable', /try again/u],
      ['SQLITE_IOERR_READ', 'unavailable', /SQLITE_IOERR_READ.*check its disk/u],
      ['SQLITE_READONLY_DBMOVED', 'unavailable', /check its disk/u],
      ['SQLITE_CANTOPEN', 'unavailable', /check its disk/u],
      ['SQLITE_CORRUPT', 'integrity', /restore a copy/u],
      ['SQLITE_CORRUPT_INDEX', 'integrity', /restore a copy/u],
      ['SQLITE_NOTADB', 'integrity', /restore a copy/u],
      ['SQLITE_CONSTRAINT_FOREIGNKEY', 'not_found', /reload/u],
      ['SQLITE_ERROR', 'internal', /unexpected/u],
    ];
    for (const [code, expected, message] of cases) {
      const error = toStoreError(sqlite(code));
      assert.equal(error.code, expected, code);
      assert.match(error.message, message, code);
      assert.equal(error.details['full'] === true, code === 'SQLITE_FULL', code);
    }
  });

  it('name the field that is already taken', () => {
    const field = (message: string) => toStoreError(sqlite('SQLITE_CONSTRAINT_UNIQUE', message)).details['field'];
    assert.equal(field('UNIQUE constraint failed: users.tenant_id, users.name_key'), 'name');
    assert.equal(field('UNIQUE constraint failed: hosts.signing_key'), 'signingKey');
    assert.equal(field('UNIQUE constraint failed: plans.tenant_id, plans.name'), 'name');
  });

  it('pass errors of ours through and keep the cause of others', () => {
    const ours = new AppError('conflict', 'ours');
    assert.equal(toStoreError(ours), ours);
    const other = new RangeError('odd');
    assert.equal(toStoreError(other).cause, other);
    assert.equal(toStoreError(other).code, 'internal');
  });
});
