/** What a host tells of its regular looks at its sources, as they are now: a word that is lost is told again later. */
import * as z from 'zod';
import { idSchema } from '../domain/ids.ts';
import { SOURCE_HEALTH } from '../limits.ts';

const sourceLookSchema = z.object({
  source: idSchema('source'),
  /** When it was looked at, by the host's clock. */
  at: z.int().min(0),
  /** Looks in a row that failed, counted up to `SOURCE_HEALTH.offlineFrom`; 0: it answered. */
  failures: z.int().min(0).max(SOURCE_HEALTH.offlineFrom),
  /** How long the look took. */
  latencyMs: z.int().min(0),
  /** Why it failed; hostile text. */
  text: z.string().max(SOURCE_HEALTH.textChars).optional(),
});
export type SourceLook = z.infer<typeof sourceLookSchema>;

export const SOURCE_LOOK_FRAMES = {
  'sources.seen': z.object({ looks: z.array(sourceLookSchema).min(1).max(SOURCE_HEALTH.looksPerFrame) }),
} as const;
