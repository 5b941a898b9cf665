/**
 * Measures which lines and branches of the rooms that carry the promises are run by their tests, children of the tests included, and names each
 * place that is not. Exits 1 when a branch or a test is missing, 2 when it cannot measure.
 *
 *   OUT=file.json node scripts/coverage.ts [part of a test file's path …]
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { collectDumps } from './coverage/dumps.ts';
import { type FileMeasure, measureFile } from './coverage/measure.ts';
import { type CoverageReport, formatReport, toReport } from './coverage/report.ts';
import { NO_CODE, NOT_FOR_COVERAGE, ROOMS, TESTS } from './coverage/rooms.ts';
import { runTestFile } from './test/node-tests.ts';
import { stopAllGroups } from './test/process-group.ts';

/** The whole measurement, and one file of tests. */
const LIMIT_MS = 30 * 60_000;
const FILE_LIMIT_MS = 600_000;
/** Tests with real tools wait for each other's processors otherwise. */
const CONCURRENCY = 2;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Of this process alone; what failed tests wrote stays in it. */
const FOLDER = join(ROOT, `.test-run/coverage-${process.pid}`);
const DUMPS = join(FOLDER, 'v8');

const readSource = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const toUrl = (file: string) => pathToFileURL(join(ROOT, file)).href;

function listFiles(patterns: readonly string[]): string[] {
  return patterns
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .filter((file) => !NO_CODE.test(file))
    .sort();
}

/** Runs the tests, each file in a process of its own, and takes in what they and their children counted. Returns what failed. */
async function runTests(measures: ReadonlyMap<string, FileMeasure>, filters: readonly string[]): Promise<string[]> {
  const found = TESTS.flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .filter((file) => !NOT_FOR_COVERAGE.test(file))
    .sort();
  const waiting = found.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
  if (waiting.length === 0) throw new Error('no file of tests has such a path');
  const deadline = performance.now() + LIMIT_MS;
  const context = { root: ROOT, remainingMs: () => Math.max(1, deadline - performance.now()) };
  const failed: string[] = [];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const started = performance.now();
      const { passed, failures } = await runTestFile(context, FOLDER, file, FILE_LIMIT_MS);
      failed.push(...failures.map(({ title }) => `${file}: ${title}`));
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stderr.write(`    ${file}: ${passed} passed, ${failures.length} failed in ${seconds} s\n`);
      collectDumps(DUMPS, measures);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return failed;
}

async function main(): Promise<void> {
  mkdirSync(DUMPS, { recursive: true });
  // Node hands the folder on to every Node that a test starts. Code from a cache is counted less exactly, so there is none.
  process.env['NODE_V8_COVERAGE'] = DUMPS;
  process.env['NODE_DISABLE_COMPILE_CACHE'] = '1';
  const texts = new Map(ROOMS.flatMap((room) => listFiles(room.files)).map((file) => [file, readSource(file)]));
  const measures = new Map([...texts].map(([file, text]) => [toUrl(file), measureFile(stripTypeScriptTypes(text))]));
  const failedTests = await runTests(measures, process.argv.slice(2));
  rmSync(failedTests.length === 0 ? FOLDER : DUMPS, { recursive: true });
  const changed = [...texts].filter(([file, text]) => readSource(file) !== text).map(([file]) => file);
  for (const file of changed) {
    failedTests.push(`${file} changed while it was measured, so nothing is known of it`);
    measures.delete(toUrl(file));
  }
  const rooms = ROOMS.map(({ name, files }) => ({
    name,
    files: listFiles(files).flatMap((file) => {
      const measure = measures.get(toUrl(file));
      return measure === undefined ? [] : [{ file, coverage: measure.read() }];
    }),
  }));
  const report: CoverageReport = toReport(rooms, failedTests);
  process.stdout.write(formatReport(report));
  const out = process.env['OUT'];
  if (out) writeFileSync(out, `${JSON.stringify(report, undefined, 2)}\n`);
  process.exitCode = report.ok ? 0 : 1;
}

async function stopBySignal(code: number): Promise<void> {
  await stopAllGroups();
  process.exit(code);
}

process.once('SIGINT', () => void stopBySignal(130));
process.once('SIGTERM', () => void stopBySignal(143));

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
