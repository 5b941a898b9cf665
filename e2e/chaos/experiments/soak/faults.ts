/** What happens to a soaked system, one fault after the other; each ends before the next begins. */
import { setTimeout as hold } from 'node:timers/promises';
import type { AgentProcess } from '../../../harness/agent-process.ts';
import type { ServerProcess } from '../../../harness/server-process.ts';
import type { LightAgent } from '../../light-agent.ts';
import type { FaultProxy } from '../../proxy/fault-proxy.ts';
import type { Faults } from '../../proxy/faults.ts';
import type { Seed } from '../../seed.ts';

export type Soaked = {
  readonly server: ServerProcess;
  /** In front of the server, for every agent. */
  readonly proxy: FaultProxy;
  readonly light: readonly LightAgent[];
  /** The real agent that may die. */
  readonly mortal: AgentProcess;
};

export type SoakFault = {
  readonly name: string;
  /** Ends the server's process, so that nothing can be said about how it grows; only while the system warms up. */
  readonly endsServer?: boolean;
  carryOut(soaked: Soaked, seed: Seed, holdMs: number): Promise<void>;
};

const setFor = (faults: Faults) => async (soaked: Soaked, _seed: Seed, holdMs: number) => {
  soaked.proxy.set(faults);
  await hold(holdMs);
  soaked.proxy.clear();
};

/** The hello and what answers it go once: a second hello ends a connection. */
const AFTER_GREETING = 2;

export const SOAK_FAULTS: readonly SoakFault[] = [
  { name: 'every line is reset', carryOut: async ({ proxy }) => void proxy.cutAll('reset') },
  { name: 'every line ends', carryOut: async ({ proxy }) => void proxy.cutAll('end') },
  { name: 'nothing arrives any more', carryOut: setFor({ halfOpen: 'both' }) },
  {
    name: 'messages come twice and out of order',
    carryOut: setFor({
      messages: { after: AFTER_GREETING, duplicate: { chance: 0.2 }, reorder: { chance: 0.2, by: [1, 20] } },
    }),
  },
  { name: 'a slow line', carryOut: setFor({ delay: { ms: [20, 300] }, throttle: { bytesPerSecond: 20_000 } }) },
  {
    name: 'lines are cut in the middle of messages',
    carryOut: setFor({ messages: { after: AFTER_GREETING, cut: { chance: 0.02, how: 'reset' } } }),
  },
  {
    name: 'some agents lose their lines',
    async carryOut({ light }, seed) {
      await Promise.all(light.filter(() => seed.chance(0.3)).map((agent) => agent.cut()));
    },
  },
  {
    name: 'an agent speaks of what nobody knows',
    // What breaks the protocol sends an agent away for a minute; an unknown type is answered.
    async carryOut({ light }, seed) {
      const speaker = seed.pick(light);
      for (let count = 0; count < 20; count += 1) {
        const body = { text: 'x'.repeat(seed.int([1, 100_000])) };
        speaker.sendRaw(JSON.stringify({ v: 1, id: `f_odd_${count}`, type: 'telemetry', at: Date.now(), body }));
      }
    },
  },
  {
    name: 'an agent is killed',
    async carryOut({ mortal }) {
      await mortal.kill('SIGKILL');
      await mortal.restart();
    },
  },
  {
    name: 'an agent stands still',
    async carryOut({ mortal }, _seed, holdMs) {
      await mortal.kill('SIGSTOP');
      await hold(holdMs);
      await mortal.kill('SIGCONT');
    },
  },
  {
    name: 'the server stands still',
    async carryOut({ server }, _seed, holdMs) {
      await server.kill('SIGSTOP');
      await hold(holdMs);
      await server.kill('SIGCONT');
    },
  },
  {
    name: 'the server is restarted',
    endsServer: true,
    carryOut: ({ server }) => server.restart(),
  },
  {
    name: 'the server is killed',
    endsServer: true,
    async carryOut({ server }) {
      await server.kill('SIGKILL');
      await server.restart();
    },
  },
];
