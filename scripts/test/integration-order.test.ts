import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { LONG_FILES, orderIntegration, PATIENT_FILES } from './integration-order.ts';
import { listTestFiles } from './phases.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILES = listTestFiles({ root: ROOT, filters: [] }, '*.integration.test.ts');
const { patient, shared } = orderIntegration(ROOT, FILES);

describe('Integration tests', () => {
  it('have each file once, also those that are named', () => {
    assert.deepEqual([...patient, ...shared].flat().sort(), FILES);
    assert.deepEqual(
      [...PATIENT_FILES, ...LONG_FILES].filter((file) => !FILES.includes(file)),
      [],
    );
  });

  it('begin with the long ones and end with what shares a process', () => {
    const sizes = shared.map((batch) => batch.length);
    assert.deepEqual(shared.slice(0, LONG_FILES.length).flat(), LONG_FILES);
    const firstBatch = sizes.findIndex((size) => size > 1);
    assert.ok(firstBatch > LONG_FILES.length);
    assert.ok(sizes.slice(firstBatch, -1).every((size) => size > 1 && size <= 6));
  });

  it('share a process only where a file starts none and leaves the process as it is', () => {
    const together = new Set(shared.filter((batch) => batch.length > 1).flat());
    for (const file of together) assert.match(file, /^server\/src\/(?:core|hub|notify|vault|web)\//);
    assert.ok(together.has('server/src/core/inputs.integration.test.ts'));
    assert.ok(!together.has('server/src/wrong-values.integration.test.ts'));
  });
});
