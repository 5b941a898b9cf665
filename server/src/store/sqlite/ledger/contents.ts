/** What the ledger knows of all that lies in one repository, and snapshots that no run made and a person took over. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { SNAPSHOT_STATES } from '@holdfast/shared/domain/snapshot.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { KnownSnapshot, SnapshotStore } from '../../snapshots.ts';
import { flag, toJson } from '../columns.ts';
import { createIdNumbers, idOf, numberOf } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';
import { SNAPSHOT_COLUMNS, snapshotRow } from './snapshot-walk.ts';

const KNOWN_COLUMNS = `id, engine_id AS engineId, ${idOf('source_no')} AS source, ${idOf('host_no')} AS host, role, state, created_at AS createdAt,
  size_bytes AS sizeBytes, adopted_at IS NOT NULL AS isAdopted`;
const knownRow: z.ZodType<KnownSnapshot> = z.object({
  id: idSchema('snapshot'),
  engineId: z.string(),
  source: idSchema('source'),
  host: idSchema('host'),
  role: z.enum(['data', 'globals']),
  state: z.enum(SNAPSHOT_STATES),
  createdAt: z.int(),
  sizeBytes: z.int(),
  isAdopted: flag,
});

const THERE = `tenant_no = ${numberOf('@tenant')} AND repository_no = ${numberOf('@repository')}`;

/** Looked up by the place in the repository, one engine id after another. */
const KNOWN_THERE = `SELECT ${KNOWN_COLUMNS} FROM snapshots
  WHERE ${THERE} AND engine_id IN (SELECT value FROM json_each(@engineIds))`;

const NOT_THERE = `SELECT ${KNOWN_COLUMNS} FROM snapshots INDEXED BY snapshots_by_repository
  WHERE ${THERE} AND role IN ('data', 'globals') AND state <> 'removed'
    AND engine_id NOT IN (SELECT value FROM json_each(@engineIds))
  ORDER BY created_at DESC, id DESC LIMIT @limit`;

type Contents = Pick<SnapshotStore, 'listKnownThere' | 'listNotThere' | 'adoptSnapshot'>;

export function createContents(sql: Sql): Contents {
  const known = sql.select(KNOWN_THERE, knownRow);
  const notThere = sql.select(NOT_THERE, knownRow);
  const number = createIdNumbers(sql);
  const adopt =
    sql.change(`INSERT INTO snapshots (id, tenant_no, engine_id, run_id, host_no, source_no, repository_no, role, state,
      created_at, size_bytes, file_name, evidence, adopted_at, adopted_by)
    VALUES (@id, ${numberOf('@tenant')}, @engineId, @run, ${numberOf('@host')}, ${numberOf('@source')}, ${numberOf('@repository')}, 'data',
      'quarantined', @createdAt, @sizeBytes, @fileName, '[]', @at, @by)
    ON CONFLICT DO NOTHING`);
  const find = sql.select(
    `SELECT ${SNAPSHOT_COLUMNS} FROM snapshots WHERE id = @id AND tenant_no = ${numberOf('@tenant')}`,
    snapshotRow,
  );
  return {
    listKnownThere: (tenant, repository, engineIds) =>
      sql.read(() => known.list({ tenant, repository, engineIds: toJson(engineIds) })),
    listNotThere: (tenant, repository, engineIds, limit) =>
      sql.read(() => notThere.list({ tenant, repository, engineIds: toJson(engineIds), limit })),
    adoptSnapshot: (tenant, snapshot) =>
      sql.write(() => {
        number(tenant, snapshot.host, snapshot.source, snapshot.repository);
        if (adopt.run({ ...snapshot, tenant }) === 0) throw new AppError('conflict', 'the ledger knows this snapshot already');
        const made = find.find({ tenant, id: snapshot.id });
        if (!made) throw new AppError('internal', 'the adopted snapshot was not stored');
        return made;
      }),
  };
}
