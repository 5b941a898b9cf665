import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { encodeFields } from './field-bytes.ts';

it('lists of fields that differ never have the same bytes', () => {
  const fields = fc.array(fc.string({ unit: fc.constantFrom('', 'a', 'b', '|', '\0', 'é'), maxLength: 4 }), { maxLength: 4 });
  fc.assert(
    fc.property(fields, fields, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      assert.equal(Buffer.compare(encodeFields(a), encodeFields(b)) === 0, same);
    }),
    { numRuns: 2000 },
  );
});

it('a field is its length in four bytes and its UTF-8 text', () => {
  assert.equal(Buffer.from(encodeFields(['é', ''])).toString('hex'), '00000002c3a900000000');
});
