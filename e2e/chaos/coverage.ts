/** Branches that no test runs, in the rooms that carry the promises. Measured by `make coverage`; this puts the figure beside the others. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoverageReport } from '../../scripts/coverage/report.ts';
import type { Experiment, Outcome } from './experiment.ts';

const NAME = 'coverage-branches';
const ROOT = join(import.meta.dirname, '../..');
const SCRIPT = join(ROOT, 'scripts/coverage.ts');
/** The script's own end when a branch or a test is missing; any other than this and 0 is no measurement. */
const MISSED = 1;
const FINDINGS = 20;

export const COVERAGE: Experiment = {
  figures: [NAME],
  isLong: true,
  async run(lab) {
    const out = join(await lab.makeDirectory('coverage'), 'coverage.json');
    const code = await new Promise<number | null>((resolve, reject) => {
      const child = spawn(process.execPath, [SCRIPT], { cwd: ROOT, env: { ...process.env, OUT: out }, stdio: ['ignore', 2, 2] });
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code !== 0 && code !== MISSED) throw new Error(`the coverage could not be measured; ${SCRIPT} ended with ${code}`);
    return [judgeCoverage(JSON.parse(await readFile(out, 'utf8')) as CoverageReport)];
  },
};

/** A test that failed may have left branches aside without anybody knowing which, so it is as bad as one of them. */
export function judgeCoverage(report: CoverageReport): Outcome {
  const { branches, coveredBranches, lines, coveredLines, failedTests, uncovered, rooms } = report;
  const names = rooms.map((room) => room.name).join(', ');
  return {
    name: NAME,
    tried: branches,
    bad: branches - coveredBranches + failedTests.length,
    limit: 0,
    detail: `branches of ${names} that no test runs; ${coveredLines} of ${lines} lines are run`,
    findings: [...failedTests, ...uncovered].slice(0, FINDINGS),
  };
}
