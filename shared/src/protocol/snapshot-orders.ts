/** Orders about snapshots that are named one by one: read them whole, remove them, copy them to a second repository. */
import * as z from 'zod';
import { idSchema } from '../domain/ids.ts';
import { engineSnapshotIdSchema, snapshotMadeSchema } from '../domain/snapshot.ts';
import { RUNS, TEXT } from '../limits.ts';
import { orderedRepositorySchema } from './drafts.ts';

const { shape: made } = snapshotMadeSchema;

/** A snapshot as the ledger of the server knows it. */
const orderedSnapshotSchema = z.object({
  id: idSchema('snapshot'),
  engineId: engineSnapshotIdSchema,
  source: idSchema('source'),
  role: made.role,
  createdAt: made.createdAt,
  sizeBytes: made.sizeBytes,
  files: made.files,
  fileName: made.fileName,
  /** The backup that made it; a copy of it belongs to that backup too. */
  run: idSchema('run'),
  plan: idSchema('plan').optional(),
  /** Nothing vouches for all of it: some files could not be read. */
  isPartial: z.boolean().optional(),
  /** No run made it, so its tags say nothing of it; a host whose own ledger vouches for it does not remove it. */
  isOrphan: z.boolean().optional(),
  /** The name of the host that made it, where that is another one than the host of the order. */
  madeBy: z.string().max(TEXT.nameChars).optional(),
});
export type OrderedSnapshot = z.infer<typeof orderedSnapshotSchema>;

/**
 * In orders of at most `limit`, in the order given. What one backup made of a source, its data and the roles beside them, stands together and is
 * not parted unless it alone is more than that.
 */
export function cutOrders<T extends Pick<OrderedSnapshot, 'run' | 'source'>>(
  snapshots: readonly T[],
  limit: number = RUNS.snapshotsPerOrder,
): T[][] {
  const orders: T[][] = [];
  let last: T[] = [];
  const open = () => {
    last = [];
    orders.push(last);
  };
  for (const together of Map.groupBy(snapshots, ({ run, source }) => `${run} ${source}`).values()) {
    if (orders.length === 0 || last.length + together.length > limit) open();
    for (const snapshot of together) {
      if (last.length === limit) open();
      last.push(snapshot);
    }
  }
  return orders;
}

const terms = {
  run: idSchema('run'),
  snapshots: z.array(orderedSnapshotSchema).min(1).max(RUNS.snapshotsPerOrder),
  trigger: z.enum(['manual', 'api']),
  requestedBy: z.string().max(TEXT.nameChars),
  notAfter: z.int().min(0),
};
const result = z.object({ run: idSchema('run') });

export const SNAPSHOT_ORDERS = {
  'verify.start': { body: z.object({ ...terms, repository: orderedRepositorySchema }), result },
  'delete_snapshot.start': {
    body: z.object({
      ...terms,
      repository: orderedRepositorySchema,
      /** The secrets are those of the admin credential, which no host writes down. */
      isAdmin: z.boolean(),
    }),
    result,
  },
  'copy.start': {
    body: z.object({
      ...terms,
      plan: idSchema('plan').optional(),
      /** Where they lie; its secrets are sealed for `<run>.from`. */
      from: orderedRepositorySchema,
      /** Where they go. */
      repository: orderedRepositorySchema,
    }),
    result,
  },
} as const;

const at = z.int().min(0);

/** One snapshot was read to its end, or could not be. */
export const snapshotVerifiedSchema = z.object({
  type: z.literal('snapshot.verified'),
  run: idSchema('run'),
  at,
  snapshot: idSchema('snapshot'),
  engineId: engineSnapshotIdSchema,
  ok: z.boolean(),
  /** Bytes that came out of it. */
  bytes: z.int().min(0),
  /** Of the stored stream, or of the whole tree as a tar archive. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/u)
    .optional(),
  seen: z.string().max(500),
});

/** A snapshot lies in the run's repository too, and was read back there. */
export const snapshotCopiedSchema = z.object({
  type: z.literal('snapshot.copied'),
  run: idSchema('run'),
  at,
  /** The snapshot it is a copy of. */
  of: idSchema('snapshot'),
  snapshot: snapshotMadeSchema,
});
