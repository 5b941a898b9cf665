/** Whatever a peer may send: a real server's door and the agent's codec refuse it as the protocol says, and nothing grows. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WIRE } from '@holdfast/shared/limits.ts';
import { decodeServerFrame } from '@holdfast/shared/protocol/codec.ts';
import { readMemory } from '../../bench/process-usage.ts';
import { computePercentile, roundTo } from '../../bench/statistics.ts';
import { type Stack, startStack } from '../../harness/stack.ts';
import { COLLECTING_ENV, collectGarbage as collectGarbageOf } from '../collecting.ts';
import { createTally, type Experiment, type Lab, type Outcome, pickTries } from '../experiment.ts';
import { type LightAgent, startLightAgent } from '../light-agent.ts';
import { enrolLightHosts } from '../light-enrolment.ts';
import type { Seed } from '../seed.ts';
import { type Bender, createBender, isTypedRefusal } from './malformed/bent-frames.ts';
import { createIntruder, type Intruder } from './malformed/welcomed-line.ts';
import { carryOutRound } from './malformed/wire-rounds.ts';

/** Frames on the wire and frames for the codec; together they are what the figure counts. */
const WIRE_TRIES = { selection: 1_500, quarter: 10_000, full: 200_000 } as const;
const CODEC_TRIES = { selection: 3_500, quarter: 90_000, full: 800_000 } as const;
const INTRUDERS = 6;
const MEMORY_LIMIT_MB = 50;
/** What a server grows to under this load before anything can be said about growth. */
const WARM_UP = 0.3;
const MEGABYTE = 1024 * 1024;

export const MALFORMED: Experiment = {
  figures: ['malformed-frames', 'malformed-memory'],
  async run(lab) {
    const tally = createTally('malformed-frames');
    const codecGrowth = bendForCodec(lab, pickTries(lab, CODEC_TRIES), tally.count);
    lab.say(`${tally.tried} frames for the codec of the agent`);
    const server = await bendForServer(lab, pickTries(lab, WIRE_TRIES), tally.count);
    const kinds = [...server.kinds].sort(([, one], [, other]) => other - one).map(([kind, count]) => `${count} ${kind}`);
    lab.say(kinds.join(', '));
    const detail = `${pickTries(lab, CODEC_TRIES)} bent frames for the agent's codec, the others on ${server.lines} lines of the server (${server.kinds.size} kinds); meanwhile a good agent's p99 acknowledgement took ${server.p99Ms} ms`;
    return [tally.toOutcome(detail), judgeMemory(server, codecGrowth, tally.tried)];
  },
};

type Count = (problem?: string | undefined) => void;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Megabytes that are held when everything that can be freed is freed. */
function measureHeap(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MEGABYTE;
}

/** Frames of a server, as the agent reads them; each must be taken or refused with a typed error. Gives the growth in megabytes. */
function bendForCodec(lab: Lab, tries: number, count: Count): number {
  const bend = createBender('server');
  const seed = lab.seed.fork('codec');
  const decode = (bytes: Uint8Array) => decodeServerFrame(bytes, WIRE);
  let before = 0;
  for (let index = 0; index < tries; index += 1) {
    if (index === Math.floor(tries * WARM_UP)) before = measureHeap();
    count(judgeDecoder(decode, bend, seed, String(index)));
  }
  lab.record({ codec: tries, seed: seed.name });
  return measureHeap() - before;
}

/** One frame for a decoder: undefined when it was taken or refused as it should be. */
export function judgeDecoder(decode: (bytes: Uint8Array) => object, bend: Bender, seed: Seed, name: string): string | undefined {
  const bytes = bend(seed.fork(name));
  try {
    const frame = decode(bytes);
    return Object.getPrototypeOf(frame) === Object.prototype && !('polluted' in {}) ? undefined : `${name} polluted a prototype`;
  } catch (error) {
    if (isTypedRefusal(error)) return undefined;
    return `${seed.name}/${name}: ${String(error)} for (base64) ${Buffer.from(bytes).toString('base64').slice(0, 400)}`;
  }
}

type ServerFindings = {
  readonly kinds: ReadonlyMap<string, number>;
  readonly lines: number;
  /** Between two moments at which garbage was collected. */
  readonly growthMb: number;
  /** The highest that was ever resident, above the first of these moments. */
  readonly peakMb: number;
  readonly p99Ms: number;
};

async function bendForServer(lab: Lab, tries: number, count: Count): Promise<ServerFindings> {
  const stack = await startStack({ env: { HOLDFAST_LOG_LEVEL: 'error', ...COLLECTING_ENV } });
  const [first, ...others] = await enrolLightHosts(stack, 'intruder', INTRUDERS + 1);
  if (first === undefined) throw new Error('no host was enrolled');
  const waits = lab.seed.fork('witness');
  const witness = startLightAgent(first, { serverUrl: () => stack.server.url, random: () => waits.fraction() });
  try {
    await witness.awaitWelcome(30_000);
    const found = await wearDown(lab, stack, others.map(createIntruder), witness, tries, count);
    judgeServer(stack, witness, count);
    return found;
  } finally {
    await witness.stop();
    await stack.stop();
  }
}

async function wearDown(
  lab: Lab,
  stack: Stack,
  intruders: readonly Intruder[],
  witness: LightAgent,
  tries: number,
  count: Count,
): Promise<ServerFindings> {
  const bend = createBender('agent');
  const port = Number(new URL(stack.server.url).port);
  const kinds = new Map<string, number>();
  const latencies: number[] = [];
  let done = 0;
  let rounds = 0;
  let warm: Promise<number> | undefined;
  const measure = (): number => readMemory(stack.server.pid()).residentBytes / MEGABYTE;
  const measureHeld = async (): Promise<number> => {
    await collectGarbageOf(stack.server);
    return measure();
  };
  const work = async (intruder: Intruder): Promise<void> => {
    while (done < tries) {
      const seed = lab.seed.fork(`round ${rounds}`);
      rounds += 1;
      lab.record({ round: seed.name });
      const note = (kind: string, problem?: string | undefined): void => {
        done += 1;
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        count(problem === undefined ? undefined : `${seed.name}: ${kind} ${problem}`);
      };
      await carryOutRound({ port, intruder, bend, seed, count: note });
      latencies.push(await witness.report({ type: 'host.notice', at: Date.now(), level: 'info', text: `round ${rounds}` }));
      if (done >= tries * WARM_UP) warm ??= measureHeld();
      // The frames of a moment at which garbage is collected would count on either side.
      await warm;
      if (rounds % 500 === 0) lab.say(`${done} frames on the wire, the server has ${roundTo(measure(), 1)} MB`);
    }
  };
  await Promise.all(intruders.map(work));
  const before = await (warm ?? measureHeld());
  const peakMb = readMemory(stack.server.pid()).peakBytes / MEGABYTE - before;
  const growthMb = (await measureHeld()) - before;
  return {
    kinds,
    lines: intruders.reduce((sum, { counter }) => sum + counter, 0),
    growthMb,
    peakMb,
    p99Ms: roundTo(computePercentile(latencies, 99), 0),
  };
}

/** The server lives, its log tells of no failure of its own, and nobody else was cut off. */
function judgeServer(stack: Stack, witness: LightAgent, count: Count): void {
  count(stack.server.isRunning() ? undefined : 'the server ended');
  for (const line of stack.server.readLog().split('\n')) {
    if (/"level":(?:50|60|"error"|"fatal")|Error:/.test(line)) count(`the server's log: ${line.slice(0, 500)}`);
  }
  count(witness.absences.length === 1 ? undefined : `a good agent was cut off ${witness.absences.length - 1} times`);
}

export function judgeMemory(server: Pick<ServerFindings, 'growthMb' | 'peakMb'>, codecGrowthMb: number, tried: number): Outcome {
  const bad = roundTo(Math.max(0, server.growthMb, codecGrowthMb), 1);
  const detail = `resident memory of the server ${roundTo(server.growthMb, 1)} MB (before garbage was collected at most ${roundTo(server.peakMb, 1)} MB), heap of the codec ${roundTo(codecGrowthMb, 1)} MB more than after the first ${WARM_UP * 100} % of the frames`;
  return { name: 'malformed-memory', tried, bad, limit: MEMORY_LIMIT_MB, unit: 'MB', detail, findings: [] };
}
