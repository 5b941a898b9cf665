/**
 * Runs all checks and tests in phases and ends with the line `N passed, N failed`. Exits 1 when anything failed.
 *
 *   node scripts/test.ts [--quick] [--only=lint|types|unit|integration|e2e [part of a file's path …]]
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PREPARED } from '@holdfast/shared/fixtures/prepared-directory.ts';
import { PREPARED_PROGRAMS } from '@holdfast/shared/fixtures/prepared-programs.ts';
import type { Phase, PhaseContext } from './test/phase.ts';
import { PHASES } from './test/phases.ts';
import { stopAllGroups } from './test/process-group.ts';
import { findScratch } from './test/scratch.ts';
import { makeTestAgent, TEST_AGENT } from './test/test-agent.ts';
import { makeTestPrograms } from './test/test-programs.ts';
import { type Failure, type PhaseResult, summarize } from './test/verdicts.ts';

/** The whole run never takes longer, so that it cannot hang whatever calls it. */
const RUN_LIMIT_MS = 60 * 60_000;
/** When stopping what runs does not help either. */
const LAST_RESORT_MS = RUN_LIMIT_MS + 30_000;

/** How much of each failure is told again at the end. */
const REPEATED_LINES = 12;
const REPEATED_CHARS = 300;

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function choosePhases(argv: readonly string[]): { phases: readonly Phase[]; filters: readonly string[] } {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
  });
  if (values.only === undefined && positionals.length > 0)
    throw new Error('Name a phase with --only= to run only some test files.');
  const phases = PHASES.filter((phase) =>
    values.only === undefined ? !values.quick || phase.isQuick : phase.name === values.only,
  );
  if (phases.length === 0)
    throw new Error(`There is no phase "${values.only}". Phases: ${PHASES.map((phase) => phase.name).join(', ')}.`);
  return { phases, filters: positionals };
}

async function runPhase(phase: Phase, context: PhaseContext): Promise<PhaseResult> {
  if (!phase.exists(context)) {
    console.log(`- ${phase.title}: nothing to run yet`);
    return { passed: 0, failures: [] };
  }
  const started = performance.now();
  const found = await phase
    .run(context)
    .catch((error: unknown) => ({ passed: 0, failures: [{ title: `${phase.title} crashed`, detail: String(error) }] }));
  const ranNothing = found.passed + found.failures.length === 0;
  const result = ranNothing ? { passed: 0, failures: [{ title: phase.title, detail: 'No test ran in this phase.' }] } : found;
  printPhase(phase, result, performance.now() - started, context);
  return result;
}

function printPhase(phase: Phase, result: PhaseResult, durationMs: number, context: PhaseContext): void {
  const seconds = (durationMs / 1000).toFixed(1);
  const mark = result.failures.length === 0 ? '✓' : '✗';
  console.log(`${mark} ${phase.title}: ${result.passed} passed, ${result.failures.length} failed in ${seconds} s`);
  for (const failure of result.failures) {
    console.log(`\n  ✗ ${failure.title}`);
    console.log(failure.detail.trimEnd().replace(/^/gm, '    '));
  }
  if (result.failures.length > 0) {
    console.log(`\n  The whole output: ${relative(process.cwd(), join(context.outputFolder, phase.name))}*\n`);
  }
}

/** Once more at the very end: phases that follow push a failure far up, and the end is what people and machines keep of a long output. */
function repeatFailures(results: readonly PhaseResult[]): void {
  tellShortly(
    'Failed beside others, and passed when tried again alone; each wants mending:',
    results.flatMap(({ onlyAlone }) => onlyAlone ?? []),
  );
  const failures = results.flatMap((result) => result.failures);
  tellShortly('What failed:', failures);
  // The names alone, last: whoever keeps no more than a screenful still knows all of them.
  if (failures.length > 1) {
    console.log('\nAll that failed:');
    for (const { title } of failures) console.log(`  ✗ ${title.slice(0, REPEATED_CHARS)}`);
  }
}

function tellShortly(head: string, failures: readonly Failure[]): void {
  if (failures.length > 0) console.log(`\n${head}`);
  for (const { title, detail } of failures) {
    console.log(`  ✗ ${title}`);
    const lines = detail.trim().split('\n').slice(0, REPEATED_LINES);
    for (const line of lines) console.log(`      ${line.slice(0, REPEATED_CHARS)}`);
  }
}

async function main(): Promise<void> {
  const { phases, filters } = choosePhases(process.argv.slice(2));
  const outputFolder = join(ROOT, '.test-run');
  mkdirSync(outputFolder, { recursive: true });
  const scratch = findScratch();
  process.once('exit', () => scratch?.remove());
  if (phases.some(({ name }) => name === 'integration' || name === 'e2e')) {
    process.env[TEST_AGENT] = await makeTestAgent(ROOT, join(outputFolder, 'agent'));
    process.env[PREPARED_PROGRAMS] = await makeTestPrograms(ROOT, join(outputFolder, 'programs'));
    process.env[PREPARED] = makePrepared(scratch?.path ?? outputFolder);
  }
  const deadline = performance.now() + RUN_LIMIT_MS;
  const context: PhaseContext = {
    root: ROOT,
    outputFolder,
    filters,
    remainingMs: () => Math.max(1, deadline - performance.now()),
    scratch: scratch?.path,
  };

  const results: PhaseResult[] = [];
  for (const phase of phases) results.push(await runPhase(phase, context));
  repeatFailures(results);
  console.log(`\n${summarize(results)}`);
  process.exitCode = results.some((result) => result.failures.length > 0) ? 1 : 0;
}

/** A folder for what the first test makes and the others copy: empty, since what an earlier run left may be of other programs. */
function makePrepared(parent: string): string {
  const folder = join(parent, 'prepared');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

async function stopBySignal(signal: NodeJS.Signals, code: number): Promise<void> {
  console.error(`Stopped by ${signal}.`);
  await stopAllGroups();
  process.exit(code);
}

process.once('SIGINT', (signal) => void stopBySignal(signal, 130));
process.once('SIGTERM', (signal) => void stopBySignal(signal, 143));
setTimeout(() => {
  console.log('The run did not end within its time.\n\n0 passed, 1 failed');
  process.exit(1);
}, LAST_RESORT_MS).unref();

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
