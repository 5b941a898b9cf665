import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toReport } from '../../scripts/coverage/report.ts';
import { judgeCoverage } from './coverage.ts';
import { isGood } from './experiment.ts';

const coverage = { lines: 10, coveredLines: 10, branches: 4, coveredBranches: 4, uncovered: [], uncoveredLines: [] };
const holed = { ...coverage, coveredBranches: 3, uncovered: [{ line: 7, what: 'past this if' }] };
const room = (file: typeof coverage | typeof holed) => [{ name: 'gate', files: [{ file: 'a.ts', coverage: file }] }];

describe('The figure of coverage', () => {
  it('is good when every branch is run and every test passed', () => {
    const outcome = judgeCoverage(toReport(room(coverage), []));
    assert.deepEqual([outcome.tried, outcome.bad, isGood(outcome)], [4, 0, true]);
    assert.match(outcome.detail, /^branches of gate that no test runs; 10 of 10 lines are run$/);
  });

  it('is missed by a branch, and by a test that failed, and names them', () => {
    const outcome = judgeCoverage(toReport(room(holed), ['a.test.ts: holds']));
    assert.deepEqual([outcome.bad, isGood(outcome)], [2, false]);
    assert.deepEqual(outcome.findings, ['a.test.ts: holds', 'a.ts:7 past this if']);
  });
});
