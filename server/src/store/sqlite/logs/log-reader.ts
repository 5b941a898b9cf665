/** Reads a log chunk by chunk, forwards or from its end, giving the event loop a turn between two of them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { LogFilter } from '../../logs.ts';
import { numberOf } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';
import { readPlace } from './log-blocks.ts';
import { CHUNK_COLUMNS, chunkRow, decodeChunk } from './log-chunks.ts';
import { createGapMarker, GAP_COLUMNS, gapRow, LOG_LIMITS, type LogLimits } from './log-losses.ts';

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
    place: sql.select(
      `SELECT b.body, r.log_place AS place FROM runs r JOIN log_blocks b ON b.id = r.log_block AND b.tenant_id = @tenant
       WHERE r.id = @run AND r.tenant_no = ${numberOf('@tenant')}`,
      z.object({ body: z.instanceof(Uint8Array), place: z.int() }),
    ),
    removal: sql.select(
      `SELECT log_removed_at AS at, coalesce(log_kept_days, 0) AS days FROM runs
       WHERE id = @run AND tenant_no = ${numberOf('@tenant')} AND log_removed_at IS NOT NULL`,
      z.object({ at: z.int(), days: z.int() }),
    ),
  };
}

/** Lines that lie outside the chunks: those in a block, marks of what is missing, and last lines that were kept all the same. */
function listExtras(rows: ReturnType<typeof prepareReader>, tenant: TenantId, run: RunId, limits: LogLimits): LogLine[] {
  const removal = rows.removal.find({ tenant, run });
  if (removal) {
    const text = `the log of this run was removed after ${removal.days} ${removal.days === 1 ? 'day' : 'days'}`;
    return [{ n: 1, at: removal.at, level: 'info', text }];
  }
  const markers = rows.gaps.list({ tenant, run }).map((gap) => createGapMarker(gap, limits));
  const placed = rows.place.find({ tenant, run });
  const tail = rows.tail.find({ tenant, run });
  return [...(placed ? readPlace(placed.body, placed.place) : []), ...markers, ...(tail ? decodeChunk(tail.body) : [])];
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
    let cursor = isBackwards ? before : after;
    const findChunk = () => rows[isBackwards ? 'previous' : 'next'].find({ run, tenant, cursor });
    // On one view: between two a log may move from a chunk to a block.
    const begun = await sql.read(() => ({ extras: listExtras(rows, tenant, run, limits).filter(fits), chunk: findChunk() }));
    const { extras } = begun;
    const found: LogLine[] = [];
    /** Lines of one chunk with the extras that lie between what was read before and its far end. */
    const add = (lines: readonly LogLine[], reaches: (n: number) => boolean): void => {
      const more = extras.filter((line) => reaches(line.n));
      for (const line of more) extras.splice(extras.indexOf(line), 1);
      const added = [...lines.filter(fits), ...more].sort((a, b) => a.n - b.n);
      if (isBackwards) found.unshift(...added);
      else found.push(...added);
    };
    let { chunk } = begun;
    while (found.length < filter.limit) {
      if (!chunk || (isBackwards && chunk.lastN <= after)) {
        add([], () => true);
        break;
      }
      const { firstN, lastN } = chunk;
      cursor = isBackwards ? firstN : lastN;
      add(decodeChunk(chunk.body), (n) => (isBackwards ? n >= firstN : n <= lastN));
      await nextTurn();
      if (found.length < filter.limit) chunk = await sql.read(findChunk);
    }
    return isBackwards ? found.slice(-filter.limit) : found.slice(0, filter.limit);
  };
}
