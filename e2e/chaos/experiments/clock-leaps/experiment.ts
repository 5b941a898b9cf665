/**
 * Clocks that leap under real agents: libfaketime stands between them and the kernel. Each leap goes forward over a fire by minutes to most of a
 * day, and back again before it; what came of the fire is in the server's ledger.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiPlan, ApiRun } from '../../../harness/api.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../../../harness/catalog.ts';
import { openFaketime, sweepOfTheDead } from '../../../harness/faketime.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../../../harness/part2/world.ts';
import { waitFor } from '../../../harness/services/wait-for.ts';
import { type Stack, startStack } from '../../../harness/stack.ts';
import { createTally, type Experiment, type Lab, pickTries } from '../../experiment.ts';
import { judgeLeap } from './judge.ts';

const NAME = 'clock-leaps';
const TRIES = { selection: 1, quarter: 6, full: 48 } as const;
/** Hosts side by side: most of a leap is waiting until its host has noticed. */
const HOSTS = 6;
const MINUTE_MS = 60_000;
const GRACE_MINUTES = 5;
const GRACE_MS = GRACE_MINUTES * MINUTE_MS;
/** From the leap to the fire that lies in it. */
const AHEAD_MINUTES = [10, 20 * 60] as const;
/** Within two minutes a fire is none that is late, and near the edge of its grace it may be either. */
const WITHIN_S = [130, 200] as const;
const BEYOND_S = [330, 4 * 3600] as const;
const NOTICE_MS = 120_000;

type Happening = { readonly text: string };
type Leaper = LocalWorld & { readonly name: string; setClock(offsetMs: number): Promise<void> };

async function openLeaper(stack: Stack, index: number): Promise<Leaper> {
  const name = `leaper-${index}`;
  const clockFile = join(stack.directory, `${name}.clock`);
  // Its monotonic clock stays what it is.
  const setClock = (offsetMs: number) => writeFile(clockFile, `+${offsetMs / 1000}\n`);
  await setClock(0);
  const env = {
    LD_PRELOAD: openFaketime(),
    FAKETIME_TIMESTAMP_FILE: clockFile,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  return { ...(await prepareLocalWorld(stack, name, 'new', { env })), name, setClock };
}

const countJumps = ({ agent }: Leaper): number => agent.readLog().match(/the clock jumped, or the host slept/g)?.length ?? 0;

async function leapTo(leaper: Leaper, offsetMs: number): Promise<void> {
  const before = countJumps(leaper);
  await leaper.setClock(offsetMs);
  const look = async () => (countJumps(leaper) > before ? true : undefined);
  await waitFor('the host to notice that its clock leapt', look, { deadlineMs: NOTICE_MS, intervalMs: 200 });
}

/** The minute of a day in UTC, as cron. */
const writeCron = (at: number) => `${new Date(at).getUTCMinutes()} ${new Date(at).getUTCHours()} * * *`;

/** One leap forward over the fire of a new plan, and back; a sentence for each thing that is wrong. */
async function tryOnce(lab: Lab, stack: Stack, leaper: Leaper, index: number): Promise<string[]> {
  const seed = lab.seed.fork(String(index));
  const { api } = stack;
  const name = `leap ${index}`;
  const fireAt = Math.ceil(Date.now() / MINUTE_MS + seed.int(AHEAD_MINUTES)) * MINUTE_MS;
  const latenessMs = 1000 * seed.int(seed.chance(0.7) ? WITHIN_S : BEYOND_S);
  lab.record({ index, host: leaper.name, fault: 'clock leaps', fireAt, latenessMs, at: Date.now() });
  const folder = join(stack.directory, name);
  await mkdir(folder);
  await writeFile(join(folder, 'file'), name);
  const plan: ApiPlan = await addPlan(api, {
    name,
    repository: leaper.repository,
    sources: [await addSource(api, leaper.host, name, describeFiles([folder]))],
    schedule: { cron: writeCron(fireAt), zone: 'UTC' },
    options: { graceMinutes: GRACE_MINUTES },
  });
  await awaitSpec(stack, leaper.host);
  const listRuns = () => api.get<readonly ApiRun[]>(`/runs?plan=${plan.id}`);
  const countMissed = async () => {
    const told = await api.get<readonly Happening[]>(`/hosts/${leaper.host.id}/happenings?limit=200`);
    return told.filter(({ text }) => text.includes(`plan ${name}: 1 fire was missed`)).length;
  };
  await leapTo(leaper, fireAt + latenessMs - Date.now());
  const isTold = async () => (await countMissed()) > 0 || (await listRuns()).some((run) => run.fireAt !== undefined) || undefined;
  // One that is lost says nothing: it is judged by what is there then.
  await waitFor('the fire to be caught up or said to be missed', isTold, { deadlineMs: NOTICE_MS, intervalMs: 200 }).catch(
    () => undefined,
  );
  for (const { id } of await listRuns()) await api.waitForEnd(id);
  await leapTo(leaper, 0);
  // A host reports in order, and looks at its plans before it takes an order: nothing of the leap can follow this run.
  await api.waitForEnd(await runPlan(api, plan));
  const runs = await listRuns();
  await api.send('PATCH', `/plans/${plan.id}`, { enabled: false });
  await awaitSpec(stack, leaper.host);
  return judgeLeap({ fireAt, latenessMs, graceMs: GRACE_MS, runs, missed: await countMissed() });
}

export const CLOCK_LEAPS: Experiment = {
  figures: [NAME],
  async run(lab) {
    const tries = pickTries(lab, TRIES);
    const tally = createTally(NAME);
    const stack = await startStack();
    try {
      const leapers: Leaper[] = [];
      for (let index = 0; index < Math.min(HOSTS, tries); index += 1) leapers.push(await openLeaper(stack, index));
      const work = async (leaper: Leaper, first: number) => {
        for (let index = first; index < tries; index += leapers.length) {
          const problems = await tryOnce(lab, stack, leaper, index).catch((error: unknown) => [String(error)]);
          tally.count(problems.length === 0 ? undefined : `leap ${index} of ${lab.seed.name}: ${problems.join('; ')}`);
        }
      };
      await Promise.all(leapers.map(work));
      const detail = `clocks of ${leapers.length} hosts set forward over a fire, by up to a day, and back before it: fires that were lost without a word, or ran twice`;
      return [tally.toOutcome(detail)];
    } finally {
      await stack.stop();
      sweepOfTheDead();
    }
  },
};
