/**
 * A line on which nothing arrives any more while both sockets stay open: how long until the server and the agent notice. Most are cut by the
 * proxy, one by what happens outside of a laboratory: its cable is pulled, and the kernels of both ends are left with what they know.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentProcess } from '../../harness/agent-process.ts';
import type { ApiHost } from '../../harness/api.ts';
import { type NetworkNamespaceHandle, startNetworkNamespace } from '../../harness/services/netns.ts';
import { waitFor } from '../../harness/services/wait-for.ts';
import { type EnrolledHost, type Stack, startStack } from '../../harness/stack.ts';
import { type Experiment, type Lab, type Outcome, pickTries } from '../experiment.ts';
import { startFaultProxy } from '../proxy/fault-proxy.ts';

const NAME = 'half-open';
const LINES = { selection: 1, quarter: 2, full: 10 } as const;
const LIMIT_SECONDS = 45;
/** Beyond this nobody waits any longer: the figure is missed by far. */
const PATIENCE_MS = 100_000;
const LOOK_MS = 50;
/** Every line is cut at another moment between two pings. */
const PHASE_MS = 20_000;

type Line = EnrolledHost & {
  /** From here on nothing arrives on either side, and nobody is told. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
};
type Cable = NetworkNamespaceHandle<'server'>;

const countLosses = (agent: AgentProcess): number => agent.readLog().match(/not connected; backups go on/g)?.length ?? 0;

async function openLine(lab: Lab, stack: Stack, index: number): Promise<Line> {
  const { hostname: host, port } = new URL(stack.server.url);
  const target = { host, port: Number(port) };
  const proxy = await startFaultProxy({ target, seed: lab.seed.fork(`line ${index}`), record: lab.record });
  const enrolled = await stack.enrolHost(`line-${index}`, { serverUrl: `http://127.0.0.1:${proxy.port}` });
  return {
    ...enrolled,
    cut: async () => proxy.set({ halfOpen: 'both' }),
    mend: async () => proxy.clear(),
    close: () => proxy.close(),
  };
}

/** A host in a network of its own, which reaches the server over one cable and nothing else. */
async function openCable(stack: Stack, { prefix, links }: Cable): Promise<Line> {
  const enrolled = await stack.enrolHost('cable', { prefix });
  return {
    ...enrolled,
    cut: () => links.server.setUp(false),
    mend: () => links.server.setUp(true),
    close: () => links.server.setUp(true),
  };
}

/** Seconds until the server and until the agent noticed; infinite where they never did. */
async function measureLine(
  lab: Lab,
  stack: Stack,
  { agent, host, cut, mend }: Line,
  index: number,
): Promise<readonly [number, number]> {
  await pause(lab.seed.fork(`phase ${index}`).int([0, PHASE_MS]));
  const losses = countLosses(agent);
  const startedAt = performance.now();
  await cut();
  const measure = async (what: string, isNoticed: () => Promise<boolean>): Promise<number> => {
    const look = async () => (await isNoticed()) || undefined;
    const noticed = await waitFor(what, look, { deadlineMs: PATIENCE_MS, intervalMs: LOOK_MS }).catch(() => false);
    return noticed ? (performance.now() - startedAt) / 1000 : Number.POSITIVE_INFINITY;
  };
  const times = await Promise.all([
    measure('the server to notice', async () => (await stack.api.get<ApiHost>(`/hosts/${host.id}`)).standing === 'offline'),
    measure('the agent to notice', async () => countLosses(agent) > losses),
  ]);
  await mend();
  await stack.api.waitForHost(host.id, 'online', PATIENCE_MS);
  return times;
}

const measureAll = (lab: Lab, stack: Stack, lines: readonly Line[]) =>
  Promise.all(lines.map((line, index) => measureLine(lab, stack, line, index)));

/** The worst of them against the limit; a line that came back is online again afterwards. */
export function toOutcome(times: readonly (readonly [number, number])[]): Outcome {
  const round = (seconds: number) => (Number.isFinite(seconds) ? Math.round(seconds * 10) / 10 : 9999);
  const worst = (side: 0 | 1) => round(Math.max(...times.map((pair) => pair[side])));
  const [server, agent] = [worst(0), worst(1)];
  const findings = times.flatMap(([first, second], index) =>
    Math.max(first, second) > LIMIT_SECONDS
      ? [`line ${index}: the server after ${round(first)} s, the agent after ${round(second)} s`]
      : [],
  );
  const detail = `lines cut both ways without a word, the last of them by a pulled cable, each at another moment between two pings; the server noticed after ${server} s at worst, the agent after ${agent} s`;
  return { name: NAME, tried: times.length, bad: Math.max(server, agent), limit: LIMIT_SECONDS, unit: 's', detail, findings };
}

export const HALF_OPEN: Experiment = {
  figures: [NAME],
  async run(lab) {
    const cable = await startNetworkNamespace(['server']);
    const lines: Line[] = [];
    let stack: Stack | undefined;
    try {
      stack = await startStack({ network: { prefix: [], address: cable.links.server.hostAddress } });
      for (let index = 0; index < pickTries(lab, LINES); index += 1) lines.push(await openLine(lab, stack, index));
      lines.push(await openCable(stack, cable));
      return [toOutcome(await measureAll(lab, stack, lines))];
    } finally {
      await Promise.all(lines.map(({ close }) => close()));
      await stack?.stop();
      await cable.stop();
    }
  },
};
