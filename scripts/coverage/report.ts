/** What was measured, for people and for programs. Pure. */
import type { FileCoverage } from './measure.ts';

export type MeasuredFile = { readonly file: string; readonly coverage: FileCoverage };
export type MeasuredRoom = { readonly name: string; readonly files: readonly MeasuredFile[] };

export type CoverageReport = {
  readonly ok: boolean;
  readonly branches: number;
  readonly coveredBranches: number;
  readonly lines: number;
  readonly coveredLines: number;
  readonly failedTests: readonly string[];
  /** `path:line` and what is there. */
  readonly uncovered: readonly string[];
  readonly rooms: readonly MeasuredRoom[];
};

export function toReport(rooms: readonly MeasuredRoom[], failedTests: readonly string[]): CoverageReport {
  // A file may belong to two rooms; it counts once.
  const files = [...new Map(rooms.flatMap((room) => room.files).map((entry) => [entry.file, entry])).values()];
  const sum = (pick: (coverage: FileCoverage) => number) => files.reduce((total, { coverage }) => total + pick(coverage), 0);
  const uncovered = files.flatMap(({ file, coverage }) =>
    coverage.uncovered.map((place) => `${file}:${place.line} ${place.what}`),
  );
  return {
    ok: uncovered.length === 0 && failedTests.length === 0 && files.length > 0,
    branches: sum((coverage) => coverage.branches),
    coveredBranches: sum((coverage) => coverage.coveredBranches),
    lines: sum((coverage) => coverage.lines),
    coveredLines: sum((coverage) => coverage.coveredLines),
    failedTests,
    uncovered,
    rooms,
  };
}

/** Never rounded up: one that is missing among thousands is not 100 %. */
const formatShare = (part: number, whole: number) => (whole === 0 ? '100' : (Math.floor((part / whole) * 1000) / 10).toString());

export function formatReport(report: CoverageReport): string {
  const lines = report.rooms.flatMap(({ name, files }) => [name, ...files.map(formatFile)]);
  const total = `all: ${formatShare(report.coveredLines, report.lines)} % of ${report.lines} lines, ${formatShare(report.coveredBranches, report.branches)} % of ${report.branches} branches`;
  const missing = report.uncovered.map((place) => `  not covered: ${place}`);
  const failed = report.failedTests.map((test) => `  failed: ${test}`);
  return `${[...lines, ...missing, ...failed, total].join('\n')}\n`;
}

function formatFile({ file, coverage }: MeasuredFile): string {
  const { lines, coveredLines, branches, coveredBranches } = coverage;
  const cells = [`${coveredLines}/${lines} lines`, `${coveredBranches}/${branches} branches`];
  return `  ${file.padEnd(52)} ${cells.map((cell) => cell.padStart(18)).join(' ')}`;
}
