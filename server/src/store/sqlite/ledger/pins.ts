/** Snapshots as retention sees them: which there are, and which of them a person said that they stay. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { RetainedSnapshot, Snapshot, SnapshotStore } from '../../snapshots.ts';
import { counted, flag, optional, toJson } from '../columns.ts';
import { idOf, numberOf, numbersIn, runNumberOf } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';
import { SNAPSHOT_COLUMNS, snapshotRow } from './snapshot-walk.ts';

const PRESENT = "state IN ('good', 'partial', 'quarantined')";
/** A copy that its original covers, which is there and pinned as well. */
const IS_COVERED = `(copy_of IS NOT NULL AND EXISTS (SELECT 1 FROM snapshots o WHERE o.id = snapshots.copy_of AND o.pinned_at IS NOT NULL AND o.${PRESENT}))`;
const retainedRow: z.ZodType<RetainedSnapshot> = z.object({
  id: idSchema('snapshot'),
  engineId: z.string(),
  run: idSchema('run'),
  host: idSchema('host'),
  source: idSchema('source'),
  role: z.enum(['data', 'globals']),
  state: z.enum(['good', 'partial', 'quarantined']),
  createdAt: z.int(),
  sizeBytes: z.int(),
  addedBytes: optional(z.int()),
  isSuspicious: flag,
  isPinned: flag,
  isProven: flag,
});

/** A quarantined snapshot whose part goes on may still become good; one of an attempt that failed never does. */
const RETAINED = `SELECT s.id, s.engine_id AS engineId, s.run_id AS run, ${idOf('s.host_no')} AS host, ${idOf('s.source_no')} AS source,
    s.role, s.state,    s.created_at AS createdAt, s.size_bytes AS sizeBytes, s.added_bytes AS addedBytes, s.suspicion IS NOT NULL AS isSuspicious,
    s.pinned_at IS NOT NULL AS isPinned, s.proven_at IS NOT NULL AS isProven
  FROM snapshots s INDEXED BY snapshots_by_plan
  WHERE s.tenant_no = ${numberOf('@tenant')} AND s.plan_no = ${numberOf('@plan')} AND s.role IN ('data', 'globals')
    AND s.repository_no = ${numberOf('@repository')}
    AND s.${PRESENT} AND (s.state <> 'quarantined' OR s.abandoned = 1 OR EXISTS (SELECT 1 FROM run_parts p
      WHERE p.run_no = ${runNumberOf('s.run_id')} AND p.source_no = s.source_no AND p.state NOT IN ('queued', 'running')))
  ORDER BY s.created_at DESC, s.id DESC LIMIT @limit`;

function preparePins(sql: Sql) {
  return {
    find: sql.select(
      `SELECT ${SNAPSHOT_COLUMNS} FROM snapshots WHERE id = @id AND tenant_no = ${numberOf('@tenant')}`,
      snapshotRow,
    ),
    retained: sql.select(RETAINED, retainedRow),
    pin: sql.change(`UPDATE snapshots SET pinned_at = @at, pinned_by = @by
      WHERE tenant_no = ${numberOf('@tenant')} AND run_id = @run AND source_no = ${numberOf('@source')} AND ${PRESENT} AND pinned_at IS NULL`),
    unpin: sql.change(`UPDATE snapshots SET pinned_at = NULL, pinned_by = NULL
      WHERE tenant_no = ${numberOf('@tenant')} AND run_id = @run AND source_no = ${numberOf('@source')} AND pinned_at IS NOT NULL`),
    count: sql.select(
      `SELECT count(*) AS count FROM snapshots INDEXED BY snapshots_pinned
       WHERE tenant_no = ${numberOf('@tenant')} AND plan_no = ${numberOf('@plan')} AND pinned_at IS NOT NULL AND ${PRESENT} AND NOT ${IS_COVERED}`,
      counted,
    ),
    pinned: sql.select(
      `SELECT ${idOf('plan_no')} AS plan, engine_id AS engineId FROM snapshots INDEXED BY snapshots_pinned
       WHERE tenant_no = ${numberOf('@tenant')} AND plan_no IN ${numbersIn('@plans')} AND pinned_at IS NOT NULL
         AND host_no = ${numberOf('@host')} AND ${PRESENT}
       ORDER BY ${IS_COVERED}, created_at, id`,
      z.object({ plan: idSchema('plan'), engineId: z.string() }),
    ),
  };
}

type Pins = Pick<SnapshotStore, 'listRetained' | 'pinSnapshot' | 'unpinSnapshot' | 'listPinned'>;

export function createPins(sql: Sql): Pins {
  const rows = preparePins(sql);
  const get = (tenant: string, id: string): Snapshot => {
    const found = rows.find.find({ tenant, id });
    if (!found) throw new AppError('not_found', 'there is no such snapshot');
    return found;
  };
  return {
    listRetained: (tenant, plan, repository, limit) => sql.read(() => rows.retained.list({ tenant, plan, repository, limit })),
    listPinned: (tenant, host, plans) => sql.read(() => rows.pinned.list({ tenant, host, plans: toJson(plans) })),
    pinSnapshot: (tenant, id, { at, by, most }) =>
      sql.write(() => {
        const { run, source, plan, state } = get(tenant, id);
        if (state === 'missing' || state === 'removed')
          throw new AppError('precondition', 'this snapshot is gone from the repository; nothing can keep it any more');
        rows.pin.run({ tenant, run, source, at, by });
        if (plan !== undefined && (rows.count.find({ tenant, plan })?.count ?? 0) > most) {
          throw new AppError(
            'limit',
            `a plan may have ${most} pinned snapshots, roles of database servers included; unpin one that need not stay any more`,
            { retry: 'after_change', details: { most } },
          );
        }
        return get(tenant, id);
      }),
    unpinSnapshot: (tenant, id) =>
      sql.write(() => {
        const { run, source } = get(tenant, id);
        rows.unpin.run({ tenant, run, source });
        return get(tenant, id);
      }),
  };
}
