/** End-points about snapshots: what can be brought back. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { SNAPSHOT_LIST_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { evidenceSchema } from '@holdfast/shared/domain/run.ts';
import type { SnapshotState } from '@holdfast/shared/domain/snapshot.ts';
import { suspicionSchema } from '@holdfast/shared/domain/suspicion.ts';
import * as z from 'zod';
import { pinSnapshot, unpinSnapshot } from '../../core/snapshots/pins.ts';
import { getSnapshot, listSnapshots } from '../../core/snapshots/snapshots.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import {
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  sortFields,
  toPageReply,
  toSortedRequest,
} from './shapes/shapes.ts';

const ROLES = ['data', 'globals'] as const;
const STATES = ['good', 'partial', 'quarantined', 'missing', 'removed'] as const satisfies readonly SnapshotState[];

export const snapshotShape = nameShape(
  'Snapshot',
  z.strictObject({
    id: idSchema('snapshot'),
    engineId: z.string(),
    run: idSchema('run'),
    host: idSchema('host'),
    source: idSchema('source'),
    plan: idSchema('plan').optional(),
    repository: idSchema('repository'),
    role: z.enum(ROLES),
    state: z.enum(STATES).meta({ description: 'Only good and partial ones are offered for restore, and adopted ones by name' }),
    createdAt: instantSchema,
    sizeBytes: z.int().min(0),
    addedBytes: z.int().min(0).optional(),
    files: z.int().min(0).optional(),
    fileName: z.string().optional(),
    evidence: listOf(evidenceSchema),
    suspicion: suspicionSchema.optional().meta({
      description: 'Set when its size does not fit those of the clean snapshots before it',
    }),
    pinnedAt: instantSchema.optional().meta({ description: 'Since when it stays whatever the policy of its plan says' }),
    pinnedBy: z.string().optional(),
    provenAt: instantSchema
      .optional()
      .meta({ description: 'When a drill last proved that it can be restored, by its host’s clock' }),
    removedAt: instantSchema.optional().meta({ description: 'When its host removed it, by the host’s clock' }),
    removedWhy: z.string().optional(),
    copyOf: idSchema('snapshot')
      .optional()
      .meta({ description: 'Of a copy: the snapshot it is one of; `run` is that of the backup' }),
    copiedBy: idSchema('run').optional(),
    verification: z
      .strictObject({
        ok: z.boolean(),
        run: idSchema('run'),
        at: instantSchema,
        bytes: z.int().min(0).meta({ description: 'What its files hold together' }),
        sha256: z.string().optional().meta({ description: 'Of the stored stream, or of the tree as a tar archive' }),
        seen: z.string(),
      })
      .optional()
      .meta({ description: 'How the last reading of all of it went' }),
    deletingRun: idSchema('run').optional().meta({
      description:
        'Its deletion is ordered and pending: the run that carries it out. Nothing offers it for restore until that run is cancelled',
    }),
    adoptedAt: instantSchema
      .optional()
      .meta({ description: 'When a person took it over; no run made it, and `run` is the id of none' }),
    adoptedBy: z.string().optional(),
  }),
);

export function toSnapshotShape(snapshot: Snapshot): z.infer<typeof snapshotShape> {
  const { tenant: _tenant, ...shown } = snapshot;
  return shown;
}

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/snapshots',
  scope: 'read',
  summary:
    'Lists snapshots, newest first unless another order is asked for; without `role` those of data only, and removed ones only when asked for by `state`.',
  tag: 'snapshots',
  query: z.strictObject({
    ...pageFields,
    host: idSchema('host').optional(),
    plan: idSchema('plan').optional(),
    source: idSchema('source').optional(),
    repository: idSchema('repository').optional(),
    run: idSchema('run').optional(),
    copyOf: idSchema('snapshot').optional().meta({ description: 'Only copies of this snapshot' }),
    state: z.enum(STATES).optional(),
    role: z.enum(ROLES).optional(),
    pinned: z.literal('true').optional().meta({ description: 'Only pinned ones' }),
    since: z.coerce.number().int().min(0).optional().meta({ description: 'Made at or after; epoch milliseconds' }),
    until: z.coerce.number().int().min(0).optional().meta({ description: 'Made before; epoch milliseconds' }),
    search: searchInput.optional().meta({
      description:
        'Part of the name of its host, plan, repository or source, or how its id, its `engineId` or the id of its run begins. Goes with the order `created` alone; see `meta.passedOver`',
    }),
    ...sortFields(SNAPSHOT_LIST_ORDERS, 'the newest come first'),
  }),
  reply: listOf(snapshotShape),
  async handle(context, caller, { query }) {
    const { host, plan, source, repository, run, copyOf, state, role, since, until, search } = query;
    const pinned = query.pinned === 'true' ? (true as const) : undefined;
    const filter = { host, plan, source, repository, run, copyOf, state, role, pinned, since, until, search };
    return toPageReply(await listSnapshots(context, caller, filter, toSortedRequest(query)), toSnapshotShape);
  },
});

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/snapshots/:id',
  scope: 'read',
  summary: 'One snapshot with its evidence.',
  tag: 'snapshots',
  params: idParams('snapshot'),
  reply: snapshotShape,
  handle: async (context, caller, { params }) => ({ data: toSnapshotShape(await getSnapshot(context, caller, params.id)) }),
});

const pin = {
  path: '/snapshots/:id/pin',
  scope: 'configure',
  tag: 'snapshots',
  params: idParams('snapshot'),
  reply: snapshotShape,
} as const;

const pinEndpoint = defineEndpoint({
  ...pin,
  method: 'post',
  summary: 'Pins a snapshot, and what was stored beside it: it stays whatever the policy of its plan says.',
  handle: async (context, caller, { params }) => ({ data: toSnapshotShape(await pinSnapshot(context, caller, params.id)) }),
});

const unpinEndpoint = defineEndpoint({
  ...pin,
  method: 'delete',
  summary: 'Leaves a snapshot to the policy of its plan again.',
  handle: async (context, caller, { params }) => ({ data: toSnapshotShape(await unpinSnapshot(context, caller, params.id)) }),
});

export const SNAPSHOT_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint, getEndpoint, pinEndpoint, unpinEndpoint];
