/** What a host tells of all that lies in a repository, whoever made it. Every text of it is hostile. */
import * as z from 'zod';
import { engineSnapshotIdSchema } from '../domain/snapshot.ts';
import { CONTENTS } from '../limits.ts';
import { repositoryDraftSchema } from './drafts.ts';

export const storedSnapshotSchema = z.object({
  engineId: engineSnapshotIdSchema,
  /** Epoch milliseconds, by the clock of the machine that made it; may lie in the future. */
  createdAt: z.int(),
  hostname: z.string().max(CONTENTS.textChars),
  /** The first ones, each cut to its length. */
  tags: z.array(z.string().max(CONTENTS.textChars)).max(CONTENTS.tags),
  paths: z.array(z.string().max(CONTENTS.pathChars)).max(CONTENTS.paths),
  /** How many paths it has in all. */
  pathCount: z.int().min(0),
  /** Left out where the tool that made it did not write it down. */
  sizeBytes: z.int().min(0).optional(),
});
export type StoredSnapshot = z.infer<typeof storedSnapshotSchema>;

export const CONTENTS_REQUESTS = {
  'repository.contents': {
    body: z.object({
      ref: z.string().max(80),
      draft: repositoryDraftSchema,
      pinnedId: z.string().max(64).optional(),
      /** Snapshots to pass over; 0 reads the repository anew. */
      after: z.int().min(0),
      notAfter: z.int().min(0),
    }),
    result: z.object({
      /** Newest first. */
      snapshots: z.array(storedSnapshotSchema).max(CONTENTS.perAnswer),
      total: z.int().min(0),
      /** Those that are there and could not be read. */
      unreadable: z.int().min(0),
      /** Where the next part begins. */
      next: z.int().min(1).optional(),
    }),
  },
} as const;
