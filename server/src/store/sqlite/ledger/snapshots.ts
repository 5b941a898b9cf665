import { snapshotRecordSchema } from '@holdfast/shared/domain/contents.ts';
import { idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import { findSuspicion, SIZE_HISTORY, type Suspicion } from '@holdfast/shared/domain/suspicion.ts';
import * as z from 'zod';
import type { SnapshotStore } from '../../snapshots.ts';
import { counted, json, toJson } from '../columns.ts';
import { numberOf, SNAPSHOT_PLACE } from '../id-numbers.ts';
import { createFoundSnapshots } from '../lists/found-snapshots.ts';
import { cutOrdered, keyedRow } from '../lists/keyset.ts';
import type { Sql } from '../statements.ts';
import type { RunHead } from './run-rows.ts';
import { buildSnapshotList, SNAPSHOT_COLUMNS, snapshotRow } from './snapshot-walk.ts';

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
  const listFound = createFoundSnapshots(sql);
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
        if (filter.search !== undefined) return listFound(tenant, filter, filter.search, page);
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
       AND plan_no IS NOT NULL
       AND created_at < @createdAt
     ORDER BY created_at DESC, id DESC LIMIT @looked`,
    z.object({ sizeBytes: z.int() }),
  );
  const suspect = sql.change('UPDATE snapshots SET suspicion = @suspicion WHERE id = @id');
  return {
    judgeSize(head, source) {
      // What a restore was about to change may be a part of the source, or what went wrong: it is like no other backup of it.
      if (head.plan === undefined) return undefined;
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
