/** Locks in a repository: what each says of its holder, and what can be known of that holder. */
import * as z from 'zod';
import { LOCKS } from '../limits.ts';
import { idSchema } from './ids.ts';

/** The file's name, which is the hash of what it holds: another lock never has the same one. */
export const lockIdSchema = z.string().regex(/^[0-9a-f]{64}$/u);

/** Written by whoever took it; everything but the id is that program's word, and hostile text. */
export const repositoryLockSchema = z.object({
  id: lockIdSchema,
  /** Epoch milliseconds, by the clock of the host that holds it; no later than any date there is. */
  createdAt: z.int().min(0).max(8_640_000_000_000_000),
  exclusive: z.boolean(),
  hostname: z.string().max(300),
  username: z.string().max(300),
  pid: z.int().min(0),
});
export type RepositoryLock = z.infer<typeof repositoryLockSchema>;

/** A lock that an agent removed by itself, because its holder was a process of its own that is proven to be gone. */
export const clearedLockSchema = z.object({
  /** The repository, where the host's settings name it. */
  repository: idSchema('repository').optional(),
  /** The engine's id of it, where it is known. */
  engineId: z.string().max(64).optional(),
  lock: repositoryLockSchema,
});
export type ClearedLock = z.infer<typeof clearedLockSchema>;

/**
 * What a host can say of a lock's holder. `running`: the agent there runs that process. `gone`: the agent there had started it, and it has
 * ended. `unseen`: no process of that number runs there, but it was not the agent's, or is not known any more. `other`: a process of that number
 * runs there that the agent did not start. `elsewhere`: the lock names another host.
 */
export const HOLDER_STATES = ['running', 'gone', 'unseen', 'other', 'elsewhere'] as const;
export type HolderState = (typeof HOLDER_STATES)[number];

/** Whether that alone proves that nobody needs the lock any more. */
export const isProvenGone = (state: HolderState | undefined): boolean => state === 'gone';

export const locksSchema = z.array(repositoryLockSchema).max(LOCKS.listed);
