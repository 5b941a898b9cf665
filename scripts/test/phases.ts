import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formBatches, readAlone } from './batches.ts';
import { addCrash, describeEnd } from './crash.ts';
import { orderIntegration } from './integration-order.ts';
import { runNodeTests } from './node-tests.ts';
import type { Phase, PhaseContext, PhaseName } from './phase.ts';
import { type Ended, runGroup } from './process-group.ts';
import { placeScratch } from './scratch.ts';
import { tryAgainAlone } from './second-try.ts';
import { TEST_CACHE } from './test-cache.ts';
import { judgePlaywrightReport, type PhaseResult } from './verdicts.ts';

const UNIT_CONCURRENCY = 3;
/** More than two cores would take: many of these wait for locks, limits and lines rather than for a processor. */
const INTEGRATION_CONCURRENCY = 4;
const UNIT_FILE_TIMEOUT_MS = 120_000;
const INTEGRATION_FILE_TIMEOUT_MS = 600_000;
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
      return runNodeTests(context, 'unit', formBatches(files, readAlone(context.root, files)), {
        lanes: [],
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
      const { patient, shared } = orderIntegration(context.root, files);
      return runNodeTests(context, 'integration', shared, {
        lanes: [patient],
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

async function runScenarios(context: PhaseContext): Promise<PhaseResult> {
  const results = await runPlaywright(context, 'e2e', context.filters);
  // What broke outside of any scenario says nothing of one.
  if (results.has('')) return sum(results);
  return await tryAgainAlone(results, async (file) =>
    // Beside what the first try left: its logs say why it failed there.
    sum(await runPlaywright(context, 'e2e-alone', [`scenarios/${file}`, '--workers=1', '--output=test-results/e2e-alone'])),
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
    // Node strips the types of these files as it does everywhere else: Playwright's own translation takes ten seconds before the first scenario.
    PW_DISABLE_TS_ESM: '1',
    NODE_COMPILE_CACHE: join(context.root, TEST_CACHE),
    ...placeScratch(context.scratch),
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
