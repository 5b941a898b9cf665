/** Reads a log chunk by chunk, forwards or from its end, giving the event loop a turn between two of them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { LogFilter } from '../runs.ts';
import { CHUNK_COLUMNS, chunkRow, decodeChunk } from './log-chunks.ts';
import { createGapMarker, GAP_COLUMNS, gapRow, LOG_LIMITS, type LogLimits } from './log-losses.ts';
import type { Sql } from './statements.ts';

function prepareReader(sql: Sql) {
  const ofRun = 'run_id = @run AND tenant_id = @tenant';
  return {
    next: sql.select(
      `SELECT ${CHUNK_COLUMNS} FROM run_logs WHERE ${ofRun} AND last_n > @cursor ORDER BY first_n LIMIT 1`,
      chunkRow,
    ),
    previous: sql.select(
      `SELECT ${CHUNK_COLUMNS} FROM run_logs WHERE ${ofRun} AND first_n < @cursor ORDER BY first_n DESC LIMIT 1`,
      chunkRow,
    ),
    gaps: sql.select(`SELECT ${GAP_COLUMNS} FROM run_log_gaps WHERE ${ofRun} ORDER BY first_n`, gapRow),
    tail: sql.select(`SELECT body FROM run_log_tails WHERE ${ofRun} AND kept = 1`, chunkRow.pick({ body: true })),
    removal: sql.select(
      `SELECT log_removed_at AS at, coalesce(log_kept_days, 0) AS days FROM runs
       WHERE id = @run AND tenant_id = @tenant AND log_removed_at IS NOT NULL`,
      z.object({ at: z.int(), days: z.int() }),
    ),
  };
}

/** Lines that lie outside the chunks: marks of what is missing, and last lines that were kept all the same. */
function listExtras(rows: ReturnType<typeof prepareReader>, tenant: TenantId, run: RunId, limits: LogLimits): LogLine[] {
  const removal = rows.removal.find({ tenant, run });
  if (removal) {
    const text = `the log of this run was removed after ${removal.days} ${removal.days === 1 ? 'day' : 'days'}`;
    return [{ n: 1, at: removal.at, level: 'info', text }];
  }
  const markers = rows.gaps.list({ tenant, run }).map((gap) => createGapMarker(gap, limits));
  const tail = rows.tail.find({ tenant, run });
  return [...markers, ...(tail ? decodeChunk(tail.body) : [])];
}

export function createLogReader(sql: Sql, limits: LogLimits = LOG_LIMITS) {
  const rows = prepareReader(sql);

  return async (tenant: TenantId, run: RunId, filter: LogFilter): Promise<readonly LogLine[]> => {
    const { after, before = Number.MAX_SAFE_INTEGER } = filter;
    const isBackwards = filter.before !== undefined;
    const search = filter.search?.toLowerCase();
    const levels = filter.levels && new Set(filter.levels);
    const fits = (line: LogLine): boolean =>
      line.n > after &&
      line.n < before &&
      (levels === undefined || levels.has(line.level)) &&
      (search === undefined || line.text.toLowerCase().includes(search));
    const extras = (await sql.read(() => listExtras(rows, tenant, run, limits))).filter(fits);
    const found: LogLine[] = [];
    /** Lines of one chunk with the extras that lie between what was read before and its far end. */
    const add = (lines: readonly LogLine[], reaches: (n: number) => boolean): void => {
      const more = extras.filter((line) => reaches(line.n));
      for (const line of more) extras.splice(extras.indexOf(line), 1);
      const added = [...lines.filter(fits), ...more].sort((a, b) => a.n - b.n);
      if (isBackwards) found.unshift(...added);
      else found.push(...added);
    };
    let cursor = isBackwards ? before : after;
    while (found.length < filter.limit) {
      const chunk = await sql.read(() => rows[isBackwards ? 'previous' : 'next'].find({ run, tenant, cursor }));
      if (!chunk || (isBackwards && chunk.lastN <= after)) {
        add([], () => true);
        break;
      }
      cursor = isBackwards ? chunk.firstN : chunk.lastN;
      add(decodeChunk(chunk.body), (n) => (isBackwards ? n >= chunk.firstN : n <= chunk.lastN));
      await nextTurn();
    }
    return isBackwards ? found.slice(-filter.limit) : found.slice(0, filter.limit);
  };
}
