/** Sources and repositories as requests bring them: their settings, and secrets sealed for that one request. */
import * as z from 'zod';
import { sealedSecretsSchema } from '../crypto/sealed.ts';
import { idSchema } from '../domain/ids.ts';
import { configSchema } from '../domain/plan.ts';

/** A source or repository that may not be saved yet, with its secrets sealed for this request. */
export const sourceDraftSchema = z.object({
  kind: z.string().max(32),
  config: configSchema,
  secrets: sealedSecretsSchema.optional(),
  /** It had secrets that a host which keeps none has set aside; never on the wire. */
  secretsApart: z.boolean().optional(),
});
export const repositoryDraftSchema = sourceDraftSchema;
export type AdapterDraft = z.infer<typeof sourceDraftSchema>;

/** A repository as an order names it, with secrets sealed for this order: the host may not have it in its spec, or not with these secrets. */
export const orderedRepositorySchema = z.object({
  id: idSchema('repository'),
  draft: repositoryDraftSchema,
  pinnedId: z.string().max(64).optional(),
});
export type OrderedRepository = z.infer<typeof orderedRepositorySchema>;
