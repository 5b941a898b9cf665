import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FileCoverage } from './measure.ts';
import { formatReport, toReport } from './report.ts';

const whole: FileCoverage = { lines: 10, coveredLines: 10, branches: 4, coveredBranches: 4, uncovered: [], uncoveredLines: [] };
const holed: FileCoverage = {
  ...whole,
  coveredLines: 9,
  coveredBranches: 3,
  uncovered: [{ line: 7, what: 'past this if' }],
  uncoveredLines: [],
};

describe('The report of coverage', () => {
  it('is good when every branch of every file is covered and no test failed', () => {
    const rooms = [{ name: 'gate', files: [{ file: 'a.ts', coverage: whole }] }];
    assert.equal(toReport(rooms, []).ok, true);
    assert.equal(toReport(rooms, ['a.test.ts: holds']).ok, false);
    assert.equal(toReport([], []).ok, false);
  });

  it('counts a file of two rooms once and names what is missing', () => {
    const files = [{ file: 'a.ts', coverage: holed }];
    const report = toReport(
      [
        { name: 'gate', files },
        { name: 'journal', files },
      ],
      [],
    );
    assert.equal(report.branches, 4);
    assert.equal(report.ok, false);
    assert.deepEqual(report.uncovered, ['a.ts:7 past this if']);
    const text = formatReport(report);
    assert.match(text, /^ {2}not covered: a\.ts:7 past this if$/m);
    assert.match(text, /^all: 90 % of 10 lines, 75 % of 4 branches$/m);
  });

  it('never rounds up to all', () => {
    const coverage = { ...whole, branches: 100_000, coveredBranches: 99_999 };
    assert.match(
      formatReport(toReport([{ name: 'gate', files: [{ file: 'a.ts', coverage }] }], [])),
      / 99\.9 % of 100000 branches/,
    );
  });
});
