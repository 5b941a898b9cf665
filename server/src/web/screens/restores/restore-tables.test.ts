import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTables } from './restore-tables.ts';

test('tables are read one a line, with a schema before a dot and quotes round odd names', () => {
  assert.deepEqual(parseTables('orders\r\n\n sales.lines \nsales."odd "".""name"\n"a.b".c d'), [
    { name: 'orders' },
    { schema: 'sales', name: 'lines' },
    { schema: 'sales', name: 'odd "."name' },
    { schema: 'a.b', name: 'c d' },
  ]);
});

test('a line that is no table makes no list, and no line makes an empty one', () => {
  for (const text of ['a.b.c', '"open', 'a.', '.a', 'a"b', '""']) assert.equal(parseTables(text), undefined, text);
  assert.deepEqual(parseTables(' \n'), []);
});
