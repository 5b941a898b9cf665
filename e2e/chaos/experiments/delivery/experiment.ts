/**
 * Durable events through a line that duplicates, reorders and cuts: every event's effect is in the ledger exactly once. Journals and sessions are the
 * agent's own, the server is a real process, and its database is compared with what was told.
 */
import { mkdir } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { ApiPlan } from '../../../harness/api.ts';
import { addPlan, addRepository, addSource, describeFiles, describeLocal } from '../../../harness/catalog.ts';
import { type Stack, startStack } from '../../../harness/stack.ts';
import { createTally, type Experiment, type Lab, type Outcome, pickTries } from '../../experiment.ts';
import { type FaultProxy, startFaultProxy } from '../../proxy/fault-proxy.ts';
import type { Faults } from '../../proxy/faults.ts';
import type { Seed } from '../../seed.ts';
import { compareRuns, openLedger } from './ledger.ts';
import { type Reporter, startReporter } from './reporter.ts';
import { createRun, type ExpectedRun, type Subject } from './stream.ts';

const NAME = 'delivery';
const EVENTS = { selection: 3000, quarter: 60_000, full: 1_000_000 } as const;
const HOSTS = { selection: 2, quarter: 4, full: 4 } as const;
/** A host that has this much untold makes no more, as a host that runs backups would not either. */
const WAITING_EVENTS = 4000;
/** No acknowledgement from any host for this long: the line is stuck. */
const STUCK_MS = 60_000;
/** hello goes up, challenge and welcome come down. */
const GREETING_MESSAGES = 2;

/** Of a message; fewer messages are cut more often, so that every effort has cuts. */
const CUT_CHANCE = { selection: 0.02, quarter: 0.005, full: 0.003 } as const;

const chooseFaults = (chance: number, how: 'reset' | 'end'): Faults => ({
  messages: {
    after: GREETING_MESSAGES,
    duplicate: { chance: 0.2, later: [0, 8] },
    reorder: { chance: 0.2, by: [1, 8] },
    cut: { chance, how },
  },
});

type Teller = {
  readonly reporter: Reporter;
  readonly subject: Subject;
  readonly seed: Seed;
  readonly runs: ExpectedRun[];
  told: number;
};

async function addSubject(stack: Stack, { host }: Reporter, directory: string): Promise<Subject> {
  const source = await addSource(stack.api, host, `source of ${host.name}`, describeFiles([directory]));
  const described = describeLocal(`${directory}/repository`, 'not used');
  const repository = await addRepository(stack.api, host, `repository of ${host.name}`, described, { isMissing: true });
  const plan: ApiPlan = await addPlan(stack.api, { name: `plan of ${host.name}`, repository, sources: [source] });
  return { source: source.id, plan: plan.id, repository: repository.id };
}

/** Makes whole runs until the host has told `events` of them, in bits of any size, no faster than they are taken; says when half of them are told. */
async function tellAll(teller: Teller, events: number, isOver: () => boolean, onHalf: () => void): Promise<void> {
  const { reporter, seed, subject } = teller;
  const bits = seed.fork('bits');
  let isHalf = false;
  while (teller.told < events && !isOver()) {
    const { events: made, expected } = createRun(seed.fork(`run ${teller.runs.length}`), teller.runs.length, subject);
    teller.runs.push(expected);
    while (made.length > 0) {
      const bit = made.splice(0, bits.int([1, 40]));
      reporter.tell(bit);
      teller.told += bit.length;
      await nextTurn();
    }
    if (!isHalf && teller.told > events / 2) {
      isHalf = true;
      onHalf();
    }
    while (reporter.waitingEvents > WAITING_EVENTS && !isOver()) await pause(5);
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

/** Resolves when everything was acknowledged. @throws Error when nothing moves any more. */
async function awaitTold(tellers: readonly Teller[], isMaking: () => boolean, say: (text: string) => void): Promise<void> {
  let [seen, seenAt, saidAt] = [-1, performance.now(), performance.now()];
  while (isMaking() || tellers.some(({ reporter }) => reporter.waitingEvents > 0)) {
    const acknowledged = sum(tellers.map(({ reporter }) => reporter.acknowledged));
    if (acknowledged !== seen) [seen, seenAt] = [acknowledged, performance.now()];
    if (performance.now() - seenAt > STUCK_MS) {
      const complaints = tellers.flatMap(({ reporter }) => reporter.listComplaints().slice(-3));
      throw new Error(`nothing was acknowledged for ${STUCK_MS} ms after ${seen} events: ${complaints.join(' | ')}`);
    }
    if (performance.now() - saidAt > 30_000) {
      saidAt = performance.now();
      say(`${acknowledged} events acknowledged`);
    }
    await pause(10);
  }
}

function compareAll(stack: Stack, tellers: readonly Teller[]): string[] {
  const ledger = openLedger(stack.server.dataDir);
  try {
    const problems = tellers.flatMap(({ reporter, runs, told }) => {
      const streams = [...ledger.readStreams(reporter.host.id)];
      const isWhole = streams.length === 1 && streams[0]?.[0] === reporter.epoch && streams[0][1] === told;
      const stream = isWhole
        ? []
        : [`${reporter.host.name} told ${told} events; its streams stand at ${JSON.stringify(streams)}`];
      return [...stream, ...compareRuns(runs, ledger.listRuns(reporter.host.id))];
    });
    const ends = ledger.countEnds();
    for (const state of ['succeeded', 'partial', 'failed'] as const) {
      const told = tellers.flatMap(({ runs }) => runs.filter((run) => run.state === state)).length;
      if ((ends.get(state) ?? 0) !== told) problems.push(`${told} runs ended ${state} and ${ends.get(state) ?? 0} were counted`);
    }
    return problems;
  } finally {
    ledger.close();
  }
}

async function openTellers(lab: Lab, stack: Stack, proxy: FaultProxy, tellers: Teller[]): Promise<void> {
  for (let index = 0; index < pickTries(lab, HOSTS); index += 1) {
    const seed = lab.seed.fork(`host ${index}`);
    const directory = await lab.makeDirectory(`host-${index}`);
    await Promise.all(['state', 'no-tools', 'work'].map((name) => mkdir(`${directory}/${name}`, { mode: 0o700 })));
    const lineUrl = `http://127.0.0.1:${proxy.port}`;
    const options = {
      api: stack.api,
      name: `host-${index}`,
      directory,
      serverUrl: stack.server.url,
      lineUrl,
      seed: seed.fork('wait'),
    };
    const reporter = await startReporter(options);
    tellers.push({ reporter, subject: await addSubject(stack, reporter, directory), seed, runs: [], told: 0 });
  }
}

async function deliver(lab: Lab, stack: Stack, proxy: FaultProxy, tellers: Teller[]): Promise<Outcome> {
  await openTellers(lab, stack, proxy, tellers);
  const events = pickTries(lab, EVENTS);
  const startedAt = performance.now();
  const chance = pickTries(lab, CUT_CHANCE);
  proxy.set(chooseFaults(chance, 'reset'));
  const onHalf = () => proxy.set(chooseFaults(chance, 'end'));
  let isOver = false;
  let isMaking = true;
  const share = Math.ceil(events / tellers.length);
  const made = Promise.all(tellers.map((teller) => tellAll(teller, share, () => isOver, onHalf))).finally(() => {
    isMaking = false;
  });
  try {
    await Promise.all([awaitTold(tellers, () => isMaking, lab.say), made]);
  } finally {
    isOver = true;
    await made;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const problems = compareAll(stack, tellers);
  const tally = createTally(NAME);
  const told = sum(tellers.map((teller) => teller.told));
  for (let count = problems.length; count < told; count += 1) tally.count();
  for (const problem of problems) tally.count(problem);
  const connections = sum(tellers.map(({ reporter }) => reporter.connections));
  const runs = sum(tellers.map((teller) => teller.runs.length));
  const pace = `${Math.round(told / seconds)} a second`;
  return tally.toOutcome(
    `events of ${runs} runs of ${tellers.length} hosts, 20 % of the messages doubled and 20 % reordered both ways, ${connections} connections, ${pace}: differences between ledger and reports`,
  );
}

export const DELIVERY: Experiment = {
  figures: [NAME],
  async run(lab) {
    const stack = await startStack({ env: { HOLDFAST_LOG_LEVEL: 'error' } });
    const target = { port: Number(new URL(stack.server.url).port) };
    const proxy = await startFaultProxy({ target, seed: lab.seed.fork('line'), record: lab.record });
    const tellers: Teller[] = [];
    try {
      return [await deliver(lab, stack, proxy, tellers)];
    } finally {
      await proxy.close();
      await Promise.all(tellers.map(({ reporter }) => reporter.stop()));
      await stack.stop();
    }
  },
};
