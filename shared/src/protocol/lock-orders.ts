/** Orders to take locks of a repository away that a person looked at. */
import * as z from 'zod';
import { idSchema } from '../domain/ids.ts';
import { HOLDER_STATES, repositoryLockSchema } from '../domain/lock.ts';
import { LOCKS, TEXT } from '../limits.ts';
import { orderedRepositorySchema } from './drafts.ts';

/** A lock as it was looked at, and what its host said of the holder: `unknown` where no host of that name is known. */
const seenLockSchema = repositoryLockSchema.extend({ holder: z.enum([...HOLDER_STATES, 'unasked', 'unknown']) });

export const LOCK_ORDERS = {
  'unlock.start': {
    body: z.object({
      run: idSchema('run'),
      repository: orderedRepositorySchema,
      /** All that were there; the agent removes none where another one has come up. */
      locks: z.array(seenLockSchema).min(1).max(LOCKS.listed),
      /** A person answers for holders that nobody proved gone. */
      isForced: z.boolean(),
      trigger: z.enum(['manual', 'api']),
      requestedBy: z.string().max(TEXT.nameChars),
      notAfter: z.int().min(0),
    }),
    result: z.object({ run: idSchema('run') }),
  },
} as const;
