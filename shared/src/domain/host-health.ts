/** From where on figures of a host are worth a look, for its page and for the host itself. */
export const HOST_HEALTH = {
  /** Events not told yet that a line of usual speed does not have. */
  backlogEvents: 1000,
  /** Free bytes beside the journal: below the first worth a look, below the second close to losing logs. */
  roomLookBytes: 512 * 1024 ** 2,
  roomBadBytes: 64 * 1024 ** 2,
  /** The journal's own bytes; what its keeping times let grow is far below. */
  journalLookBytes: 2 * 1024 ** 3,
  /** Milliseconds that the agent answers late. */
  lagLookMs: 1000,
} as const;
export type HostHealth = typeof HOST_HEALTH;
