/** Retention as an order: the host that keeps a repository up removes what the server planned, of plans that may be other hosts'. */
import * as z from 'zod';
import { idSchema } from '../domain/ids.ts';
import { engineSnapshotIdSchema } from '../domain/snapshot.ts';
import { RETENTION, TEXT } from '../limits.ts';
import { orderedRepositorySchema } from './drafts.ts';

/** What goes of one source, and what has to be there still for that to be right. */
const orderedRemovalSchema = z.object({
  source: idSchema('source'),
  /** The host that made them, as their tags say. */
  host: idSchema('host'),
  remove: z
    .array(z.object({ engineId: engineSnapshotIdSchema, why: z.string().max(200) }))
    .min(1)
    .max(RETENTION.removedPerOrder),
  /** Of those that stay, the newest. */
  keep: z.array(engineSnapshotIdSchema).max(RETENTION.keptNamed),
  /** How many backups stay and go in all, what a later order removes included. */
  staying: z.int().min(0),
  going: z.int().min(0),
});
export type OrderedRemoval = z.infer<typeof orderedRemovalSchema>;

/** Why something is left where it is. */
const heldRemovalSchema = z.object({
  reason: z.enum(['retention_frozen', 'retention_asks']),
  message: z.string().max(RETENTION.heldChars),
});
export type HeldRemoval = z.infer<typeof heldRemovalSchema>;

export const RETENTION_ORDERS = {
  'retention.start': {
    body: z.object({
      run: idSchema('run'),
      tenant: idSchema('tenant'),
      plan: idSchema('plan'),
      /** Names, for the log. */
      planName: z.string().max(TEXT.nameChars),
      policyName: z.string().max(TEXT.nameChars),
      /** Through the admin credential. */
      repository: orderedRepositorySchema,
      removals: z.array(orderedRemovalSchema).max(RETENTION.sourcesPerOrder),
      held: z.array(heldRemovalSchema).max(RETENTION.sourcesPerOrder),
      trigger: z.enum(['manual', 'api', 'schedule']),
      requestedBy: z.string().max(TEXT.nameChars),
      notAfter: z.int().min(0),
    }),
    result: z.object({ run: idSchema('run') }),
  },
} as const;
