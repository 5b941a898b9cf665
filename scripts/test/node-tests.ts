import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { addCrash } from './crash.ts';
import type { PhaseContext, PhaseName } from './phase.ts';
import { type Ended, runGroup } from './process-group.ts';
import { placeScratch } from './scratch.ts';
import { tryAgainAlone } from './second-try.ts';
import { TEST_CACHE } from './test-cache.ts';
import { judgeNodeTests, type NodeTestLine, type PhaseResult, readNodeTestLines, summarize } from './verdicts.ts';

/** Files that share one process; most have it to themselves. */
type Batch = readonly string[];

type NodeTestOptions = {
  /** Batches that run one after another, each list beside all others. */
  readonly lanes: readonly (readonly Batch[])[];
  readonly concurrency: number;
  /** For one process. */
  readonly fileTimeoutMs: number;
  readonly tellFiles: boolean;
};

/** At its exit a process can wait for a compiler's thread that waits for it (nodejs/node issue 54918): a file of tests that are over never ends. */
const EXIT_SAFELY = '--no-concurrent-sparkplug';

type RunContext = Pick<PhaseContext, 'root' | 'remainingMs' | 'scratch'>;

/** Runs each batch in a process group of its own: what hangs or leaves processes behind harms no other. */
export async function runNodeTests(
  context: PhaseContext,
  name: PhaseName,
  batches: readonly Batch[],
  options: NodeTestOptions,
): Promise<PhaseResult> {
  const folder = join(context.outputFolder, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const results = new Map<string, PhaseResult>();
  const runBatch = async (files: Batch): Promise<void> => {
    const started = performance.now();
    const found = await runTestFiles(context, folder, files, options.fileTimeoutMs);
    for (const [file, result] of found) results.set(file, result);
    if (options.tellFiles)
      console.log(`    ${files}: ${summarize([...found.values()])} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  };
  const work = async (queue: Batch[]): Promise<void> => {
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) await runBatch(batch);
  };
  const queue = [...batches];
  const lanes = [...options.lanes.map((lane) => [...lane]), ...Array.from({ length: options.concurrency }, () => queue)];
  await Promise.all(lanes.map(work));
  return await tryAgainAlone(results, (file) => runTestFile(context, folder, file, options.fileTimeoutMs));
}

/**
 * Runs test files in one process. Each file of which nothing is certain then runs alone: all of them where the process crashed or a test stands
 * in a file that is none of them, and otherwise those that nothing was said of.
 */
export async function runTestFiles(
  context: RunContext,
  folder: string,
  files: Batch,
  timeoutMs: number,
): Promise<ReadonlyMap<string, PhaseResult>> {
  const [first = '', ...others] = files;
  if (others.length === 0) return new Map([[first, await runTestFile(context, folder, first, timeoutMs)]]);
  const { ended, lines } = await runProcess(context, folder, files, timeoutMs);
  const byFile = Map.groupBy(lines, ({ file }) => resolve(context.root, file));
  const named = new Set(files.map((file) => resolve(context.root, file)));
  const crashed = addCrash(judgeNodeTests(lines), first, ended).failures.length > judgeNodeTests(lines).failures.length;
  const isUnclear = crashed || [...byFile.keys()].some((file) => !named.has(file));
  const results = new Map<string, PhaseResult>();
  for (const file of files) {
    const own = byFile.get(resolve(context.root, file));
    const isCertain = own !== undefined && !isUnclear;
    results.set(file, isCertain ? judgeNodeTests(own) : await runTestFile(context, folder, file, timeoutMs));
  }
  return results;
}

/** Runs one test file. A file in which no test ran is a failure. */
export async function runTestFile(context: RunContext, folder: string, file: string, timeoutMs: number): Promise<PhaseResult> {
  const { ended, lines } = await runProcess(context, folder, [file], timeoutMs);
  const result = addCrash(judgeNodeTests(lines), file, ended);
  if (result.passed + result.failures.length > 0) return result;
  return { passed: 0, failures: [{ title: file, detail: 'No test ran in this file.' }] };
}

async function runProcess(
  context: RunContext,
  folder: string,
  files: Batch,
  timeoutMs: number,
): Promise<{ readonly ended: Ended; readonly lines: readonly NodeTestLine[] }> {
  const [first = ''] = files;
  const stem = join(folder, `${first.replaceAll('/', '+')}${files.length > 1 ? `+${files.length - 1}-more` : ''}`);
  const ended = await runGroup({
    argv: [process.execPath, EXIT_SAFELY, join(import.meta.dirname, 'run-node-tests.ts'), `${stem}.jsonl`, ...files],
    cwd: context.root,
    logFile: `${stem}.log`,
    timeoutMs: Math.min(timeoutMs, context.remainingMs()),
    env: { NODE_COMPILE_CACHE: join(context.root, TEST_CACHE), ...placeScratch(context.scratch) },
  });
  const lines = existsSync(`${stem}.jsonl`) ? readNodeTestLines(readFileSync(`${stem}.jsonl`, 'utf8')) : [];
  return { ended, lines };
}
