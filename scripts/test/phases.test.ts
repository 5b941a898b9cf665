import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { listTestFiles, PATIENT_FILES } from './phases.ts';

it('Every file that has the lane of the patient is there and is an integration test', () => {
  const files = listTestFiles({ root: join(import.meta.dirname, '../..'), filters: [] }, '*.integration.test.ts');
  assert.deepEqual(
    PATIENT_FILES.filter((file) => !files.includes(file)),
    [],
  );
});
