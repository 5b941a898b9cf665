/** Orders to try out a restore. */
import * as z from 'zod';
import { canariesSchema, contentsSchema } from '../domain/contents.ts';
import { drillAssertionsSchema } from '../domain/drill.ts';
import { idSchema } from '../domain/ids.ts';
import { runLimitsSchema } from '../domain/plan.ts';
import { engineSnapshotIdSchema } from '../domain/snapshot.ts';
import { TEXT } from '../limits.ts';
import { orderedRepositorySchema, sourceDraftSchema } from './drafts.ts';

const epochMs = z.int().min(0);

/** All that a host has to know of a source that is not its own. */
const foreignSchema = z.object({
  kind: z.string().max(32),
  /** With secrets sealed for this order, by the id of its run. */
  repository: orderedRepositorySchema,
  limits: runLimitsSchema,
  timeoutMinutes: z.int().min(0),
});

export const DRILL_ORDERS = {
  'drill.start': {
    body: z.object({
      run: idSchema('run'),
      /** Its repository is where the snapshot lies, and its limits are those of the drill. */
      plan: idSchema('plan'),
      source: idSchema('source'),
      snapshot: idSchema('snapshot'),
      engineId: engineSnapshotIdSchema,
      fileName: z.string().max(200).optional(),
      sizeBytes: z.int().min(0),
      /** When the snapshot was made, by the clock of the host that made it. */
      createdAt: epochMs,
      /** Questions of an operator, asked of the throw-away database alone; none for files. */
      assertions: drillAssertionsSchema,
      /** What the database held as the snapshot was made. */
      recorded: contentsSchema.optional(),
      /** Files that must be in the backup, as they were on the host then. */
      canaries: canariesSchema.optional(),
      /** Set for a host that is not the source's: it has neither plan nor source of it. */
      foreign: foreignSchema.optional(),
      /** The server to restore into, in a database of the drill alone; secrets are sealed for this order, by the id of its run. */
      server: sourceDraftSchema.optional(),
      trigger: z.enum(['manual', 'api', 'schedule']),
      requestedBy: z.string().max(TEXT.nameChars),
      notAfter: epochMs,
    }),
    result: z.object({ run: idSchema('run') }),
  },
} as const;
