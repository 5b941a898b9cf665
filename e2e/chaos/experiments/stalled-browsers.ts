/** Browsers that show a live log and do not read it cost the server little, and are told afterwards that they missed something. */
import type { RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import { LOG, STREAM } from '@holdfast/shared/limits.ts';
import { readMemory, resetPeak } from '../../bench/process-usage.ts';
import { roundTo } from '../../bench/statistics.ts';
import type { ApiClient } from '../../harness/api.ts';
import { type Stack, startStack } from '../../harness/stack.ts';
import { createTally, type Experiment, type Lab, type Outcome, pickTries } from '../experiment.ts';
import type { LightAgent } from '../light-agent.ts';
import { startLightFleet } from '../light-fleet.ts';
import { type Heard, openStalledBrowser, type StalledBrowser } from './stalled-browsers/browser.ts';

const BROWSERS = { selection: 20, quarter: 100, full: 100 } as const;
const LINES = 20_000;
/** So that the whole log is just below what the server keeps of one run. */
const LINE_CHARS = 230;
const LIMIT_MB = 60;
const MEGABYTE = 1024 * 1024;
const READ_MS = 60_000;

export const STALLED_BROWSERS: Experiment = {
  figures: ['stalled-browsers', 'stalled-browsers-told'],
  async run(lab) {
    const stack = await startStack({ env: { HOLDFAST_LOG_LEVEL: 'warn' } });
    const fleet = await startLightFleet(stack, { name: 'talker', count: 1, seed: lab.seed.fork('waits') });
    const [agent] = fleet.agents;
    const browsers: StalledBrowser[] = [];
    try {
      if (agent === undefined) throw new Error('no host was enrolled');
      const pid = stack.server.pid();
      // A server that has just started grows with the first log it handles, whether anybody looks or not.
      const unseen = await startRun(agent, 'unseen');
      const aloneMb = await measurePeak(pid, () => logLines(agent, unseen));
      const run = await startRun(agent, 'watched');
      browsers.push(...(await openBrowsers(lab, stack, run)));
      lab.record({ stalled: browsers.length, run, lines: LINES });
      const growthMb = await measurePeak(pid, () => logLines(agent, run));
      lab.say(`the server had ${growthMb} MB more at the most, and ${aloneMb} MB with the same log before, which nobody watched`);
      const heard = await Promise.all(browsers.map((browser) => browser.readAll(isComplete, READ_MS)));
      return [judgeGrowth({ growthMb, aloneMb }, heard), judgeHeard(heard)];
    } finally {
      for (const browser of browsers) browser.close();
      await fleet.stop();
      await stack.stop();
    }
  },
};

async function startRun(agent: LightAgent, name: string): Promise<RunId> {
  const run = `run_${name}_${agent.identity.host}` as RunId;
  const at = Date.now();
  const repository = 'repo_1' as RepositoryId;
  await agent.report({ type: 'run.created', run, at, kind: 'backup', trigger: 'schedule', repository, sources: [] });
  await agent.report({ type: 'run.started', run, at });
  return run;
}

/** One key holds as many streams as one session of a person may. */
async function openBrowsers(lab: Lab, stack: Stack, run: RunId): Promise<readonly StalledBrowser[]> {
  const count = pickTries(lab, BROWSERS);
  const browsers: StalledBrowser[] = [];
  let key = '';
  for (let index = 0; index < count; index += 1) {
    if (index % STREAM.perHolder === 0) key = await makeKey(stack.api, `browsers from ${index}`);
    browsers.push(await openStalledBrowser(stack.server.url, key, `run:${run}`));
  }
  return browsers;
}

async function makeKey(api: ApiClient, name: string): Promise<string> {
  return (await api.post<{ token: string }>('/api-keys', { name, role: 'viewer' })).token;
}

/** As fast as the server takes them from one agent. */
async function logLines(agent: LightAgent, run: RunId): Promise<void> {
  const acknowledged: Promise<number>[] = [];
  for (let first = 1; first <= LINES; first += LOG.linesPerBatch) {
    const at = Date.now();
    const lines = Array.from({ length: Math.min(LOG.linesPerBatch, LINES - first + 1) }, (_, index) => {
      const n = first + index;
      return { n, at, level: 'info' as const, text: `line ${n} `.padEnd(LINE_CHARS, 'x') };
    });
    acknowledged.push(agent.report({ type: 'run.log', run, at, lines }));
  }
  await Promise.all(acknowledged);
}

/** How much more memory a process has at the most while `work` goes on, in megabytes. */
async function measurePeak(pid: number, work: () => Promise<void>): Promise<number> {
  resetPeak(pid);
  const before = readMemory(pid).residentBytes;
  await work();
  return roundTo((readMemory(pid).peakBytes - before) / MEGABYTE, 1);
}

const isComplete = (heard: Heard): boolean => heard.lines === LINES || heard.isToldToLookAgain;

/** The figure stands for nothing when the lines held the whole log: then no browser was stalled. */
export function judgeGrowth(grown: { growthMb: number; aloneMb: number }, heard: readonly Heard[]): Outcome {
  const { growthMb, aloneMb } = grown;
  const stalled = heard.filter(({ lines }) => lines < LINES).length;
  const fewest = Math.min(...heard.map(({ lines }) => lines));
  const detail = `peak of the server's resident memory during a log of ${LINES} lines above what it had after such a log that nobody watched (which took ${aloneMb} MB); ${heard.length} browsers read nothing, and ${stalled} of them found less than the log in their line afterwards (${fewest} lines at least)`;
  return { name: 'stalled-browsers', tried: stalled, bad: growthMb, limit: LIMIT_MB, unit: 'MB', detail, findings: [] };
}

export function judgeHeard(heard: readonly Heard[]): Outcome {
  const tally = createTally('stalled-browsers-told');
  for (const [index, one] of heard.entries()) {
    const isRight = !one.hasHole && isComplete(one);
    tally.count(isRight ? undefined : `browser ${index} heard ${JSON.stringify(one)}`);
  }
  return tally.toOutcome('browsers that neither heard the whole log in a row nor were told to fetch again what they missed');
}
