/** From the moment an agent's event leaves for the hub to the frame in which a real browser shows it, while many tabs are open. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type RepositoryId, type RunId } from '@holdfast/shared/domain/ids.ts';
import { chromium, type Page } from '@playwright/test';
import type { LightAgent } from '../chaos/light-agent.ts';
import { startLightFleet } from '../chaos/light-fleet.ts';
import { createSeed } from '../chaos/seed.ts';
import { signIn } from '../harness/browser.ts';
import { getChromium } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { fillFleet, sizeFleet } from './fleet-fill.ts';
import { computeMedian, computePercentile, roundTo } from './statistics.ts';
import { openTabCrowd, type TabCrowd } from './tab-crowd.ts';

const LIMIT_MS = 300;
/** A hundredth of the big fleet lies in the store. */
const SHARE = 0.01;
const CROWD = { browsers: 25, tabsEach: 8 } as const;
const LINES = 600;
const LINE_INTERVAL_MS = 100;
/** Each run begins and ends while the lines come, so that two changes lie half a second apart. */
const RUNS = 60;
const STATE_INTERVAL_MS = 500;
const SHOW_MS = 60_000;
const REPOSITORY = 'repo_bench' as RepositoryId;

export const TABS: Benchmark = {
  figures: ['tabs-log-line', 'tabs-run-state'],
  async measure(world) {
    const stack = await startStack();
    const closers: (() => Promise<void> | void)[] = [() => stack.stop()];
    try {
      await stack.server.kill('SIGTERM');
      await fillFleet(join(stack.server.dataDir, 'holdfast.db'), sizeFleet(SHARE), Date.now(), world.say);
      await stack.server.restart();
      const fleet = await startLightFleet(stack, { name: 'talker', count: 2, seed: createSeed('tabs') });
      closers.push(() => fleet.stop());
      const [talker, worker] = fleet.agents;
      if (talker === undefined || worker === undefined) throw new Error('no host was enrolled');
      const run = await beginRun(talker);
      const paths = ['/', '/runs', `/runs/${run}`, '/hosts', `/hosts/${talker.identity.host}`, '/plans', '/alerts', '/sources'];
      const crowd = await openTabCrowd(stack, paths, CROWD);
      closers.push(() => crowd.close());
      world.say(`${crowd.streams} tabs are open`);
      const pages = await openPages(stack, run);
      closers.push(() => pages.close());
      await greet(pages.log, talker, run);
      const [printed, changes] = await Promise.all([sayLines(talker, run), changeStates(worker)]);
      return await judge(crowd, pages, printed, changes);
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
};

const makeRunId = (): RunId => createId('run', { clock: { now: () => Date.now() }, randomBytes: systemRandomBytes });

/** A run of a host; its reports leave in one frame. */
async function beginRun(agent: LightAgent, run = makeRunId()): Promise<RunId> {
  const at = Date.now();
  await Promise.all([
    agent.report({ type: 'run.created', run, at, kind: 'restore', trigger: 'manual', repository: REPOSITORY, sources: [] }),
    agent.report({ type: 'run.started', run, at }),
  ]);
  return run;
}

const say = (agent: LightAgent, run: RunId, n: number, text: string) =>
  agent.report({ type: 'run.log', run, at: Date.now(), lines: [{ n, at: Date.now(), level: 'info', text }] });

type Pages = { readonly log: Page; readonly list: Page; close(): Promise<void> };

/** Two tabs of one browser: the page of the run that talks, and the list of runs. */
async function openPages(stack: Stack, run: RunId): Promise<Pages> {
  const browser = await chromium.launch({
    executablePath: getChromium(),
    args: ['--no-sandbox', '--disable-background-networking', '--disable-quic'],
  });
  try {
    const context = await browser.newContext();
    const [log, list] = [await context.newPage(), await context.newPage()];
    await signIn(log, stack.server.url, stack.admin);
    await log.addInitScript({ path: join(import.meta.dirname, 'page-watcher.js') });
    await list.addInitScript({ path: join(import.meta.dirname, 'list-watcher.js') });
    await log.goto(`${stack.server.url}/runs/${run}`);
    await list.goto(`${stack.server.url}/runs`);
    return { log, list, close: () => browser.close() };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

/** Until one of these lines came by the stream. */
async function greet(page: Page, agent: LightAgent, run: RunId): Promise<void> {
  let n = 0;
  const look = async () => {
    n += 1;
    await say(agent, run, n, 'bench-hello');
    return (await page.evaluate<boolean>('window.benchWatcher.isLive()')) ? true : undefined;
  };
  await waitFor('a line to arrive live', look, { deadlineMs: SHOW_MS });
}

/** The page reads from a line when it was said. Resolves with how many there were. */
async function sayLines(agent: LightAgent, run: RunId): Promise<number> {
  for (let n = 1; n <= LINES; n += 1) {
    void say(agent, run, 100_000 + n, `bench-line ${n} ${((performance.timeOrigin + performance.now()) / 1000).toFixed(6)}`);
    await wait(LINE_INTERVAL_MS);
  }
  return LINES;
}

type Change = { readonly run: RunId; readonly state: string; readonly toldMs: number };

async function changeStates(agent: LightAgent): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (let index = 0; index < RUNS; index += 1) {
    const run = makeRunId();
    changes.push({ run, state: 'running', toldMs: performance.timeOrigin + performance.now() });
    void beginRun(agent, run);
    await wait(STATE_INTERVAL_MS);
    const failure = { code: 'tool_failed', message: 'it ended', reason: 'dump_failed' } as const;
    const end = { state: 'failed' as const, failure, evidence: [], bytes: 0, logLines: 0, durationMs: STATE_INTERVAL_MS };
    changes.push({ run, state: 'failed', toldMs: performance.timeOrigin + performance.now() });
    void agent.report({ type: 'run.finished', run, at: Date.now(), ...end });
    await wait(STATE_INTERVAL_MS);
  }
  return changes;
}

async function judge(crowd: TabCrowd, pages: Pages, lines: number, changes: readonly Change[]): Promise<readonly Figure[]> {
  const readLines = () => pages.log.evaluate<readonly { printedMs: number; shownMs: number }[]>('window.benchWatcher.lines');
  const readList = () =>
    pages.list.evaluate<readonly { run: string; state: string; shownMs: number }[]>('window.benchList.sightings');
  // A page that comes late may show the end of a run and never its beginning: from then on it is not behind any more.
  const find = (seen: Awaited<ReturnType<typeof readList>>, { run, state }: Change) =>
    seen.find((one) => one.run === run && (one.state === state || one.state === 'failed'));
  await waitFor('all lines to be shown', async () => ((await readLines()).length >= lines ? true : undefined), {
    deadlineMs: SHOW_MS,
  });
  const hasAll = async () => {
    const seen = await readList();
    return changes.every((change) => find(seen, change) !== undefined) ? true : undefined;
  };
  await waitFor('all changes to be shown', hasAll, { deadlineMs: SHOW_MS });
  const troubles = crowd.listTroubles();
  if (troubles.length > 0) throw new Error(`${troubles.length} tabs had trouble: ${troubles.slice(0, 3).join('; ')}`);
  const seen = await readList();
  const { events, fetches, same } = crowd.count();
  const load = `${crowd.streams} open tabs, ${crowd.inFront} of them in front, heard ${events} events and fetched ${fetches} times what changed on their pages (${same} times nothing had)`;
  const judgeDelays = (name: string, delays: readonly number[], what: string): Figure => {
    const detail = `p99 of ${delays.length} ${what}; median ${roundTo(computeMedian(delays), 0)}, highest ${roundTo(Math.max(...delays), 0)} ms; ${load}`;
    return judgeFigure(name, roundTo(computePercentile(delays, 99), 0), 'ms', LIMIT_MS, detail);
  };
  return [
    judgeDelays(
      'tabs-log-line',
      (await readLines()).map(({ printedMs, shownMs }) => shownMs - printedMs),
      `lines, one every ${LINE_INTERVAL_MS} ms`,
    ),
    judgeDelays(
      'tabs-run-state',
      changes.map((change) => (find(seen, change)?.shownMs ?? Number.NaN) - change.toldMs),
      `runs that began or ended, one every ${STATE_INTERVAL_MS} ms`,
    ),
  ];
}
