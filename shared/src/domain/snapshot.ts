/** A snapshot: one restorable point, as the ledger knows it. */
import * as z from 'zod';
import { canariesSchema, contentsSchema } from './contents.ts';
import { idSchema } from './ids.ts';
import { evidenceSchema } from './run.ts';

/** restic's full snapshot id. */
export const engineSnapshotIdSchema = z.string().regex(/^[0-9a-f]{64}$/u, 'not a snapshot id');

/** Tags every snapshot carries from its creation; they cannot be changed later in append-only repositories. */
export const TAG_KEYS = ['tenant', 'host', 'plan', 'source', 'run', 'role'] as const;
export type TagKey = (typeof TAG_KEYS)[number];
export type SnapshotTags = Record<TagKey, string>;

export function formatTags(tags: SnapshotTags): string[] {
  return TAG_KEYS.map((key) => `${key}:${tags[key]}`);
}

/** Stands in the tags where others name their plan: the backup of what a restore was about to change. Good or not, it is nobody's newest. */
export const SAFETY_PLAN = 'safety';

/** Reads our tags back; undefined when the snapshot is not one of ours. */
export function findTags(tags: readonly string[]): SnapshotTags | undefined {
  const found: Partial<SnapshotTags> = {};
  for (const key of TAG_KEYS) {
    const tag = tags.find((candidate) => candidate.startsWith(`${key}:`));
    if (tag === undefined) return undefined;
    found[key] = tag.slice(key.length + 1);
  }
  return found as SnapshotTags;
}

/**
 * `good` and `partial` only when the part that made it ended so; `quarantined` until then and when no clean run vouches for it;
 * `missing` when the repository does not have it any more, and nobody knows why; `removed` by retention or by a person.
 */
export const SNAPSHOT_STATES = ['good', 'partial', 'quarantined', 'missing', 'removed'] as const;
export type SnapshotState = (typeof SNAPSHOT_STATES)[number];

/** What the agent reports when a snapshot was made and its evidence looked at. */
export const snapshotMadeSchema = z.object({
  id: idSchema('snapshot'),
  engineId: engineSnapshotIdSchema,
  source: idSchema('source'),
  role: z.enum(['data', 'globals']),
  /** Host's time of creation, epoch milliseconds. */
  createdAt: z.int().min(0),
  /** Bytes a restore gives back, before compression and deduplication. */
  sizeBytes: z.int().min(0),
  /** Bytes this snapshot added to the repository; undefined when the engine does not say. */
  addedBytes: z.int().min(0).optional(),
  files: z.int().min(0).optional(),
  /** Name of the file inside a dump's snapshot; undefined for trees. */
  fileName: z.string().max(200).optional(),
  evidence: z.array(evidenceSchema).max(20),
  /** What the database held; undefined where nothing was recorded. */
  contents: contentsSchema.optional(),
  /** Of files: what the operator's canaries were. */
  canaries: canariesSchema.optional(),
});
export type SnapshotMade = z.infer<typeof snapshotMadeSchema>;
