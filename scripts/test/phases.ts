import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, runGroup } from './process-group.ts';
import { tryAgainAlone } from './second-try.ts';
import { judgeNodeTests, judgePlaywrightReport, type PhaseResult, readNodeTestLines, summarize } from './verdicts.ts';

export type PhaseName = 'lint' | 'types' | 'unit' | 'integration' | 'e2e';

export type PhaseContext = {
  readonly root: string;
  /** Receives logs and reports; exists. */
  readonly outputFolder: string;
  /** When not empty, only test files whose path contains one of these run. */
  readonly filters: readonly string[];
  /** What is left of the time for the whole run. */
  readonly remainingMs: () => number;
  /** Where tests make their temporary files; in the system's folder when undefined. */
  readonly scratch?: string | undefined;
};

export type Phase = {
  readonly name: PhaseName;
  readonly title: string;
  readonly isQuick: boolean;
  /** False when there is nothing yet that the phase could run. */
  readonly exists: (context: PhaseContext) => boolean;
  readonly run: (context: PhaseContext) => Promise<PhaseResult>;
};

const UNIT_CONCURRENCY = 3;
/** More than two cores would take: many of these wait for locks, limits and lines rather than for a processor. */
const INTEGRATION_CONCURRENCY = 4;
/**
 * Files that spend a minute or so to see that nothing happens in it, or that something does at its end. They run one after another beside the
 * others, and take next to nothing of a processor.
 */
export const PATIENT_FILES: readonly string[] = [
  'e2e/faults/stopped-agent.integration.test.ts',
  'e2e/chaos/experiments/delivery/delivery.integration.test.ts',
  'e2e/faults/reverse-proxy.integration.test.ts',
  'e2e/faults/clock.integration.test.ts',
  'e2e/faults/drain-without-server.integration.test.ts',
];
const UNIT_FILE_TIMEOUT_MS = 120_000;
const INTEGRATION_FILE_TIMEOUT_MS = 600_000;
/** How much of the output of a crashed command is shown; its log file has the rest. */
const TAIL_CHARS = 8_000;

const TEST_ROOTS = [
  'shared/src',
  'server/src',
  'agent/src',
  'scripts',
  'e2e/harness',
  'e2e/adapters',
  'e2e/bench',
  'e2e/chaos',
  'e2e/delivery',
  'e2e/faults',
];

export const PHASES: readonly Phase[] = [
  {
    name: 'lint',
    title: 'format and lint',
    isQuick: true,
    exists: () => true,
    run: (context) =>
      runCheck(context, 'lint', 'Format and lint', [
        'biome',
        'ci',
        '--colors=off',
        '--error-on-warnings',
        '--max-diagnostics=50',
        '.',
      ]),
  },
  {
    name: 'types',
    title: 'types',
    isQuick: true,
    exists: () => true,
    run: (context) => runCheck(context, 'types', 'Types', ['tsc', '-p', 'tsconfig.json', '--pretty', 'false']),
  },
  {
    name: 'unit',
    title: 'unit, contract and architecture tests',
    isQuick: true,
    exists: () => true,
    run: (context) => {
      const files = listTestFiles(context, '*.test.ts').filter((file) => !file.endsWith('.integration.test.ts'));
      return runNodeTests(context, 'unit', files, {
        concurrency: UNIT_CONCURRENCY,
        fileTimeoutMs: UNIT_FILE_TIMEOUT_MS,
        tellFiles: false,
      });
    },
  },
  {
    name: 'integration',
    title: 'integration tests with the real tools',
    isQuick: false,
    exists: () => true,
    run: (context) => {
      const files = listTestFiles(context, '*.integration.test.ts');
      return runNodeTests(context, 'integration', files, {
        concurrency: INTEGRATION_CONCURRENCY,
        fileTimeoutMs: INTEGRATION_FILE_TIMEOUT_MS,
        tellFiles: true,
      });
    },
  },
  {
    name: 'e2e',
    title: 'scenarios in Chromium with the real tools',
    isQuick: false,
    exists: (context) => existsSync(join(context.root, 'e2e/scenarios')),
    run: runScenarios,
  },
];

export function listTestFiles(context: Pick<PhaseContext, 'root' | 'filters'>, pattern: string): string[] {
  const found = TEST_ROOTS.flatMap((root) => globSync(`${root}/**/${pattern}`, { cwd: context.root }));
  const wanted = (file: string): boolean =>
    context.filters.length === 0 || context.filters.some((filter) => file.includes(filter));
  return found.filter(wanted).sort();
}

/** A check that passes or fails as a whole, by its exit code. */
async function runCheck(context: PhaseContext, name: PhaseName, title: string, argv: readonly string[]): Promise<PhaseResult> {
  const ended = await runTool(context, name, argv);
  if (ended.code === 0) return { passed: 1, failures: [] };
  return { passed: 0, failures: [{ title, detail: `${ended.output}\n${describeEnd(ended)}` }] };
}

type NodeTestOptions = { readonly concurrency: number; readonly fileTimeoutMs: number; readonly tellFiles: boolean };

/** Runs each file in a process group of its own: a file that hangs or leaves processes behind harms no other. */
async function runNodeTests(
  context: PhaseContext,
  name: PhaseName,
  files: readonly string[],
  options: NodeTestOptions,
): Promise<PhaseResult> {
  const folder = join(context.outputFolder, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const patient = PATIENT_FILES.filter((file) => files.includes(file));
  const waiting = files.filter((file) => !patient.includes(file));
  const results = new Map<string, PhaseResult>();
  const runFile = async (file: string): Promise<PhaseResult> => {
    const started = performance.now();
    const result = await runTestFile(context, folder, file, options.fileTimeoutMs);
    if (options.tellFiles)
      console.log(`    ${file}: ${summarize([result])} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return result;
  };
  const work = async (queue: string[]): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) results.set(file, await runFile(file));
  };
  await Promise.all([work(patient), ...Array.from({ length: options.concurrency }, () => work(waiting))]);
  return await tryAgainAlone(results, runFile);
}

/** Runs one test file. A file in which no test ran is a failure. */
export async function runTestFile(
  context: Pick<PhaseContext, 'root' | 'remainingMs' | 'scratch'>,
  folder: string,
  file: string,
  timeoutMs: number,
): Promise<PhaseResult> {
  const stem = join(folder, file.replaceAll('/', '+'));
  const ended = await runGroup({
    argv: [process.execPath, join(import.meta.dirname, 'run-node-tests.ts'), `${stem}.jsonl`, file],
    cwd: context.root,
    logFile: `${stem}.log`,
    timeoutMs: Math.min(timeoutMs, context.remainingMs()),
    // Every file is a process of its own; without a cache each strips the same types again.
    env: { NODE_COMPILE_CACHE: join(context.root, 'node_modules/.cache/holdfast-tests'), ...placeScratch(context) },
  });
  const lines = existsSync(`${stem}.jsonl`) ? readNodeTestLines(readFileSync(`${stem}.jsonl`, 'utf8')) : [];
  const result = addCrash(judgeNodeTests(lines), file, ended);
  if (result.passed + result.failures.length > 0) return result;
  return { passed: 0, failures: [{ title: file, detail: 'No test ran in this file.' }] };
}

function placeScratch({ scratch }: Pick<PhaseContext, 'scratch'>): Record<string, string> {
  return scratch === undefined ? {} : { TMPDIR: scratch };
}

async function runScenarios(context: PhaseContext): Promise<PhaseResult> {
  const results = await runPlaywright(context, 'e2e', context.filters);
  // What broke outside of any scenario says nothing of one.
  if (results.has('')) return sum(results);
  return await tryAgainAlone(results, async (file) =>
    sum(await runPlaywright(context, 'e2e-alone', [`scenarios/${file}`, '--workers=1'])),
  );
}

async function runPlaywright(
  context: PhaseContext,
  name: 'e2e' | 'e2e-alone',
  args: readonly string[],
): Promise<ReadonlyMap<string, PhaseResult>> {
  const reportFile = join(context.outputFolder, `${name}.json`);
  rmSync(reportFile, { force: true });
  const argv = ['playwright', 'test', '-c', 'e2e/playwright.config.ts', '--reporter=list,json', ...args];
  const ended = await runTool(context, name, argv, {
    PLAYWRIGHT_JSON_OUTPUT_FILE: reportFile,
    PLAYWRIGHT_JSON_OUTPUT_NAME: reportFile,
    ...placeScratch(context),
  });
  const results = new Map(existsSync(reportFile) ? judgePlaywrightReport(readFileSync(reportFile, 'utf8')) : []);
  const { failures } = addCrash(sum(results), 'Playwright', ended);
  const crashed = failures.slice(sum(results).failures.length);
  return crashed.length === 0
    ? results
    : results.set('', { passed: 0, failures: [...(results.get('')?.failures ?? []), ...crashed] });
}

function sum(results: ReadonlyMap<string, PhaseResult>): PhaseResult {
  const all = [...results.values()];
  return { passed: all.reduce((total, { passed }) => total + passed, 0), failures: all.flatMap(({ failures }) => failures) };
}

function runTool(
  context: PhaseContext,
  name: PhaseName | 'e2e-alone',
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return runGroup({
    argv,
    cwd: context.root,
    env,
    logFile: join(context.outputFolder, `${name}.log`),
    timeoutMs: context.remainingMs(),
  });
}

/** A runner that did not end well although every test it told of passed has crashed, and that is a failure. */
export function addCrash(result: PhaseResult, who: string, ended: Ended): PhaseResult {
  if (ended.code === 0 || (result.failures.length > 0 && !ended.timedOut && ended.signal === null)) return result;
  const detail = `${ended.output.slice(-TAIL_CHARS)}\n${describeEnd(ended)}`;
  return {
    ...result,
    failures: [...result.failures, { title: ended.timedOut ? `${who} did not end` : `${who} crashed`, detail }],
  };
}

function describeEnd(ended: Ended): string {
  if (ended.timedOut) return 'It was stopped because its time was over.';
  return ended.signal === null ? `It exited with code ${ended.code}.` : `It was ended by ${ended.signal}.`;
}
