import { stripVTControlCharacters } from 'node:util';

/** What a phase found out. */
export type PhaseResult = {
  readonly passed: number;
  readonly failures: readonly Failure[];
  /** What failed beside others and passed when it was tried again by itself. */
  readonly onlyAlone?: readonly Failure[];
};

/** One check or test that did not pass, and everything that explains it. */
export type Failure = { readonly title: string; readonly detail: string };

/** A line of what `run-node-tests.ts` writes about each test. */
export type NodeTestLine = {
  readonly outcome: 'passed' | 'failed' | 'switched off';
  readonly title: string;
  readonly file: string;
  readonly detail: string;
};

/** Reads the lines about node:test. A broken last line, from a runner that was killed, is left out. */
export function readNodeTestLines(text: string): NodeTestLine[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as NodeTestLine];
    } catch {
      return [];
    }
  });
}

export function judgeNodeTests(lines: readonly NodeTestLine[]): PhaseResult {
  const failures = lines
    .filter((line) => line.outcome !== 'passed')
    .map((line) => ({
      title: `${line.file}: ${line.title}`,
      detail:
        line.outcome === 'switched off'
          ? 'This test is skipped or marked as todo. A test that does not run proves nothing.'
          : line.detail,
    }));
  return { passed: lines.length - failures.length, failures };
}

type PlaywrightError = { readonly message?: string; readonly stack?: string };
type PlaywrightTest = { readonly status: string; readonly results: readonly { readonly errors?: readonly PlaywrightError[] }[] };
type PlaywrightSpec = {
  readonly title: string;
  readonly file: string;
  readonly line: number;
  readonly tests: readonly PlaywrightTest[];
};
type PlaywrightSuite = { readonly specs?: readonly PlaywrightSpec[]; readonly suites?: readonly PlaywrightSuite[] };
type PlaywrightReport = { readonly suites?: readonly PlaywrightSuite[]; readonly errors?: readonly PlaywrightError[] };

/**
 * Reads Playwright's JSON report, file by file; what went wrong outside of any file stands under the empty name. Only `expected` passes: a
 * skipped one did not run.
 */
export function judgePlaywrightReport(text: string): ReadonlyMap<string, PhaseResult> {
  const report = JSON.parse(text) as PlaywrightReport;
  const results = new Map<string, PhaseResult>();
  const add = (file: string, { passed, failures }: PhaseResult) => {
    const had = results.get(file) ?? { passed: 0, failures: [] };
    results.set(file, { passed: had.passed + passed, failures: [...had.failures, ...failures] });
  };
  for (const spec of (report.suites ?? []).flatMap(listSpecs))
    for (const test of spec.tests) add(spec.file, judgeScenario(spec, test));
  const broken = (report.errors ?? []).map((error) => ({ title: 'Playwright', detail: describeError(error) }));
  if (broken.length > 0) add('', { passed: 0, failures: broken });
  return results;
}

function judgeScenario(spec: PlaywrightSpec, test: PlaywrightTest): PhaseResult {
  if (test.status === 'expected') return { passed: 1, failures: [] };
  const title = `${spec.file}:${spec.line}: ${spec.title} (${test.status})`;
  const detail = test.results.flatMap((result) => (result.errors ?? []).map(describeError)).join('\n');
  return { passed: 0, failures: [{ title, detail }] };
}

function listSpecs(suite: PlaywrightSuite): PlaywrightSpec[] {
  return [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(listSpecs)];
}

function describeError(error: PlaywrightError): string {
  return stripVTControlCharacters(error.stack ?? error.message ?? 'no message');
}

/** The last line of a run, read by people and machines. */
export function summarize(results: readonly PhaseResult[]): string {
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failures.length, 0);
  return `${passed} passed, ${failed} failed`;
}
