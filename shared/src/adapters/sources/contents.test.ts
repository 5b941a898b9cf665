import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Look } from '../record.ts';
import { parseLookLines } from './contents.ts';
import { mariadbRecording } from './mariadb/contents.ts';
import { postgresRecording } from './postgres/contents.ts';

const A = 'a'.repeat(16);
const line = (value: object) => `${JSON.stringify(value)}\n`;

describe('A look at what a database holds', () => {
  it('is read as far as it came: what was counted is exact, the rest is estimated', () => {
    const text = [
      line({ begun: 1_700_000_000.5 }),
      line({ charset: 'latin1', collation: 'latin1_german2_ci' }),
      line({ table: 'public.a"b\n注', shape: A, guess: 12 }),
      line({ table: 'public.b', shape: A, guess: null }),
      line({ counted: 'public.a"b\n注', rows: 13 }),
      '{"counted": "public.b", "ro',
    ].join('');
    assert.deepEqual(parseLookLines(text), {
      begunAt: 1_700_000_000.5,
      defaults: { charset: 'latin1', collation: 'latin1_german2_ci' },
      tables: [
        { name: 'public.a"b\n注', shape: A, rows: 13, isExact: true },
        { name: 'public.b', shape: A, isExact: false },
      ],
    });
  });

  it('leaves out tables whose names cannot be told apart', () => {
    const twice = line({ table: 'a.b.c', shape: A, guess: 1 });
    assert.deepEqual(
      parseLookLines(`${twice}${twice}${line({ table: 'd', shape: A })}`).tables.map(({ name }) => name),
      ['d'],
    );
  });

  it('of PostgreSQL takes the name of a state and nothing else for one', () => {
    const { holding } = postgresRecording;
    assert.ok(holding);
    assert.equal(holding.readHold('00000003-0000005B-1'), '00000003-0000005B-1');
    for (const odd of ['', 'ERROR', "0-1'; DROP TABLE x", '--file=/etc/passwd', '00000003'])
      assert.equal(holding.readHold(odd), undefined);
    const tied = holding.tie({ tool: 'pg_dump', args: ['--format=custom'], env: {}, files: [] }, '00000003-0000005B-1');
    assert.deepEqual(tied.args, ['--format=custom', '--snapshot=00000003-0000005B-1']);
    for (const words of [
      'pg_dump: error: query failed: ERROR:  invalid snapshot identifier: "00000099-1"',
      'pg_dump: error: query failed: ERROR:  snapshot "00000099-1" does not exist',
      'pg_dump: error: connection to server failed: FATAL:  too many connections for role "backup"',
      'FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute',
    ])
      assert.equal(postgresRecording.isToBlame(words), true, words);
    assert.equal(postgresRecording.isToBlame('pg_dump: error: permission denied for table snapshot'), false);
  });

  it('of MariaDB is to blame where the dump found no connection left', () => {
    assert.equal(mariadbRecording.isToBlame("Got error: 1226: User 'b' has exceeded the 'max_user_connections' resource"), true);
    assert.equal(mariadbRecording.isToBlame('Got error: 1040: Too many connections when trying to connect'), true);
    assert.equal(mariadbRecording.isToBlame("Got error: 1045: Access denied for user 'b'"), false);
  });

  it('of MariaDB is certain only where a second one agrees and nothing was written since the first began', () => {
    const look = (rows: number, more: object = {}): Look => ({
      begunAt: 1000.7,
      tables: [{ name: 't', shape: A, rows, isExact: true, ...more }],
    });
    const isCertain = (first: Look, second: Look | undefined) => mariadbRecording.settle?.(first, second).tables[0]?.isExact;
    assert.equal(isCertain(look(3), look(3)), true);
    assert.equal(isCertain(look(3), look(3, { touchedAt: 999 })), true);
    assert.equal(isCertain(look(3), look(3, { touchedAt: 1000 })), false);
    assert.equal(isCertain(look(3), look(4)), false);
    assert.equal(isCertain(look(3), look(3, { isExact: false })), false);
    assert.equal(isCertain(look(3), look(3, { shape: 'b'.repeat(16) })), false);
    assert.equal(isCertain(look(3), undefined), false);
    assert.equal(isCertain({ ...look(3), begunAt: undefined }, look(3)), false);
  });
});
