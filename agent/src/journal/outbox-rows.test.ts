import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Database, openDatabase } from './database.ts';
import { createOutboxRows, encodeEvent, type OutboxRows, PRUNED_ROWS } from './outbox-rows.ts';

const AT = Date.parse('2027-01-01T00:00:00Z');

function open(t: TestContext, events = 100): { database: Database; rows: OutboxRows } {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-rows-'));
  const database = openDatabase(join(directory, 'journal.db'), () => false);
  t.after(() => {
    database.close();
    rmSync(directory, { recursive: true });
  });
  const rows = createOutboxRows(database, { events, bytes: 1e6 });
  database.onUndone(() => rows.remember());
  return { database, rows };
}

const insert = (rows: OutboxRows, text: string): number =>
  rows.insert(encodeEvent({ type: 'host.notice', at: AT, level: 'info', text }), AT);

const describeRows = ({ size, firstId, lastId }: OutboxRows) => ({ ...size, first: firstId(), last: lastId() });

describe('what is known of the rows of the outbox', () => {
  it('goes back with a transaction that is undone, and with a nested one alone', (t) => {
    const { database, rows } = open(t);
    insert(rows, 'first');
    const before = describeRows(rows);
    database.transact(() => {
      assert.throws(() =>
        database.transact(() => {
          insert(rows, 'nested');
          rows.markAcknowledged(0, 1, AT);
          throw new Error('no');
        }),
      );
      assert.deepEqual(describeRows(rows), before);
      insert(rows, 'second');
    });
    const { events, waitingEvents, last } = describeRows(rows);
    assert.deepEqual([events, waitingEvents, last], [2, 2, 2]);
    assert.throws(() =>
      database.transact(() => {
        insert(rows, 'third');
        rows.prune(AT);
        throw new Error('no');
      }),
    );
    assert.deepEqual([rows.size.events, rows.lastId()], [2, 2]);
  });

  it('is read anew when SQLite gave a transaction up by itself and a later statement was let through', (t) => {
    const { database, rows } = open(t);
    insert(rows, 'before');
    assert.throws(() =>
      database.transact(() => {
        insert(rows, 'undone');
        // As SQLite does on some errors.
        database.prepare('ROLLBACK').run();
        insert(rows, 'let through');
        throw new Error('no');
      }),
    );
    const texts = rows.read(0, 10, 1e6).map(({ id, event }) => [id, event.type === 'host.notice' && event.text]);
    assert.deepEqual(texts, [
      [1, 'before'],
      [2, 'let through'],
    ]);
    const known = describeRows(rows);
    assert.deepEqual(known, describeRows(createOutboxRows(database, { events: 100, bytes: 1e6 })));
    assert.equal(known.events, 2);
  });

  it('forgets what its time has passed in bites, and all of it in the end but what waits', (t) => {
    const { database, rows } = open(t, 1e6);
    const [kept, count] = [100, 2 * PRUNED_ROWS + 600];
    database.transact(() => {
      for (let index = 0; index < count; index += 1) insert(rows, 'x');
    });
    rows.markAcknowledged(0, count - kept, AT);
    rows.prune(AT);
    assert.equal(rows.size.events, count, 'its time is not over');
    const left = [1, 2, 3, 4].map(() => {
      rows.prune(AT + 1);
      return rows.size.events;
    });
    assert.deepEqual(left, [count - PRUNED_ROWS, count - 2 * PRUNED_ROWS, kept, kept]);
    assert.deepEqual([rows.firstId(), rows.lastId()], [count - kept + 1, count]);
    assert.deepEqual(describeRows(rows), describeRows(createOutboxRows(database, { events: 1e6, bytes: 1e6 })));
  });
});
