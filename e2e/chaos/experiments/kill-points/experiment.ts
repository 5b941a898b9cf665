/**
 * kill -9 of the agent, the server or both, at named and at random moments, while scheduled and ordered runs go on. After each kill the dead are
 * started again; when neither side has anything left to do, ledger, journal and repository must agree.
 */
import type { Experiment, Lab, Outcome } from '../../experiment.ts';
import { createTally, pickTries } from '../../experiment.ts';
import { type CrashFacts, type Fire, judgeCrash, judgeRepository, type LedgerRun } from './judge.ts';
import { MOMENTS, type Moment, type Orders, strikeAt, type TryContext, type Victim } from './moments.ts';
import { type BusyWorld, openBusyWorld } from './world.ts';

const TRIES = { selection: 3, quarter: 15, full: 340 } as const;
const MINUTE_MS = 60_000;
/** Stacks side by side: most of a try is waiting for processes to start and to dial. */
const LANES = { selection: 1, quarter: 2, full: 3 } as const;
/** A fire this young may not have reached the journal of a busy host yet and is judged with the next try. */
export const YOUNG_MS = 5000;
/** Runs of fires are read again this far back: they belong to the window by their fire, not by when they were made. */
const LOOK_BACK_MS = 2 * MINUTE_MS;

type Judged = { readonly problems: string[]; readonly through: number };

/** What is due by the plans that fire each minute, after the one instant and through the other. */
export function listFires(world: BusyWorld, after: number, through: number): Fire[] {
  return world.scheduled.flatMap(({ plan, effectiveFrom }) => {
    const fires: Fire[] = [];
    const first = Math.max(after + 1, effectiveFrom);
    for (let at = Math.ceil(first / MINUTE_MS) * MINUTE_MS; at <= through; at += MINUTE_MS)
      fires.push({ plan: plan.id, fireAt: at });
    return fires;
  });
}

/** Waits until both sides are quiet and judges what was made since `after`. Runs that were judged go into `known`. */
async function judgeTry(
  world: BusyWorld,
  after: number,
  orders: Orders,
  wasAgentHit: boolean,
  known: Map<string, LedgerRun>,
): Promise<Judged> {
  const quietAt = await world.settle();
  const through = quietAt - YOUNG_MS;
  const everything = await world.readLedger(Math.max(0, after - LOOK_BACK_MS));
  const isOfTry = ({ fireAt, createdAt }: LedgerRun) =>
    fireAt === undefined ? createdAt > after && createdAt <= quietAt : fireAt > after && fireAt <= through;
  const ledger = everything.filter((run) => isOfTry(run) && (run.fireAt !== undefined || !known.has(run.id)));
  const facts: CrashFacts = {
    ordered: orders.answered,
    uncertainOrders: orders.uncertain,
    fires: listFires(world, after, through),
    firesWithin: [after, through],
    ledger,
    journal: world.readJournal().runs.filter(({ run, isClosed }) => isClosed || ledger.some(({ id }) => id === run)),
    stored: await world.listStored(),
    wasAgentHit,
  };
  for (const run of ledger) known.set(run.id, run);
  return { problems: judgeCrash(facts), through };
}

/** Kills and starts again; the second kill of a try finds the dead dead. */
function createBlows(
  world: BusyWorld,
  victim: Victim,
  record: (injection: object) => void,
  facts: { moment: Moment; index: number; isServerFirst: boolean },
) {
  const kills: (() => Promise<void>)[] = [];
  const { agent, stack } = world;
  if (victim !== 'server') kills.push(() => agent.kill('SIGKILL'));
  if (victim !== 'agent') kills.push(() => stack.server.kill('SIGKILL'));
  return {
    async strike() {
      record({ ...facts, victim, fault: 'kill -9', at: Date.now() });
      const [first, second] = facts.isServerFirst ? kills.toReversed() : kills;
      await first?.();
      await second?.();
    },
    async revive() {
      await Promise.all([
        stack.server.isRunning() ? undefined : stack.server.restart(),
        agent.isRunning() ? undefined : agent.restart(),
      ]);
    },
  };
}

async function tryOnce(lab: Lab, world: BusyWorld, victim: Victim, index: number): Promise<Orders> {
  const seed = lab.seed.fork(String(index));
  const moment = MOMENTS[index % MOMENTS.length] ?? 'idle';
  const orders: Orders = { answered: [], uncertain: 0 };
  const facts = { moment, index, isServerFirst: seed.fork('first').chance(0.5) };
  const blows = createBlows(world, victim, lab.record, facts);
  const note: TryContext['note'] = (detail) => lab.record({ ...facts, victim, ...detail });
  await strikeAt(moment, { world, victim, seed, orders, note, ...blows });
  await blows.revive();
  return orders;
}

/** Tries on one stack, in order, until one does not come to rest; gives the tries that are left. */
async function tryMany(
  lab: Lab,
  victim: Victim,
  tries: readonly number[],
  count: (problem?: string) => void,
  take: (runs: readonly LedgerRun[]) => void,
): Promise<readonly number[]> {
  const world = await openBusyWorld();
  const known = new Map<string, LedgerRun>();
  try {
    let after = Date.now() - YOUNG_MS;
    for (const [done, index] of tries.entries()) {
      const where = `try ${index} of ${lab.seed.name} (${MOMENTS[index % MOMENTS.length]})`;
      const startedAt = performance.now();
      try {
        const orders = await tryOnce(lab, world, victim, index);
        const { problems, through } = await judgeTry(world, after, orders, victim !== 'server', known);
        after = through;
        count(problems.length === 0 ? undefined : `${where}: ${problems.join('; ')}`);
      } catch (error) {
        const logs = Object.values(await world.stack.readLogs()).map((log) => log.slice(-3000));
        const cause = error instanceof Error && error.cause !== undefined ? `, ${String(error.cause)}` : '';
        lab.record({ index, victim, failure: String(error), cause, logs });
        count(`${where}: ${String(error)}${cause}`);
        return tries.slice(done + 1);
      }
      lab.say(`${where}: ${Math.round(performance.now() - startedAt)} ms`);
    }
    const { problems, snapshots, contents } = await world.readRepository([...known.values()]);
    for (const problem of [...problems, ...judgeRepository(snapshots, [...known.values()], contents)])
      count(`after the tries ${tries.join(', ')}: ${problem}`);
    return [];
  } finally {
    take([...known.values()]);
    await world.stop();
  }
}

function describeEnds(runs: readonly LedgerRun[]): string {
  const green = runs.filter(({ state }) => state === 'succeeded').length;
  const interrupted = runs.filter(({ reason }) => reason === 'interrupted').length;
  const again = runs.filter(({ attempts }) => attempts > 0).length;
  return `of ${runs.length} runs ${green} were green, ${again} of all after another attempt, ${interrupted} ended interrupted`;
}

function createKillPoints(victim: Victim): Experiment {
  const name = `kill-points-${victim}`;
  return {
    figures: [name],
    async run(lab): Promise<readonly Outcome[]> {
      const tries = pickTries(lab, TRIES);
      const tally = createTally(name);
      const lanes = pickTries(lab, LANES);
      const runs: LedgerRun[] = [];
      const tryLane = async (lane: number): Promise<void> => {
        let left: readonly number[] = Array.from({ length: tries }, (_, index) => index).filter(
          (index) => index % lanes === lane,
        );
        while (left.length > 0) left = await tryMany(lab, victim, left, tally.count, (known) => void runs.push(...known));
      };
      await Promise.all(Array.from({ length: lanes }, (_, lane) => tryLane(lane)));
      const detail = `kill -9 of ${victim === 'both' ? 'agent and server' : `the ${victim}`} at ${MOMENTS.join(', ')} while scheduled and ordered runs go on: lost, doubled or falsely green runs; ${describeEnds(runs)}`;
      return [tally.toOutcome(detail)];
    },
  };
}

export const KILL_POINTS: readonly Experiment[] = [
  createKillPoints('agent'),
  createKillPoints('server'),
  createKillPoints('both'),
];
