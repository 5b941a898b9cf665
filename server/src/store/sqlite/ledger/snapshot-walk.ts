/** Lists of snapshots: what they walk through, and what they leave out. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import type { SnapshotListOrder } from '@holdfast/shared/domain/list-orders.ts';
import { SNAPSHOT_STATES } from '@holdfast/shared/domain/snapshot.ts';
import { suspicionSchema } from '@holdfast/shared/domain/suspicion.ts';
import * as z from 'zod';
import type { SortedPage } from '../../page.ts';
import type { Snapshot, SnapshotFilter } from '../../snapshots.ts';
import { json, optional, storedEvidence } from '../columns.ts';
import { idOf, numberOf } from '../id-numbers.ts';
import { createOrderedPage, joinConditions, type Ordering, sayAfter, sayOrder, selectKeys } from '../lists/keyset.ts';
import type { Params } from '../statements.ts';
import { verificationSchema } from './copies.ts';

/** The run that is to delete it and has not ended. `id` is that of the row around it: nothing here has a column of this name unqualified. */
const DELETING_RUN = `(SELECT n.run_id FROM run_snapshots n WHERE n.snapshot_id = id AND EXISTS (SELECT 1 FROM runs open
    WHERE open.id = n.run_id AND open.kind = 'delete_snapshot' AND open.state IN ('queued', 'running', 'finalizing')) LIMIT 1)`;
export const SNAPSHOT_COLUMNS = `id, ${idOf('tenant_no')} AS tenant, engine_id AS engineId, run_id AS run, ${idOf('host_no')} AS host,
  ${idOf('source_no')} AS source, ${idOf('plan_no')} AS plan, ${idOf('repository_no')} AS repository, role, state, created_at AS createdAt, size_bytes AS sizeBytes,
  added_bytes AS addedBytes, files, file_name AS fileName, evidence, suspicion, pinned_at AS pinnedAt,
  pinned_by AS pinnedBy, removed_at AS removedAt, removed_why AS removedWhy, proven_at AS provenAt, copy_of AS copyOf, copied_by AS copiedBy, verification,
  ${DELETING_RUN} AS deletingRun, adopted_at AS adoptedAt, adopted_by AS adoptedBy`;
export const snapshotRow: z.ZodType<Snapshot> = z.object({
  id: idSchema('snapshot'),
  tenant: idSchema('tenant'),
  engineId: z.string(),
  run: idSchema('run'),
  host: idSchema('host'),
  source: idSchema('source'),
  plan: optional(idSchema('plan')),
  repository: idSchema('repository'),
  role: z.enum(['data', 'globals']),
  state: z.enum(SNAPSHOT_STATES),
  createdAt: z.int(),
  sizeBytes: z.int(),
  addedBytes: optional(z.int()),
  files: optional(z.int()),
  fileName: optional(z.string()),
  evidence: json(storedEvidence),
  suspicion: optional(json(suspicionSchema)),
  pinnedAt: optional(z.int()),
  pinnedBy: optional(z.string()),
  removedAt: optional(z.int()),
  removedWhy: optional(z.string()),
  provenAt: optional(z.int()),
  copyOf: optional(idSchema('snapshot')),
  copiedBy: optional(idSchema('run')),
  verification: optional(json(verificationSchema)),
  deletingRun: optional(idSchema('run')),
  adoptedAt: optional(z.int()),
  adoptedBy: optional(z.string()),
});

/** The index that narrows a list most, by the filter it serves; the rest is compared row by row. */
export function chooseIndex(filter: SnapshotFilter): string {
  if (filter.pinned) return 'snapshots_pinned';
  if (filter.unreadable) return 'snapshots_unreadable';
  if (filter.copyOf !== undefined) return 'snapshots_copies';
  if (filter.run !== undefined) return 'snapshots_by_run';
  if (filter.source !== undefined) return 'snapshots_by_source';
  if (filter.plan !== undefined) return 'snapshots_by_plan';
  if (filter.host !== undefined) return 'snapshots_by_host';
  if (filter.state !== undefined && filter.state !== 'good') return 'snapshots_by_state';
  if (filter.repository !== undefined) return 'snapshots_by_repository';
  return filter.state === undefined ? 'snapshots_by_time' : 'snapshots_by_state';
}

const BY_TIME: Ordering = { name: 'created.desc', keys: ['created_at', 'id'], isDown: true };
const BY_TIME_UP: Ordering = { ...BY_TIME, name: 'created.asc', isDown: false };
const BY_SIZE: Ordering = { name: 'size.asc', keys: ['size_bytes', 'rowid'], isDown: false };
const BY_SIZE_DOWN: Ordering = { ...BY_SIZE, name: 'size.desc', isDown: true };

function chooseOrdering(sort: SortedPage<SnapshotListOrder>['sort']): Ordering {
  if (sort?.by === 'size') return sort.direction === 'asc' ? BY_SIZE : BY_SIZE_DOWN;
  return sort?.direction === 'asc' ? BY_TIME_UP : BY_TIME;
}

/** What can be many is walked in its order; what a filter makes few is sorted. */
function chooseSizeIndex(filter: SnapshotFilter): string {
  const index = chooseIndex(filter);
  const isMany =
    ['snapshots_by_time', 'snapshots_by_repository'].includes(index) ||
    (index === 'snapshots_by_state' && (filter.state === 'good' || filter.state === 'removed'));
  return isMany ? 'snapshots_by_size' : index;
}

/** The conditions of a list of snapshots. `since` is the first instant shown, `until` the first not shown. */
export function listSnapshotConditions(filter: SnapshotFilter): readonly (string | false | undefined)[] {
  return [
    `tenant_no = ${numberOf('@tenant')}`,
    'role = @role',
    filter.pinned && 'pinned_at IS NOT NULL',
    filter.proven && 'proven_at IS NOT NULL',
    filter.unreadable && `verification LIKE '{"ok":false%'`,
    filter.copyOf !== undefined && 'copy_of = @copyOf',
    filter.run !== undefined && 'run_id = @run',
    filter.source !== undefined && `source_no = ${numberOf('@source')}`,
    filter.plan !== undefined && `plan_no = ${numberOf('@plan')}`,
    filter.host !== undefined && `host_no = ${numberOf('@host')}`,
    filter.repository !== undefined && `repository_no = ${numberOf('@repository')}`,
    // What is gone on purpose shows only to those who ask for it.
    filter.state === undefined ? "state <> 'removed'" : 'state = @state',
    filter.since !== undefined && 'created_at >= @since',
    filter.until !== undefined && 'created_at < @until',
  ];
}

/** The values of the conditions. */
export function toSnapshotParams({
  pinned: _pinned,
  proven: _proven,
  unreadable: _unreadable,
  ...given
}: SnapshotFilter): Params {
  return { ...given, role: given.role ?? 'data' };
}

export function buildSnapshotList(
  filter: SnapshotFilter,
  { sort, ...page }: SortedPage<SnapshotListOrder>,
): { text: string; params: Params; ordering: Ordering } {
  const ordering = chooseOrdering(sort);
  const index = sort?.by === 'size' ? chooseSizeIndex(filter) : chooseIndex(filter);
  const text = `SELECT ${SNAPSHOT_COLUMNS}, ${selectKeys(ordering)} FROM snapshots INDEXED BY ${index}
WHERE ${joinConditions([...listSnapshotConditions(filter), sayAfter(ordering, page)])}
${sayOrder(ordering)}`;
  return { text, params: { ...toSnapshotParams(filter), ...createOrderedPage(ordering, page) }, ordering };
}
