/** What the proxy keeps in memory and how long it waits, by name and unit. */

const KIB = 1024;

export const PROXY = {
  /** Bytes ready to be written in one direction; at this mark the sender is no longer read from. */
  queueBytes: 256 * KIB,
  /** Largest WebSocket message that is kept whole; a larger one goes through in pieces and untouched. */
  messageBytes: 320 * KIB,
  /** Messages and copies held back in one direction for later; beyond either, a message is not held back. */
  heldBytes: 256 * KIB,
  heldMessages: 64,
  /** Request or response head in which an upgrade is looked for. */
  headBytes: 64 * KIB,
  /** A held message is let go after this long even when too few others have passed it, so that no exchange stops. */
  holdMs: 250,
  /** Smallest slice of time in which a throttled direction is fed. */
  throttleSliceMs: 20,
  /** Between two pieces of a message that is written in tiny pieces. */
  pieceGapMs: 1,
  /** After a cut with FIN, how long the two ends have to hang up themselves. */
  lingerMs: 1_000,
} as const;

/**
 * The most that one direction of one connection holds: a full queue, one more read that ends a message of the largest
 * size which is sent twice, everything held back, and the beginning of the next message. What sockets buffer comes on top.
 */
export const DIRECTION_BYTES_MAX = PROXY.queueBytes + 64 * KIB + 3 * PROXY.messageBytes + PROXY.heldBytes;
