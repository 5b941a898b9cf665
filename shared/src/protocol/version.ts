/**
 * One integer for the whole protocol. It rises when a peer of the previous version could misunderstand a frame;
 * an added optional field or event does not raise it, because unknown fields are ignored.
 *
 *   1  2026-11-20  announce and enrol, hello with key proof, signed spec, durable events with cumulative
 *                  acknowledgement, runs (backup, restore), tests, discovery, repository set-up.
 *                  Secrets apart from the spec (`secrets.put`) for agents that name the capability.
 */
export const PROTOCOL_VERSION = 1;

/** The oldest version this build still speaks. */
export const PROTOCOL_OLDEST = 1;

/** The version two peers speak together, or undefined when their ranges do not meet. */
export function negotiateVersion(theirs: { oldest: number; newest: number }): number | undefined {
  const newest = Math.min(PROTOCOL_VERSION, theirs.newest);
  return newest >= Math.max(PROTOCOL_OLDEST, theirs.oldest) ? newest : undefined;
}
