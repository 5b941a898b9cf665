/** Many light agents at once. */

import { waitFor } from '../harness/services/wait-for.ts';
import type { Stack } from '../harness/stack.ts';
import { type LightAgent, startLightAgent } from './light-agent.ts';
import { enrolLightHosts } from './light-enrolment.ts';
import type { Seed } from './seed.ts';

export type LightFleet = {
  readonly agents: readonly LightAgent[];
  /** @throws Error naming some that the server has not welcomed within the time. */
  awaitAllWelcomed(deadlineMs: number): Promise<void>;
  stop(): Promise<void>;
};

export type LightFleetOptions = {
  readonly name: string;
  readonly count: number;
  readonly seed: Seed;
  /** Of addresses, when a server gets more than one fleet; see `enrolLightHosts`. */
  readonly block?: number;
  /** The server itself unless told. */
  readonly serverUrl?: () => string;
};

/** How long a crowd may take to dial for the first time. */
const FIRST_MS = 120_000;

/** Enrols the hosts, starts their agents, and waits until all of them are welcomed. */
export async function startLightFleet(stack: Pick<Stack, 'api' | 'server'>, options: LightFleetOptions): Promise<LightFleet> {
  const identities = await enrolLightHosts(stack, options.name, options.count, options.block);
  const serverUrl = options.serverUrl ?? (() => stack.server.url);
  const agents = identities.map((identity) => {
    const waits = options.seed.fork(identity.name);
    return startLightAgent(identity, { serverUrl, random: () => waits.fraction() });
  });
  const awaitAllWelcomed = async (deadlineMs: number): Promise<void> => {
    const isThere = async () => (agents.every((agent) => agent.isWelcomed) ? true : undefined);
    await waitFor('all light agents', isThere, { deadlineMs }).catch(() => {
      const away = agents.filter((agent) => !agent.isWelcomed);
      const names = away.slice(0, 5).map(({ identity, goodbyes }) => `${identity.name} (${goodbyes.at(-1) ?? 'not a word'})`);
      throw new Error(`${away.length} of ${agents.length} light agents are not welcomed: ${names.join(', ')}`);
    });
  };
  const stop = async (): Promise<void> => void (await Promise.all(agents.map((agent) => agent.stop())));
  try {
    await awaitAllWelcomed(FIRST_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return { agents, awaitAllWelcomed, stop };
}
