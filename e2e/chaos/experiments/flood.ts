/** One agent that sends far too much is slowed down; the others notice nothing. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WIRE } from '@holdfast/shared/limits.ts';
import { computeMedian, computePercentile, roundTo } from '../../bench/statistics.ts';
import { startServiceProcess } from '../../harness/services/service-process.ts';
import { type Stack, startStack } from '../../harness/stack.ts';
import { type Experiment, type Lab, type Outcome, pickTries } from '../experiment.ts';
import type { LightAgent } from '../light-agent.ts';
import { enrolLightHosts, type LightIdentity } from '../light-enrolment.ts';
import { startLightFleet } from '../light-fleet.ts';
import type { FloodOrders, FloodReport } from './flood/sender.ts';

const OTHERS = 20;
const RATE = { selection: 10_000, quarter: 50_000, full: 50_000 } as const;
const SECONDS = { selection: 2, quarter: 10, full: 10 } as const;
/** Each other agent reports this often, whether the last report was acknowledged or not. */
const REPORT_EVERY_MS = 200;
const CALM_MS = 2_000;
const LIMIT_MS = 250;

export const FLOOD: Experiment = {
  figures: ['flood-isolation', 'flood-slowed'],
  async run(lab) {
    const stack = await startStack({ env: { HOLDFAST_LOG_LEVEL: 'warn' } });
    const [flooder] = await enrolLightHosts(stack, 'flooder', 1, 1);
    if (flooder === undefined) throw new Error('no host was enrolled');
    const fleet = await startLightFleet(stack, { name: 'other', count: OTHERS, seed: lab.seed.fork('waits') });
    try {
      const calm = startReporting(fleet.agents);
      await new Promise((resolve) => setTimeout(resolve, CALM_MS));
      const before = await calm.finish();
      const { latencies, report } = await floodOthers(lab, stack, flooder, fleet.agents);
      const cut = fleet.agents
        .filter(({ absences }) => absences.length > 1)
        .map(({ identity }) => `${identity.name} was cut off`);
      return [judgeOthers(latencies, before, cut), judgeFlooder(report)];
    } finally {
      await fleet.stop();
      await stack.stop();
    }
  },
};

async function floodOthers(lab: Lab, stack: Stack, identity: LightIdentity, others: readonly LightAgent[]) {
  const file = join(await lab.makeDirectory('flood'), 'orders.json');
  const messagesPerSecond = pickTries(lab, RATE);
  const seconds = pickTries(lab, SECONDS);
  const { sealing: _, signing, ...rest } = identity;
  const keys = { publicKey: signing.publicKey, secretKey: Buffer.from(signing.secretKey).toString('base64') };
  const orders: FloodOrders = { identity: { ...rest, signing: keys }, serverUrl: stack.server.url, messagesPerSecond, seconds };
  await writeFile(file, JSON.stringify(orders), { mode: 0o600 });
  lab.record({ flood: identity.name, messagesPerSecond, seconds });
  const sender = startServiceProcess({ command: process.execPath, args: [join(import.meta.dirname, 'flood/sender.ts'), file] });
  try {
    await sender.awaitOutput(/^flooding$/m);
    const reporting = startReporting(others);
    const [text] = await sender.awaitOutput(/^\{.*\}$/m, (seconds + 60) * 1000);
    return { latencies: await reporting.finish(), report: JSON.parse(text) as FloodReport };
  } finally {
    await sender.stop();
  }
}

/** Every agent reports at fixed times, spread over the interval, so that a slow answer does not make the next question later. */
function startReporting(agents: readonly LightAgent[]): { finish(): Promise<readonly number[]> } {
  const waiting: Promise<number>[] = [];
  let turn = 0;
  const report = (): void => {
    const agent = agents[turn % agents.length];
    turn += 1;
    if (agent) waiting.push(agent.report({ type: 'host.notice', at: Date.now(), level: 'info', text: `report ${turn}` }));
  };
  const timer = setInterval(report, REPORT_EVERY_MS / agents.length);
  return {
    finish() {
      clearInterval(timer);
      return Promise.all(waiting);
    },
  };
}

export function judgeOthers(latencies: readonly number[], calm: readonly number[], findings: readonly string[]): Outcome {
  const p99 = roundTo(computePercentile(latencies, 99), 1);
  const detail = `report to acknowledgement of ${OTHERS} other agents; median ${roundTo(computeMedian(latencies), 1)}, highest ${roundTo(Math.max(...latencies), 1)} ms; p99 without the flood ${roundTo(computePercentile(calm, 99), 1)} ms`;
  // Who was cut off was not answered in time, whatever the others' times were.
  const bad = findings.length > 0 ? Math.max(p99, LIMIT_MS + 1) : p99;
  return { name: 'flood-isolation', tried: latencies.length, bad, limit: LIMIT_MS, unit: 'ms', detail, findings };
}

/** Counts what was handled above the rate that one agent has, with its burst of two seconds. */
export function judgeFlooder({ offered, sent, acknowledged, seconds, goodbyes }: FloodReport): Outcome {
  const allowed = Math.ceil(WIRE.framesPerSecond * (seconds + 2)) + WIRE.waitingFrames;
  const detail = `messages handled above ${WIRE.framesPerSecond} a second and the burst: offered ${offered} in ${roundTo(seconds, 1)} s, ${sent} went into the line, ${acknowledged} were handled`;
  return { name: 'flood-slowed', tried: offered, bad: Math.max(0, acknowledged - allowed), limit: 0, detail, findings: goodbyes };
}
