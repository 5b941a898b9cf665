import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RECORD } from '../limits.ts';
import {
  compareContents,
  contentsSchema,
  createContents,
  describeContents,
  describeDifference,
  type RecordedTable,
} from './contents.ts';

const A = 'a'.repeat(16);
const B = 'b'.repeat(16);
const table = (name: string, rows: number | undefined, isExact = true, shape = A): RecordedTable => ({
  name,
  shape,
  ...(rows === undefined ? {} : { rows }),
  isExact,
});
const digestOf = (text: string) => (text.length % 7).toString(16).repeat(16);
const record = (...tables: RecordedTable[]) => createContents({ tables }, digestOf);
const compare = (recorded: RecordedTable[], found: RecordedTable[], withShapes = true) =>
  compareContents(record(...recorded), { digest: record(...found).digest, tables: found }, { withShapes });
const tell = (verdict: ReturnType<typeof compare>) => verdict.differences.map(describeDifference);

describe('What a database held', () => {
  it('is the same when every exact number and every shape came back', () => {
    const verdict = compare([table('people', 2), table('few', undefined, false)], [table('few', undefined), table('people', 2)]);
    assert.deepEqual([verdict.differences, verdict.compared, verdict.doubtful], [[], 1, []]);
  });

  it('differs by table, with what was recorded and what was restored', () => {
    for (const [recorded, found, said] of [
      [table('people', 2), table('people', 1), 'people: 2 rows recorded, 1 row restored'],
      [table('people', 0), table('person', 0), 'people: there recorded, not there restored'],
      [table('people', 2), table('people', 2, true, B), `people: structure ${A} recorded, structure ${B} restored`],
    ] as const)
      assert.equal(tell(compare([recorded], [found]))[0], said);
    assert.deepEqual(tell(compare([table('a', 1)], [table('a', 1), table('z', 1)])), ['z: not there recorded, there restored']);
  });

  it('is not held against an estimate, which is only worth a look where a big table came back empty', () => {
    const verdict = compare([table('big', 5000, false), table('small', 12, false)], [table('big', 0), table('small', 0)]);
    assert.deepEqual(verdict.differences, []);
    assert.deepEqual(verdict.doubtful.map(describeDifference), ['big: about 5000 rows recorded, no row restored']);
  });

  it('is compared without shapes where not all could be made', () => {
    assert.deepEqual(tell(compare([table('a', 1)], [table('a', 1, true, B)], false)), []);
    assert.equal(tell(compare([table('a', 1)], [table('a', 2, true, B)], false)).length, 1);
  });

  it('stays within its limits, and what is beyond them is compared by number and digest', () => {
    const many = Array.from({ length: RECORD.tables + 100 }, (_, index) =>
      table(`table ${String(index).padStart(4, '0')}`, index),
    );
    const kept = record(...many);
    assert.deepEqual([kept.tables.length, kept.tableCount], [RECORD.tables, many.length]);
    assert.ok(contentsSchema.safeParse(kept).success);
    assert.deepEqual(tell(compare(many, many)), []);
    assert.equal(tell(compare(many, many.slice(0, -1))).length, 1);
    const changed = many.with(-1, table('table with a name of another length', 1));
    assert.match(tell(compare(many, changed))[0] ?? '', /^all: structure/);
    const long = record(
      table('x'.repeat(RECORD.nameChars + 1), 1),
      ...Array.from({ length: 400 }, (_, at) => table(`${'注'.repeat(150)}${at}`, 1)),
    );
    assert.ok(new TextEncoder().encode(JSON.stringify(long.tables.map(({ name }) => name))).length < 2 * RECORD.namesBytes);
    assert.equal(long.tableCount, 401);
  });

  it('is told in one line', () => {
    const told = describeContents(record(table('a', 1), table('b', 70_000, false), table('v', undefined, false)));
    assert.equal(told, '3 tables and views, 1 counted (1 row), 1 estimated');
  });
});
