/** A restarted server gets its whole fleet back at once, and no agent has to wait long for it. */
import { WIRE } from '@holdfast/shared/limits.ts';
import { computeMedian, computePercentile, roundTo } from '../../bench/statistics.ts';
import { type Stack, startStack } from '../../harness/stack.ts';
import { type Experiment, type Lab, type Outcome, pickTries } from '../experiment.ts';
import type { Absence } from '../light-agent.ts';
import { type LightFleet, startLightFleet } from '../light-fleet.ts';

const AGENTS = { selection: 50, quarter: 300, full: 1_000 } as const;
const RESTARTS = { selection: 1, quarter: 2, full: 4 } as const;
const SPREAD_MS = { selection: 4_000, quarter: 20_000, full: 20_000 } as const;

const SLOWEST_LIMIT_S = 10;
const WAIT_LIMIT_S = 30;
const HELLO_LIMIT_MS = 250;
/** Nothing waits longer than the longest wait between two attempts, a handshake that times out, and some time for the machine. */
const GIVE_UP_MS = WIRE.reconnectMaxMs + WIRE.handshakeTimeoutMs + 30_000;

/** One restart as the whole fleet saw it, in milliseconds. */
export type Return = {
  /** When the server answered again, by the clock of the absences. */
  readonly readyAt: number;
  readonly absences: readonly Absence[];
};

export const RECONNECT: Experiment = {
  figures: ['reconnect-slowest', 'reconnect-wait', 'reconnect-hello-p99'],
  async run(lab) {
    const stack = await startStack({ env: { HOLDFAST_LOG_LEVEL: 'warn' } });
    let fleet: LightFleet | undefined;
    try {
      const count = pickTries(lab, AGENTS);
      fleet = await startLightFleet(stack, { name: 'returning', count, seed: lab.seed.fork('waits') });
      lab.say(`${count} agents are connected`);
      const returns: Return[] = [];
      for (let index = 0; index < pickTries(lab, RESTARTS); index += 1)
        returns.push(await restartServer(lab, stack, fleet, index));
      const hellos = await redialSpread(lab, fleet);
      return [...judgeReturns(returns), judgeHellos(hellos, pickTries(lab, SPREAD_MS))];
    } finally {
      await fleet?.stop();
      await stack.stop();
    }
  },
};

async function restartServer(lab: Lab, stack: Stack, fleet: LightFleet, index: number): Promise<Return> {
  const how = lab.seed.fork(String(index)).pick(['SIGTERM', 'SIGKILL'] as const);
  lab.record({ restart: index, how });
  const before = fleet.agents.map(({ absences }) => absences.length);
  await stack.server.kill(how);
  await stack.server.restart();
  const readyAt = performance.now();
  await fleet.awaitAllWelcomed(GIVE_UP_MS);
  const absences = fleet.agents.map((agent, place) => joinAbsences(agent.absences.slice(before[place])));
  lab.say(`back after ${how}, the slowest ${describeSlowest({ readyAt, absences })}`);
  return { readyAt, absences };
}

/** An agent that was welcomed and lost its connection again was away all the time. */
export function joinAbsences(absences: readonly Absence[]): Absence {
  const [first] = absences;
  const last = absences.at(-1);
  if (first === undefined || last === undefined) throw new Error('an agent did not notice that the server was gone');
  const dials = absences.reduce((sum, absence) => sum + absence.dials, 0);
  return { lostAt: first.lostAt, welcomedAt: last.welcomedAt, helloMs: last.helloMs, dials };
}

/** Every agent is cut off and dials again at a moment of chance. */
async function redialSpread(lab: Lab, fleet: LightFleet): Promise<readonly number[]> {
  const spreadMs = pickTries(lab, SPREAD_MS);
  const chance = lab.seed.fork('spread');
  lab.record({ cut: fleet.agents.length, spreadMs });
  await Promise.all(fleet.agents.map((agent) => agent.cut(chance.int([0, spreadMs]))));
  await fleet.awaitAllWelcomed(spreadMs + GIVE_UP_MS);
  return fleet.agents.map(({ identity, absences }) => {
    const helloMs = absences.at(-1)?.helloMs;
    if (helloMs === undefined) throw new Error(`${identity.name} was not greeted`);
    return helloMs;
  });
}

const measureBack = ({ readyAt, absences }: Return): number[] =>
  absences.map(({ welcomedAt }) => Math.max(0, (welcomedAt ?? Number.POSITIVE_INFINITY) - readyAt));
const measureWaits = ({ absences }: Return): number[] =>
  absences.map(({ lostAt, welcomedAt }) => (welcomedAt ?? Number.POSITIVE_INFINITY) - lostAt);

const toSeconds = (ms: number): number => roundTo(ms / 1000, 2);
const describeSlowest = (one: Return): string => `${toSeconds(Math.max(...measureBack(one)))} s after the server was ready`;

/** An agent that never came back makes both figures infinite. */
export function judgeReturns(returns: readonly Return[]): readonly Outcome[] {
  const back = returns.flatMap(measureBack);
  const waits = returns.flatMap(measureWaits);
  const dials = returns.flatMap(({ absences }) => absences.map((absence) => absence.dials));
  const outage = Math.max(...returns.map((one) => Math.max(...measureWaits(one)) - Math.max(...measureBack(one))));
  const agents = returns[0]?.absences.length ?? 0;
  const judge = (name: string, values: readonly number[], limit: number, what: string): Outcome => {
    const worst = toSeconds(Math.max(...values));
    const detail = `${agents} agents, ${returns.length} restarts: ${what}; median ${toSeconds(computeMedian(values))}, p99 ${toSeconds(computePercentile(values, 99))} s, at most ${Math.max(...dials)} dials`;
    return { name, tried: values.length, bad: worst, limit, unit: 's', detail, findings: [] };
  };
  return [
    judge('reconnect-slowest', back, SLOWEST_LIMIT_S, 'from the server being ready to the last welcome'),
    judge(
      'reconnect-wait',
      waits,
      WAIT_LIMIT_S,
      `from the cut to the welcome, the server being away up to ${toSeconds(outage)} s of it`,
    ),
  ];
}

export function judgeHellos(hellos: readonly number[], spreadMs: number): Outcome {
  const p99 = roundTo(computePercentile(hellos, 99), 1);
  const detail = `hello to welcome, ${hellos.length} agents over ${spreadMs / 1000} s; median ${roundTo(computeMedian(hellos), 1)}, highest ${roundTo(Math.max(...hellos), 1)} ms`;
  return { name: 'reconnect-hello-p99', tried: hellos.length, bad: p99, limit: HELLO_LIMIT_MS, unit: 'ms', detail, findings: [] };
}
