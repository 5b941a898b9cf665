/** What a host sees of the places of its repositories, beside what restic says: room, and certificates. A word that is lost is told again later. */
import * as z from 'zod';
import { idSchema } from '../domain/ids.ts';
import { REPOSITORY_LOOKS } from '../limits.ts';

const repositoryLookSchema = z.object({
  repository: idSchema('repository'),
  /** When it was looked at, by the host's clock. */
  at: z.int().min(0),
  /** Of the file system it lies on, where it lies on this host. */
  freeBytes: z.int().min(0).optional(),
  /** When the certificate ends that its https address shows, whoever signed it. */
  certificateEndsAt: z.int().min(0).optional(),
});
export type RepositoryLook = z.infer<typeof repositoryLookSchema>;

export const REPOSITORY_LOOK_FRAMES = {
  'repositories.seen': z.object({ looks: z.array(repositoryLookSchema).min(1).max(REPOSITORY_LOOKS.looksPerFrame) }),
} as const;
