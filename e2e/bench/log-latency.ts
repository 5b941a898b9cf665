/** From the moment a tool prints a line on the host to the frame in which a real browser shows it. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { signIn } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeLocal, describeMariadb, runPlan } from '../harness/catalog.ts';
import { getChromium, getTool } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { awaitSpecTaken, awaitSuccess } from './run-record.ts';
import { computeMedian, computePercentile, roundTo } from './statistics.ts';
import type { World } from './world.ts';

const LIMIT_MS = 300;
/** Lines at the rate of a tool that says what it does, then as many as fast as the shell can. */
const CALM_LINES = 600;
const CALM_INTERVAL_S = 0.04;
const BURST_LINES = 300;
const SHOW_MS = 120_000;

export const LOG_LATENCY: Benchmark = {
  figures: ['log-line-latency', 'log-line-latency-burst'],
  async measure(world) {
    const directory = await world.makeDirectory('latency');
    const goFile = join(directory, 'go');
    const toolPath = await writeTalkingTool(directory, goFile);
    const stack = await startStack();
    try {
      const run = await startTalking(world, stack, directory, toolPath);
      const seen = await watchRunPage(stack, run, goFile);
      await awaitSuccess(stack.api, run);
      return judgeLines(seen);
    } finally {
      await stack.stop();
    }
  },
};

/**
 * A `mariadb-dump` that first says when it said what, on standard error, and then becomes the real one. It begins to count once a
 * browser is known to watch.
 */
async function writeTalkingTool(directory: string, goFile: string): Promise<string> {
  const folder = join(directory, 'tools');
  await mkdir(folder);
  const script = `#!/bin/bash
if [ "$1" = --version ]; then exec ${getTool('mariadb-dump')} "$@"; fi
n=0
until [ -e ${goFile} ]; do printf 'bench-hello %s\\n' "$EPOCHREALTIME" >&2; sleep 0.2; done
while [ $n -lt ${CALM_LINES} ]; do
  n=$((n + 1)); printf 'bench-line %s %s\\n' $n "$EPOCHREALTIME" >&2; sleep ${CALM_INTERVAL_S}
done
while [ $n -lt ${CALM_LINES + BURST_LINES} ]; do n=$((n + 1)); printf 'bench-line %s %s\\n' $n "$EPOCHREALTIME" >&2; done
exec ${getTool('mariadb-dump')} "$@"
`;
  const path = join(folder, 'mariadb-dump');
  await writeFile(path, script);
  await chmod(path, 0o755);
  return folder;
}

async function startTalking(world: World, stack: Stack, directory: string, toolPath: string) {
  const server = await world.getMariadb();
  const database = await world.getDatabase('mariadb', 1);
  const { host } = await stack.enrolHost('talker', { toolPath: [toolPath] });
  const described = describeLocal(join(directory, 'repository'), randomBytes(18).toString('base64url'));
  const repository = await addRepository(stack.api, host, 'disk', described, { hasDearKey: true });
  const source = await addSource(stack.api, host, database, describeMariadb(server, database));
  const plan = await addPlan(stack.api, { name: 'talk', repository, sources: [source] });
  await awaitSpecTaken(stack.api, host.id);
  return runPlan(stack.api, plan);
}

/** When a line was printed and when it stood on the page, in epoch milliseconds of the one clock both have. */
type Sighting = { readonly n: number; readonly printedMs: number; readonly shownMs: number };

async function watchRunPage(stack: Stack, run: string, goFile: string): Promise<readonly Sighting[]> {
  const browser = await chromium.launch({
    executablePath: getChromium(),
    args: ['--no-sandbox', '--disable-background-networking', '--disable-quic'],
  });
  try {
    const page = await browser.newPage();
    await signIn(page, stack.server.url, stack.admin);
    await page.addInitScript({ path: join(import.meta.dirname, 'page-watcher.js') });
    await page.goto(`${stack.server.url}/runs/${run}`);
    await waitFor('a line to arrive live', () => findLive(page), { deadlineMs: SHOW_MS });
    await writeFile(goFile, '');
    const total = CALM_LINES + BURST_LINES;
    const countAll = async () => ((await readSightings(page)).length >= total ? true : undefined);
    await waitFor(`${total} lines to be shown`, countAll, { deadlineMs: SHOW_MS, intervalMs: 500 });
    return await readSightings(page);
  } finally {
    await browser.close();
  }
}

async function findLive(page: Page): Promise<true | undefined> {
  return (await page.evaluate<boolean>('window.benchWatcher.isLive()')) ? true : undefined;
}

function readSightings(page: Page): Promise<readonly Sighting[]> {
  return page.evaluate<readonly Sighting[]>('window.benchWatcher.lines');
}

function judgeLines(seen: readonly Sighting[]): readonly Figure[] {
  const judge = (name: string, lines: readonly Sighting[], what: string): Figure => {
    const delays = lines.map(({ printedMs, shownMs }) => shownMs - printedMs);
    if (delays.some((delay) => delay < -1)) throw new Error('a line was shown before it was printed: the clocks differ');
    const detail = `p99 of ${delays.length} lines ${what}; median ${roundTo(computeMedian(delays), 0)}, highest ${roundTo(Math.max(...delays), 0)} ms`;
    return judgeFigure(name, roundTo(computePercentile(delays, 99), 0), 'ms', LIMIT_MS, detail);
  };
  const calm = seen.filter((line) => line.n <= CALM_LINES);
  const burst = seen.filter((line) => line.n > CALM_LINES);
  return [
    judge('log-line-latency', calm, `printed one every ${CALM_INTERVAL_S * 1000} ms`),
    judge('log-line-latency-burst', burst, `printed at once, as fast as a shell can`),
  ];
}
