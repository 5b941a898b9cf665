import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  DRILL_OPERATORS,
  type DrillOperator,
  describeOperator,
  drillAssertionsSchema,
  holdsAssertion,
  trimStatement,
} from './drill.ts';

describe('What is asserted at a drill', () => {
  const cases: readonly (readonly [string | undefined, DrillOperator, string, boolean])[] = [
    ['5', '>', '0', true],
    ['0', '>', '0', false],
    ['9007199254740993', '>', '9007199254740992', true],
    ['10', '<', '9', false],
    ['1.50', '=', '1.5', true],
    ['-3', '<=', '-3', true],
    ['true', '=', 'true', true],
    ['t', '!=', 'f', true],
    // Words have no order.
    ['b', '>', 'a', false],
    ['a', '>=', 'a', true],
    ['', '=', '', true],
    ['1e3', '>', '1', false],
    // NULL is nothing, not even different.
    [undefined, '!=', '1', false],
  ];
  for (const [seen, operator, value, holds] of cases)
    it(`${seen ?? 'NULL'} is ${holds ? '' : 'not '}${describeOperator(operator)} ${JSON.stringify(value)}`, () =>
      assert.equal(holdsAssertion({ operator, value }, seen), holds));

  it('of two whole numbers exactly one of less, equal and greater holds', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (one, other) => {
        const holds = (operator: DrillOperator) => holdsAssertion({ operator, value: String(other) }, String(one));
        assert.equal((['<', '=', '>'] as const).filter(holds).length, 1);
        assert.equal(holds('!='), !holds('='));
        assert.equal(holds('<='), !holds('>'));
        assert.equal(holds('>='), !holds('<'));
      }),
    );
  });

  it('takes twenty questions and no more, and no question that is not text', () => {
    const one = { sql: 'select 1', operator: '=', value: '1' };
    assert.equal(drillAssertionsSchema.safeParse(Array.from({ length: 20 }, () => one)).success, true);
    assert.equal(drillAssertionsSchema.safeParse(Array.from({ length: 21 }, () => one)).success, false);
    for (const sql of ['', '  ', 'a\u0000b', '\ud800', 'x'.repeat(4001)])
      assert.equal(drillAssertionsSchema.safeParse([{ ...one, sql }]).success, false, JSON.stringify(sql.slice(0, 9)));
  });

  it('loses the end of its statement, and nothing else', () => {
    assert.equal(trimStatement("  select ';' ; \n;"), "select ';'");
  });

  it('has a word for every operator', () => {
    assert.equal(new Set(DRILL_OPERATORS.map(describeOperator)).size, DRILL_OPERATORS.length);
  });
});
