/**
 * What agents of one protocol version may or may not be able to do. A capability has the name of the request it answers, with a part of its body
 * behind it where older agents pass that over; an agent names its own in its facts, and a server asks only those who named it.
 */
import type { RequestType } from './messages.ts';

/** Those of this build's agent. */
export const AGENT_CAPABILITIES = [
  'secrets.put',
  'forget.start',
  'check.start',
  'prune.start',
  'drill.start',
  'verify.start',
  'delete_snapshot.start',
  'copy.start',
  'retention.start',
  'restore.look',
  // Named by agents that also restore from a file through several connections.
  'restore.roles',
  'snapshot.list',
  'snapshot.find',
  'snapshot.diff',
  'restore.preview',
  // Named by agents that also take checks, prunes and removals which no person ordered.
  'repository.measure',
  'locks.list',
  'locks.attest',
  'locks.clear',
  'directories.look',
  'repository.contents',
  // Named by agents that also restore a dump file of the host, in place of a snapshot.
  'dump_files.list',
  // Named by agents that also back up first what a restore in place would replace.
  'unlock.start',
  'restore.start credential',
  // It keeps the sealed copies that a spec brings.
  'spec.put recovery',
] as const satisfies readonly (RequestType | `${RequestType} ${string}`)[];
export type Capability = (typeof AGENT_CAPABILITIES)[number];

/** Whether an agent with these facts answers the request. No facts: it has not said so. */
export function hasCapability(
  facts: { capabilities?: readonly string[] | undefined } | undefined,
  capability: Capability,
): boolean {
  return facts?.capabilities?.includes(capability) ?? false;
}
