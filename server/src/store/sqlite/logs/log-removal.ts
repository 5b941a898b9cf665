/** Logs whose time is over leave in small steps; their runs stay. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { LogStore } from '../../logs.ts';
import { counted } from '../columns.ts';
import { idOf } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';
import { toDay } from './log-losses.ts';

/** Counts of a day are of use while it lasts; a clock may be set back over midnight. */
const COUNTED_DAYS = 2;
const COUNTS_PER_STEP = 500;

function prepareRemoval(sql: Sql) {
  return {
    // A run that is not known to have ended keeps its log for as long again.
    due: sql.select(
      `SELECT id AS run, ${idOf('tenant_no')} AS tenant, log_bytes AS bytes FROM runs INDEXED BY runs_log_due
       WHERE log_last_n > 0 AND log_removed_at IS NULL AND coalesce(reported_at, received_at) < @before
         AND (reported_at IS NOT NULL OR received_at < @openBefore)
       ORDER BY coalesce(reported_at, received_at), id LIMIT @count`,
      z.object({ run: idSchema('run'), tenant: idSchema('tenant'), bytes: z.int() }),
    ),
    hasPieces: sql.select('SELECT EXISTS (SELECT 1 FROM run_logs WHERE run_id = @run) AS count', counted),
    remove: sql.change(`DELETE FROM run_logs WHERE run_id = @run AND first_n IN (
      SELECT l.first_n FROM run_logs l WHERE l.run_id = @run ORDER BY l.first_n LIMIT @count)`),
    removeGaps: sql.change('DELETE FROM run_log_gaps WHERE run_id = @run'),
    removeTail: sql.change('DELETE FROM run_log_tails WHERE run_id = @run'),
    leaveBlock: sql.change(
      'UPDATE log_blocks SET runs_left = runs_left - 1 WHERE id = (SELECT log_block FROM runs WHERE id = @run)',
    ),
    dropBlock: sql.change('DELETE FROM log_blocks WHERE id = (SELECT log_block FROM runs WHERE id = @run) AND runs_left <= 0'),
    note: sql.change(
      'UPDATE runs SET log_removed_at = @at, log_kept_days = @days, log_block = NULL, log_place = NULL WHERE id = @run',
    ),
    count: sql.change('UPDATE log_totals SET removed_bytes = removed_bytes + @bytes WHERE tenant_id = @tenant'),
    forgetDays: sql.change(`DELETE FROM host_log_days WHERE (day, host_id) IN (
      SELECT d.day, d.host_id FROM host_log_days d WHERE d.day < @day ORDER BY d.day, d.host_id LIMIT ${COUNTS_PER_STEP})`),
  };
}

export function createLogTotals(sql: Sql): Pick<LogStore, 'getLogTotals'> {
  const totals = sql.select(
    `SELECT stored_bytes AS storedBytes, dropped_bytes AS droppedBytes, removed_bytes AS removedBytes FROM log_totals
     WHERE tenant_id = @tenant`,
    z.object({ storedBytes: z.int(), droppedBytes: z.int(), removedBytes: z.int() }),
  );
  return {
    getLogTotals: (tenant) => sql.read(() => totals.find({ tenant }) ?? { storedBytes: 0, droppedBytes: 0, removedBytes: 0 }),
  };
}

/** See `LogStore.removeOldLogs`. A log of many pieces is removed over several steps, its oldest lines first. */
export function createLogRemoval(sql: Sql): Pick<LogStore, 'removeOldLogs'> {
  const rows = prepareRemoval(sql);
  return {
    removeOldLogs: (days, at) =>
      sql.write(() => {
        const before = at - days * DAY_MS;
        const openBefore = before - days * DAY_MS;
        let left: number = LOG.removedPiecesPerStep;
        let removed = 0;
        for (const { run, tenant, bytes } of rows.due.list({ before, openBefore, count: LOG.removedPiecesPerStep })) {
          if (left <= 0) break;
          const count = left;
          const gone = rows.remove.run({ run, count });
          left -= Math.max(1, gone);
          if (rows.hasPieces.find({ run })?.count === 1) break;
          rows.removeGaps.run({ run });
          rows.removeTail.run({ run });
          if (rows.leaveBlock.run({ run }) > 0) rows.dropBlock.run({ run });
          rows.note.run({ run, at, days });
          rows.count.run({ tenant, bytes });
          removed += 1;
        }
        const forgotten = rows.forgetDays.run({ day: toDay(at) - COUNTED_DAYS });
        return { removed, hasMore: left <= 0 || forgotten === COUNTS_PER_STEP };
      }),
  };
}
