import { snapshotRecordSchema } from '@holdfast/shared/domain/contents.ts';
import { idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import type { SnapshotListOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import { SNAPSHOT_STATES } from '@holdfast/shared/domain/snapshot.ts';
import { findSuspicion, SIZE_HISTORY, type Suspicion, suspicionSchema } from '@holdfast/shared/domain/suspicion.ts';
import * as z from 'zod';
import type { SortedPage } from '../page.ts';
import type { Snapshot, SnapshotFilter, SnapshotStore } from '../snapshots.ts';
import { counted, json, optional, storedEvidence, toJson } from './columns.ts';
import { verificationSchema } from './copies.ts';
import { idOf, numberOf, SNAPSHOT_PLACE } from './id-numbers.ts';
import {
  createOrderedPage,
  cutOrdered,
  joinConditions,
  keyedRow,
  type Ordering,
  sayAfter,
  sayOrder,
  selectKeys,
} from './keyset.ts';
import type { RunHead } from './run-rows.ts';
import type { Params, Sql } from './statements.ts';

export const SNAPSHOT_COLUMNS = `id, ${idOf('tenant_no')} AS tenant, engine_id AS engineId, run_id AS run, ${idOf('host_no')} AS host,
  ${idOf('source_no')} AS source, ${idOf('plan_no')} AS plan, ${idOf('repository_no')} AS repository, role, state, created_at AS createdAt, size_bytes AS sizeBytes,
  added_bytes AS addedBytes, files, file_name AS fileName, evidence, suspicion, pinned_at AS pinnedAt,
  pinned_by AS pinnedBy, removed_at AS removedAt, removed_why AS removedWhy, proven_at AS provenAt, copy_of AS copyOf, copied_by AS copiedBy, verification,
  adopted_at AS adoptedAt, adopted_by AS adoptedBy`;
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
  adoptedAt: optional(z.int()),
  adoptedBy: optional(z.string()),
});

/** The index that narrows a list most, by the filter it serves; the rest is compared row by row. */
function chooseIndex(filter: SnapshotFilter): string {
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

export function buildSnapshotList(
  filter: SnapshotFilter,
  { sort, ...page }: SortedPage<SnapshotListOrder>,
): { text: string; params: Params; ordering: Ordering } {
  const ordering = chooseOrdering(sort);
  const index = sort?.by === 'size' ? chooseSizeIndex(filter) : chooseIndex(filter);
  const text = `SELECT ${SNAPSHOT_COLUMNS}, ${selectKeys(ordering)} FROM snapshots INDEXED BY ${index}
WHERE ${joinConditions([
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
    sayAfter(ordering, page),
  ])}
${sayOrder(ordering)}`;
  const { pinned: _pinned, proven: _proven, unreadable: _unreadable, ...given } = filter;
  return { text, params: { ...given, role: filter.role ?? 'data', ...createOrderedPage(ordering, page) }, ordering };
}

type SnapshotLists = Pick<
  SnapshotStore,
  'findSnapshot' | 'findSnapshotRecord' | 'listSnapshots' | 'listUncopied' | 'countSnapshots' | 'countSnapshotsOf'
>;

export function createSnapshotLists(sql: Sql): SnapshotLists {
  const find = sql.select(
    `SELECT ${SNAPSHOT_COLUMNS} FROM snapshots WHERE id = @id AND tenant_no = ${numberOf('@tenant')}`,
    snapshotRow,
  );
  const listed = z.intersection(snapshotRow, keyedRow);
  const count = sql.select('SELECT coalesce(sum(count), 0) AS count FROM snapshot_totals WHERE tenant_id = @tenant', counted);
  const countIn = sql.select(
    'SELECT count FROM snapshot_totals WHERE tenant_id = @tenant AND repository_id = @repository',
    counted,
  );
  const countOf = sql.select(
    `SELECT repository_id AS repository, count FROM snapshot_totals
     WHERE tenant_id = @tenant AND repository_id IN (SELECT value FROM json_each(@repositories)) AND count > 0`,
    z.object({ repository: idSchema('repository'), count: z.int() }),
  );
  const record = sql.select(
    'SELECT record FROM snapshot_records WHERE snapshot_id = @id AND tenant_id = @tenant',
    z.object({ record: json(snapshotRecordSchema) }),
  );
  const uncopied = sql.select(
    `SELECT ${SNAPSHOT_COLUMNS} FROM snapshots s INDEXED BY snapshots_by_plan
     WHERE tenant_no = ${numberOf('@tenant')} AND plan_no = ${numberOf('@plan')} AND role = 'data'
       AND repository_no = ${numberOf('@from')} AND state IN ('good', 'partial')
       AND NOT EXISTS (SELECT 1 FROM snapshots c WHERE c.copy_of = s.id AND c.repository_no = ${numberOf('@to')} AND c.state <> 'missing')
     ORDER BY created_at DESC, id DESC LIMIT @limit`,
    snapshotRow,
  );
  return {
    listUncopied: (tenant, plan, places, limit) => sql.read(() => uncopied.list({ tenant, plan, ...places, limit })),
    findSnapshot: (tenant, id) => sql.read(() => find.find({ tenant, id })),
    findSnapshotRecord: (tenant, id) => sql.read(() => record.find({ tenant, id })?.record),
    listSnapshots: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params, ordering } = buildSnapshotList(filter, page);
        return cutOrdered(sql.select(text, listed).list({ ...params, tenant }), ordering, page);
      }),
    countSnapshotsOf: (tenant, repositories) =>
      sql.read(() => {
        const counts = countOf.list({ tenant, repositories: toJson(repositories) });
        return new Map(counts.map((row) => [row.repository, row.count]));
      }),
    countSnapshots: (tenant, repository) =>
      sql.read(() => (repository === undefined ? count : countIn).find({ tenant, repository })?.count ?? 0),
  };
}

export interface SnapshotRows {
  /** Lists a snapshot as quarantined; false when its id or its place in the repository is already known. */
  insert(head: RunHead, snapshot: SnapshotMade): boolean;
  /** Whether this run reported this very snapshot before. */
  isRepeat(head: RunHead, snapshot: SnapshotMade): boolean;
  /** Whether this run reported a snapshot of the source's data, in an attempt that did not fail. */
  hasData(head: RunHead, source: SourceId): boolean;
  /** The attempt that made these failed: nothing vouches for them any more. */
  abandon(head: RunHead): void;
  /** The part ended usable: what its last attempt made may be restored. */
  vouch(head: RunHead, source: SourceId, state: 'good' | 'partial'): void;
  /** Judges the size of the clean data this run made of the source; returns what is suspicious about it. */
  judgeSize(head: RunHead, source: SourceId): Suspicion | undefined;
  /** The run removed these snapshots of a source of its host; returns how many were listed. */
  markRemoved(head: RunHead, source: SourceId, at: number, gone: readonly { engineId: string; why: string }[]): number;
  /** A host no longer finds these snapshots of its own; returns how many were listed. */
  markMissing(place: { tenant: string; host: string; repository: string }, engineIds: readonly string[]): number;
}

/** The rows of snapshots, for use in a caller's transaction. */
export function createSnapshotRows(sql: Sql): SnapshotRows {
  const insert = sql.change(`INSERT INTO snapshots (id, tenant_no, engine_id, run_id, host_no, source_no, plan_no, repository_no,
      role, state, created_at, size_bytes, added_bytes, files, file_name, evidence)
    VALUES (@id, ${numberOf('@tenant')}, @engineId, @run, ${numberOf('@host')}, ${numberOf('@source')}, ${numberOf('@plan')},
      ${numberOf('@repository')}, @role, 'quarantined', @createdAt, @sizeBytes,
      @addedBytes, @files, @fileName, @evidence)
    ON CONFLICT DO NOTHING`);
  const note = sql.change(`INSERT INTO snapshot_records (snapshot_id, tenant_id, record) VALUES (@snapshot, @tenant, @record)
    ON CONFLICT (snapshot_id) DO NOTHING`);
  // Nobody compares anything with what is gone.
  const forgetRecord = sql.change(`DELETE FROM snapshot_records WHERE snapshot_id IN (SELECT id FROM snapshots
    WHERE ${SNAPSHOT_PLACE} AND host_no = ${numberOf('@host')} AND state = 'removed')`);
  const repeat = sql.select(
    'SELECT count(*) AS count FROM snapshots WHERE id = @id AND run_id = @run AND engine_id = @engineId',
    counted,
  );
  const ofData = sql.select(
    `SELECT count(*) AS count FROM snapshots
     WHERE run_id = @run AND source_no = ${numberOf('@source')} AND role = 'data' AND abandoned = 0`,
    counted,
  );
  const vouch = sql.change(`UPDATE snapshots SET state = @state
    WHERE run_id = @run AND source_no = ${numberOf('@source')} AND state = 'quarantined' AND abandoned = 0`);
  const abandon = sql.change("UPDATE snapshots SET abandoned = 1 WHERE run_id = @run AND state = 'quarantined'");
  const miss = sql.change(`UPDATE snapshots SET state = 'missing'
    WHERE ${SNAPSHOT_PLACE} AND host_no = ${numberOf('@host')}
    AND state NOT IN ('missing', 'removed')`);
  const remove = sql.change(`UPDATE snapshots SET state = 'removed', removed_at = @at, removed_why = @why
    WHERE ${SNAPSHOT_PLACE} AND host_no = ${numberOf('@host')} AND source_no = ${numberOf('@source')}
    AND state <> 'removed'`);
  const newest = sql.select(
    `SELECT id, size_bytes AS sizeBytes, created_at AS createdAt FROM snapshots
     WHERE run_id = @run AND source_no = ${numberOf('@source')} AND role = 'data' AND state = 'good' ORDER BY created_at DESC, id DESC LIMIT 1`,
    z.object({ id: z.string(), sizeBytes: z.int(), createdAt: z.int() }),
  );
  const earlier = sql.select(
    `SELECT size_bytes AS sizeBytes FROM snapshots
     WHERE tenant_no = ${numberOf('@tenant')} AND source_no = ${numberOf('@source')} AND state = 'good' AND role = 'data' AND run_id <> @run AND copy_of IS NULL
       AND created_at < @createdAt
     ORDER BY created_at DESC, id DESC LIMIT @looked`,
    z.object({ sizeBytes: z.int() }),
  );
  const suspect = sql.change('UPDATE snapshots SET suspicion = @suspicion WHERE id = @id');
  return {
    judgeSize(head, source) {
      const made = newest.find({ run: head.id, source });
      if (!made) return undefined;
      const before = earlier.list({
        tenant: head.tenant,
        run: head.id,
        source,
        createdAt: made.createdAt,
        looked: SIZE_HISTORY.looked,
      });
      const suspicion = findSuspicion(
        made.sizeBytes,
        before.map((row) => row.sizeBytes),
      );
      if (suspicion) suspect.run({ id: made.id, suspicion: toJson(suspicion) });
      return suspicion;
    },
    insert(head, { contents, canaries, evidence, ...snapshot }) {
      const { tenant, id: run, host, plan, repository } = head;
      if (insert.run({ ...snapshot, tenant, run, host, plan, repository, evidence: toJson(evidence) }) === 0) return false;
      if (contents || canaries) note.run({ snapshot: snapshot.id, tenant, record: toJson({ contents, canaries }) });
      return true;
    },
    isRepeat: (head, { id, engineId }) => repeat.find({ id, engineId, run: head.id })?.count === 1,
    hasData: (head, source) => (ofData.find({ run: head.id, source })?.count ?? 0) > 0,
    abandon: (head) => void abandon.run({ run: head.id }),
    vouch: (head, source, state) => void vouch.run({ run: head.id, source, state }),
    markRemoved: ({ tenant, host, repository }, source, at, gone) =>
      gone.reduce((count, one) => {
        const removed = remove.run({ tenant, host, repository, source, at, ...one });
        if (removed > 0) forgetRecord.run({ tenant, host, repository, engineId: one.engineId });
        return count + removed;
      }, 0),
    markMissing: (place, engineIds) => engineIds.reduce((count, engineId) => count + miss.run({ ...place, engineId }), 0),
  };
}
