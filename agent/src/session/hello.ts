/** The first frame of an agent: which host it is, the proof of it, and where it stands. */
import type { AgentFrames, HostFacts, ServerFrames, ToolReport } from '@holdfast/shared/protocol/messages.ts';
import { PROTOCOL_OLDEST, PROTOCOL_VERSION } from '@holdfast/shared/protocol/version.ts';
import type { HostCredentialStore } from '../identity/host-credentials.ts';
import { buildConnectProof } from '../identity/proof.ts';
import type { Workbench } from '../runs/workbench.ts';

export interface HelloPorts {
  workbench: Workbench;
  credentials: HostCredentialStore;
  /** Made anew at each start of the agent. */
  boot: string;
  facts(): HostFacts;
  tools(): readonly ToolReport[];
  listRuns(): AgentFrames['hello']['runs'];
}

/**
 * Answers a challenge that arrived at `challengedAt`, epoch milliseconds of this host. The counter is on disk before it is used: a copy of
 * this agent gives itself away by it. `describeOutbox` is asked last, as numbers change while the counter is written.
 */
export async function buildHello(
  { workbench, credentials, boot, facts, tools, listRuns }: HelloPorts,
  { nonce }: ServerFrames['challenge'],
  challengedAt: number,
  describeOutbox: () => AgentFrames['hello']['outbox'],
): Promise<AgentFrames['hello']> {
  const { journal, crypto, identity } = workbench;
  const counter = await credentials.nextCounter();
  const held = credentials.get();
  const proof = buildConnectProof(crypto, identity, held, { nonce, counter, bootId: boot });
  const spec = journal.spec.load();
  const serverEpoch = journal.outbox.findServerEpoch();
  return {
    host: held.hostId,
    protocol: { oldest: PROTOCOL_OLDEST, newest: PROTOCOL_VERSION },
    proof: proof.signature,
    counter,
    boot,
    facts: facts(),
    tools: [...tools()],
    outbox: describeOutbox(),
    specVersion: spec?.version ?? 0,
    ...(spec === undefined ? {} : { specSignature: spec.signature }),
    ...(serverEpoch === undefined ? {} : { serverEpoch }),
    challengedAt,
    ...(process.versions['tz'] === undefined ? {} : { zoneRules: process.versions['tz'] }),
    runs: listRuns(),
  };
}
