import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createContents, describeDifference } from '@holdfast/shared/domain/contents.ts';
import { digestContents } from '../../backup/record-contents.ts';
import { compareRestored, type Extent } from './restore-record.ts';

const SHAPE = 'a'.repeat(16);
const table = (name: string, rows?: number, shape = SHAPE) => ({ name, shape, ...(rows === undefined ? {} : { rows }) });
const RECORDED = createContents(
  { tables: [table('Orders', 3), table('people', 2), table('seen')].map((one) => ({ ...one, isExact: true })) },
  digestContents,
);

const compare = (extent: Extent, ...found: ReturnType<typeof table>[]) => {
  const { short, odd } = compareRestored(RECORDED, found, extent);
  return { short: short.map(describeDifference), odd: odd.map(({ kind, table: name }) => `${kind} ${name}`) };
};

describe('What a restore brought', () => {
  const view = table('seen');

  it('is as it was recorded, also on a server that keeps names in lower case', () => {
    for (const name of ['Orders', 'orders'])
      assert.deepEqual(compare('whole', table(name, 3), table('people', 2), view), { short: [], odd: [] }, name);
  });

  it('is less where a table or rows that were counted then are not there', () => {
    assert.deepEqual(compare('whole', table('Orders', 2), view).short, [
      'Orders: 3 rows recorded, 2 rows restored',
      'people: there recorded, not there restored',
    ]);
    assert.equal(
      compare('whole', table('Orders', 4), table('people', 2), view).short.length,
      1,
      'in a database of its own more is odd',
    );
  });

  it('may have more rows and more tables where others write', () => {
    for (const extent of ['among', 'rows'] as const) {
      const found = compare(extent, table('Orders', 4), table('people', 2), view, table('later', 1));
      assert.deepEqual(found, { short: [], odd: [] }, extent);
      assert.equal(compare(extent, table('Orders', 1), table('people', 2), view).short.length, 1, extent);
    }
  });

  it('is looked at for its tables alone where no rows were wished, or those of others are filled', () => {
    assert.deepEqual(compare('structure', table('Orders', 0), table('people', 0), view).short, []);
    assert.equal(compare('structure', table('Orders', 0), view).short.length, 1);
    assert.deepEqual(compare('rows', table('Orders', 3, 'b'.repeat(16)), table('people', 2), view), { short: [], odd: [] });
  });

  it('may be told in other words by another server, which is said and no more', () => {
    const { short, odd } = compare('whole', table('Orders', 3, 'b'.repeat(16)), table('people', 2), view, table('later', 1));
    assert.deepEqual([short, odd], [[], ['shape Orders', 'extra later']]);
  });
});
