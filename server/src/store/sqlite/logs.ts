/** Logs of runs: lines in zstd chunks, packed into bigger ones as they come, cut at a limit that is said aloud. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { LOG_LEVELS, type LogLine } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { LogFilter } from '../runs.ts';
import { optional } from './columns.ts';
import type { Sql } from './statements.ts';

/** Raw bytes of a chunk; small enough to open within a turn of the event loop. */
export const CHUNK_BYTES = 256 * 1024;

const chunkRow = z.object({
  firstN: z.int(),
  lastN: z.int(),
  lines: z.int(),
  rawBytes: z.int(),
  body: z.instanceof(Uint8Array),
});
const CHUNK = 'first_n AS firstN, last_n AS lastN, lines, raw_bytes AS rawBytes, body';
const storedLine = z.tuple([z.int(), z.int(), z.enum(LOG_LEVELS), z.string()]);
const stateRow = z.object({
  lastN: z.int(),
  bytes: z.int(),
  leftOut: z.int(),
  leftOutAt: optional(z.int()),
});

/** One line of JSON for one line of the log: control characters and lone surrogates are escaped, so any text survives. */
function encodeLine(line: LogLine): Buffer {
  return Buffer.from(`${JSON.stringify([line.n, line.at, line.level, line.text])}\n`, 'utf8');
}

function decodeChunk(body: Uint8Array): LogLine[] {
  try {
    const text = zstdDecompressSync(body, { maxOutputLength: 2 * CHUNK_BYTES }).toString('utf8');
    return text.split('\n').flatMap((json) => {
      if (json === '') return [];
      const [n, at, level, said] = storedLine.parse(JSON.parse(json));
      return [{ n, at, level, text: said }];
    });
  } catch (cause) {
    throw new AppError('integrity', 'a stored piece of this log cannot be read back; restore a copy of the database', { cause });
  }
}

/** The logs of one frame: lines gather in memory and are stored in as few chunks as they need. */
export interface FrameLogs {
  /** Takes the lines that are new and fit, in order, and returns them. Lines count upwards; one at or below the last is a repeat. */
  append(run: RunId, lines: readonly LogLine[]): readonly LogLine[];
  /** The run ended: what is still in small chunks is packed. */
  end(run: RunId): void;
  /** Stores what was gathered; the last step of a frame. */
  flush(): void;
}

function prepareWriter(sql: Sql) {
  return {
    state: sql.select(
      `SELECT log_last_n AS lastN, log_bytes AS bytes, log_left_out AS leftOut, log_left_out_at AS leftOutAt
       FROM runs WHERE id = @run`,
      stateRow,
    ),
    save: sql.change(`UPDATE runs SET log_last_n = @lastN, log_lines = max(log_lines, @lastN), log_bytes = @bytes,
      log_left_out = @leftOut, log_left_out_at = @leftOutAt WHERE id = @run`),
    insert: sql.change(`INSERT INTO run_logs (run_id, first_n, last_n, tenant_id, lines, raw_bytes, packed, body)
      VALUES (@run, @firstN, @lastN, @tenant, @lines, @rawBytes, @packed, @body)`),
    openBytes: sql.select(
      'SELECT coalesce(sum(raw_bytes), 0) AS bytes, count(*) AS chunks FROM run_logs WHERE run_id = @run AND packed = 0',
      z.object({ bytes: z.int(), chunks: z.int() }),
    ),
    open: sql.select(`SELECT ${CHUNK} FROM run_logs WHERE run_id = @run AND packed = 0 ORDER BY first_n`, chunkRow),
    dropOpen: sql.change('DELETE FROM run_logs WHERE run_id = @run AND packed = 0'),
  };
}

/** What is known of one run's log while a frame is applied, with the lines not yet stored. */
interface OpenLog extends z.infer<typeof stateRow> {
  lines: LogLine[];
  raw: Buffer[];
  rawBytes: number;
}

/** Begins the logs of a frame, in a caller's transaction. `runBytes` bounds the raw bytes (as stored) of one run's log. */
export function createLogWriter(sql: Sql, runBytes: number = LOG.runBytes): (tenant: TenantId) => FrameLogs {
  const rows = prepareWriter(sql);

  const store = (tenant: TenantId, run: RunId, log: OpenLog, packed: boolean): void => {
    const [first, last] = [log.lines[0], log.lines.at(-1)];
    if (first && last) {
      const raw = Buffer.concat(log.raw);
      const extent = { firstN: first.n, lastN: last.n, lines: log.lines.length, rawBytes: raw.length };
      rows.insert.run({ run, tenant, ...extent, packed, body: zstdCompressSync(raw) });
    }
    [log.lines, log.raw, log.rawBytes] = [[], [], 0];
  };

  const pack = (tenant: TenantId, run: RunId): void => {
    const chunks = rows.open.list({ run });
    const [first, last] = [chunks[0], chunks.at(-1)];
    if (!first || !last) return;
    rows.dropOpen.run({ run });
    const raw = Buffer.concat(chunks.map((chunk) => zstdDecompressSync(chunk.body)));
    const lines = chunks.reduce((sum, chunk) => sum + chunk.lines, 0);
    const extent = { firstN: first.firstN, lastN: last.lastN, lines, rawBytes: raw.length };
    rows.insert.run({ run, tenant, ...extent, packed: true, body: zstdCompressSync(raw) });
  };

  /** Small chunks together never exceed a big one, so that packing them is one short step. */
  const storeOpen = (tenant: TenantId, run: RunId, log: OpenLog): void => {
    if (log.lines.length === 0) return;
    if ((rows.openBytes.find({ run })?.bytes ?? 0) + log.rawBytes > CHUNK_BYTES) pack(tenant, run);
    store(tenant, run, log, false);
  };

  return (tenant) => {
    const open = new Map<RunId, OpenLog>();
    const findLog = (run: RunId): OpenLog | undefined => {
      const known = open.get(run);
      if (known) return known;
      const state = rows.state.find({ run });
      if (!state) return undefined;
      const log: OpenLog = { ...state, lines: [], raw: [], rawBytes: 0 };
      open.set(run, log);
      return log;
    };
    const take = (run: RunId, log: OpenLog, line: LogLine): boolean => {
      if (line.n <= log.lastN) return false;
      log.lastN = line.n;
      const encoded = encodeLine(line);
      if (log.leftOut > 0 || log.bytes + encoded.length > runBytes) {
        log.leftOut += 1;
        log.leftOutAt ??= line.at;
        return false;
      }
      if (log.rawBytes + encoded.length > CHUNK_BYTES) storeOpen(tenant, run, log);
      log.bytes += encoded.length;
      log.rawBytes += encoded.length;
      log.lines.push(line);
      log.raw.push(encoded);
      return true;
    };
    const save = (run: RunId, { lastN, bytes, leftOut, leftOutAt }: OpenLog) => {
      rows.save.run({ run, lastN, bytes, leftOut, leftOutAt });
    };
    return {
      append(run, lines) {
        const log = findLog(run);
        return log ? lines.filter((line) => take(run, log, line)) : [];
      },
      end(run) {
        const log = open.get(run);
        if (log) {
          if ((rows.openBytes.find({ run })?.chunks ?? 0) === 0) store(tenant, run, log, true);
          else storeOpen(tenant, run, log);
          save(run, log);
          open.delete(run);
        }
        pack(tenant, run);
      },
      flush() {
        for (const [run, log] of open) {
          storeOpen(tenant, run, log);
          save(run, log);
        }
        open.clear();
      },
    };
  };
}

/** The line that stands for what was left out; it takes the number of the first line that is missing. */
function createMarker(n: number, at: number, leftOut: number, runBytes: number): LogLine {
  const limit = `${Math.round(runBytes / (1024 * 1024))} MiB`;
  return { n, at, level: 'warn', text: `… ${leftOut} lines left out: the log of this run is above ${limit}` };
}

/** Reads a log chunk by chunk, giving the event loop a turn between two of them. */
export function createLogReader(sql: Sql, runBytes: number = LOG.runBytes) {
  const next = sql.select(
    `SELECT ${CHUNK} FROM run_logs WHERE run_id = @run AND tenant_id = @tenant AND last_n > @after ORDER BY first_n LIMIT 1`,
    chunkRow,
  );
  const end = sql.select(
    `SELECT coalesce((SELECT max(l.last_n) FROM run_logs l WHERE l.run_id = r.id), 0) AS lastN, log_bytes AS bytes,
       log_left_out AS leftOut, log_left_out_at AS leftOutAt FROM runs r WHERE r.id = @run AND r.tenant_id = @tenant`,
    stateRow,
  );

  return async (tenant: TenantId, run: RunId, filter: LogFilter): Promise<readonly LogLine[]> => {
    const search = filter.search?.toLowerCase();
    const levels = filter.levels && new Set(filter.levels);
    const fits = (line: LogLine): boolean =>
      line.n > filter.after &&
      (levels === undefined || levels.has(line.level)) &&
      (search === undefined || line.text.toLowerCase().includes(search));
    const found: LogLine[] = [];
    let cursor = filter.after;
    while (found.length < filter.limit) {
      const chunk = await sql.read(() => next.find({ run, tenant, after: cursor }));
      if (!chunk) break;
      found.push(...decodeChunk(chunk.body).filter(fits));
      cursor = chunk.lastN;
      await nextTurn();
    }
    const state = await sql.read(() => end.find({ run, tenant }));
    if (state && state.leftOut > 0 && cursor >= state.lastN) {
      const marker = createMarker(state.lastN + 1, state.leftOutAt ?? 0, state.leftOut, runBytes);
      if (fits(marker)) found.push(marker);
    }
    return found.slice(0, filter.limit);
  };
}
