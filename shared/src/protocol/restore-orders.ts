/** Orders to bring a snapshot back, or a dump file of the host. */
import * as z from 'zod';
import { sealedSecretsSchema } from '../crypto/sealed.ts';
import { contentsSchema } from '../domain/contents.ts';
import { idSchema } from '../domain/ids.ts';
import { configSchema } from '../domain/plan.ts';
import { restoreOptionsSchema } from '../domain/restore.ts';
import { engineSnapshotIdSchema } from '../domain/snapshot.ts';
import { TEXT } from '../limits.ts';
import { orderedRepositorySchema, sourceDraftSchema } from './drafts.ts';
import { restoreTargetSchema } from './events.ts';
import { storedGlobalsSchema } from './restore-roles.ts';

export const RESTORE_ORDERS = {
  'restore.start': {
    body: z.object({
      run: idSchema('run'),
      /** Both are left out where the target names a file of the host (`from`): then no repository is read. */
      snapshot: idSchema('snapshot').optional(),
      engineId: z
        .string()
        .regex(/^[0-9a-f]{64}$/u)
        .optional(),
      fileName: z.string().max(200).optional(),
      /** Of the stored dump, or of the file. */
      sizeBytes: z.int().min(0),
      /** The source the snapshot was made of, as it was; its kind decides how it is read back. For a file: the one whose connection is used. */
      source: z.object({ id: idSchema('source'), kind: z.string().max(32), config: configSchema }),
      /**
       * The repository, with secrets sealed for this request: the host may not have it in its spec. For a file: the one that a safety backup
       * goes to.
       */
      repository: orderedRepositorySchema,
      /** Where the same backup lies too: taken when the first cannot be reached. Its secrets are sealed for `<run>.second`. */
      second: z.object({ engineId: engineSnapshotIdSchema, repository: orderedRepositorySchema }).optional(),
      target: restoreTargetSchema,
      /** The server connection to restore a database through, with secrets sealed for this request. */
      connection: sourceDraftSchema.optional(),
      options: restoreOptionsSchema.optional(),
      /** The password of the user in `options.connectAs`, sealed for `<run>.credential`. The host holds it in memory and writes it down nowhere. */
      credential: sealedSecretsSchema.optional(),
      /** The source of this host that a safety backup of the target belongs to; left out: the one whose connection is used, of files the snapshot's own. */
      safetySource: idSchema('source').optional(),
      /** The roles that were stored beside the data, where some are to be made. */
      globals: storedGlobalsSchema.optional(),
      /** What the database held as it was backed up, where that was recorded: what comes back is held against it. */
      recorded: contentsSchema.optional(),
      trigger: z.enum(['manual', 'api']),
      requestedBy: z.string().max(TEXT.nameChars),
      notAfter: z.int().min(0),
    }),
    result: z.object({ run: idSchema('run') }),
  },
} as const;
