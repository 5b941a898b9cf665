import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DrillStructure } from '@holdfast/shared/adapters/drill.ts';
import { compareStructures, digestStructure } from './structure.ts';

const made = (tables: readonly string[], more: readonly string[] = [], writtenBy = '15'): DrillStructure => ({
  tables,
  statements: [...tables, ...more].toSorted(),
  writtenBy,
});
const compare = (expected: DrillStructure, found: DrillStructure, isWhole = true, leftOut = false) =>
  compareStructures(expected, found, { isWhole, leftOut });

describe('What a database is made of', () => {
  it('is the same when it came back whole, in any order', () => {
    const evidence = compare(made(['a', 'b'], ['view']), made(['a', 'b'], ['view']));
    assert.deepEqual([evidence.ok, evidence.check], [true, 'same_content']);
    assert.match(evidence.seen, /^2 tables as in the dump, and the same structure/);
  });

  it('is not the same when a table, one of two equal ones, or anything else is missing or foreign', () => {
    for (const [expected, found, seen] of [
      [made(['a', 'b']), made(['b']), /did not come back: a$/],
      [made(['a', 'a']), made(['a']), /did not come back: a$/],
      [made(['a']), made(['a', 'z']), /does not have: z$/],
      [made(['a'], ['index']), made(['a']), /not that of the dump: index$/],
      [made(['a']), made(['a'], ['trigger']), /not that of the dump: trigger$/],
      [made(['a', 'b', 'c', 'd', 'e']), made([]), /a; b; c and 2 more$/],
    ] as const) {
      const evidence = compare(expected, found);
      assert.equal(evidence.ok, false);
      assert.match(evidence.seen, seen);
    }
  });

  it('is compared by its tables alone where more would prove nothing', () => {
    const [expected, found] = [made(['a'], ['x']), made(['a'], ['y'])];
    assert.equal(compare(expected, found).ok, false);
    assert.equal(compare(expected, found, false).ok, true);
    assert.equal(compare(expected, found, true, true).ok, true);
    assert.equal(compare(expected, made(['a'], ['y'], '16')).ok, true);
    assert.equal(compare(expected, made(['b'], ['y'], '16')).ok, false);
  });

  it('is the same where the server words an expression anew, and not where the expression is another one', () => {
    const dumped = "CONSTRAINT c CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying(10)])::text[])))";
    const restored =
      "CONSTRAINT c CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying(10))::text])))";
    assert.equal(compare(made(['t'], [dumped]), made(['t'], [restored])).ok, true);
    assert.equal(compare(made(['t'], [dumped]), made(['t'], [restored.replace("'b'", "'c'")])).ok, false);
    assert.equal(compare(made(['t'], [dumped, dumped]), made(['t'], [restored])).ok, false);
  });

  it('has a digest that tells structures apart', () => {
    assert.equal(digestStructure(made(['a'])), digestStructure(made(['a'])));
    assert.notEqual(digestStructure(made(['a'])), digestStructure(made(['a'], ['b'])));
  });
});
