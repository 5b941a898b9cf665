/** Logs of runs on their way in: lines in zstd chunks, packed into bigger ones as they come, cut at limits that are said aloud. */
import type { HostId, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine, TerminalState } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { LogLoss } from '../../logs.ts';
import { flag } from '../columns.ts';
import type { Sql } from '../statements.ts';
import { CHUNK_BYTES, CHUNK_COLUMNS, chunkRow, encodeLine, joinChunks, packLines } from './log-chunks.ts';
import {
  createLogLosses,
  cutTail,
  type DayBudget,
  formatDay,
  type Gap,
  LOG_LIMITS,
  type LogLimits,
  type LogLosses,
  RUN_LIMIT,
} from './log-losses.ts';

/** Left out lines are gathered in memory up to here; only the last of them are kept. */
const TAIL_GATHERED = 1000;

const stateRow = z.object({
  lastN: z.int(),
  bytes: z.int(),
  leftOut: z.int(),
  isFull: flag,
  isEnded: flag,
  isRemoved: flag,
});

/** The logs of one frame: lines gather in memory and are stored in as few chunks as they need. */
export interface FrameLogs {
  /** Takes the lines that are new and fit, in order, and returns them. Lines count upwards; one at or below the last is a repeat. */
  append(run: RunId, lines: readonly LogLine[]): readonly LogLine[];
  /** The run ended: what is still in small chunks is packed, and a bad end keeps the last lines. */
  end(run: RunId, state: TerminalState): void;
  /** Stores what was gathered; the last step of a frame. Undefined: nothing was lost. */
  flush(): LogLoss | undefined;
}

/** Who speaks in a frame; `receivedAt` is the server's own time, so that no host can choose the day it is counted on. */
export interface LogSpeaker {
  tenant: TenantId;
  host: HostId;
  receivedAt: number;
}

function prepareWriter(sql: Sql) {
  return {
    state: sql.select(
      `SELECT log_last_n AS lastN, log_bytes AS bytes, log_left_out AS leftOut, reported_at IS NOT NULL AS isEnded,
         log_removed_at IS NOT NULL AS isRemoved,
         EXISTS (SELECT 1 FROM run_log_gaps g WHERE g.run_id = runs.id AND g.day = ${RUN_LIMIT}) AS isFull
       FROM runs WHERE id = @run`,
      stateRow,
    ),
    save: sql.change(`UPDATE runs SET log_last_n = @lastN, log_lines = max(log_lines, @lastN), log_bytes = @bytes,
      log_left_out = @leftOut WHERE id = @run`),
    found: sql.change('UPDATE runs SET log_left_out = log_left_out - @lines, log_bytes = log_bytes + @bytes WHERE id = @run'),
    insert: sql.change(`INSERT INTO run_logs (run_id, first_n, last_n, tenant_id, lines, raw_bytes, packed, body)
      VALUES (@run, @firstN, @lastN, @tenant, @lines, @rawBytes, @packed, @body)`),
    openBytes: sql.select(
      'SELECT coalesce(sum(raw_bytes), 0) AS bytes, count(*) AS chunks FROM run_logs WHERE run_id = @run AND packed = 0',
      z.object({ bytes: z.int(), chunks: z.int() }),
    ),
    open: sql.select(`SELECT ${CHUNK_COLUMNS} FROM run_logs WHERE run_id = @run AND packed = 0 ORDER BY first_n`, chunkRow),
    dropOpen: sql.change('DELETE FROM run_logs WHERE run_id = @run AND packed = 0'),
    count: sql.change(`INSERT INTO log_totals (tenant_id, stored_bytes, dropped_bytes, removed_bytes)
      VALUES (@tenant, @stored, @dropped, 0) ON CONFLICT (tenant_id) DO UPDATE
      SET stored_bytes = stored_bytes + excluded.stored_bytes, dropped_bytes = dropped_bytes + excluded.dropped_bytes`),
  };
}

type Writer = ReturnType<typeof prepareWriter>;

/** What is known of one run's log while a frame is applied, with the lines not yet stored. */
interface OpenLog extends z.infer<typeof stateRow> {
  lines: LogLine[];
  raw: Buffer[];
  rawBytes: number;
  gaps: Map<number, Gap>;
  /** Left out in this frame, the last of them. */
  tail: Buffer[];
}

/** The chunks of one tenant's runs. Small ones together never exceed a big one, so that packing them is one short step. */
function createChunkStore(rows: Writer, tenant: TenantId) {
  const store = (run: RunId, log: OpenLog, packed: boolean): void => {
    const [first, last] = [log.lines[0], log.lines.at(-1)];
    if (first && last) {
      const extent = { firstN: first.n, lastN: last.n, lines: log.lines.length, rawBytes: log.rawBytes };
      rows.insert.run({ run, tenant, ...extent, packed, body: packLines(log.raw) });
    }
    [log.lines, log.raw, log.rawBytes] = [[], [], 0];
  };
  const pack = (run: RunId): void => {
    const chunks = rows.open.list({ run });
    const [first, last] = [chunks[0], chunks.at(-1)];
    if (!first || !last) return;
    rows.dropOpen.run({ run });
    const lines = chunks.reduce((sum, chunk) => sum + chunk.lines, 0);
    const rawBytes = chunks.reduce((sum, chunk) => sum + chunk.rawBytes, 0);
    const body = joinChunks(chunks.map((chunk) => chunk.body));
    rows.insert.run({ run, tenant, firstN: first.firstN, lastN: last.lastN, lines, rawBytes, packed: true, body });
  };
  const storeOpen = (run: RunId, log: OpenLog): void => {
    if (log.lines.length === 0) return;
    if ((rows.openBytes.find({ run })?.bytes ?? 0) + log.rawBytes > CHUNK_BYTES) pack(run);
    store(run, log, false);
  };
  return { store, pack, storeOpen };
}

/** Why a line does not fit: the limit of the run, or the day of its host. Behind a line that was left out only errors are kept. */
function findFullLimit(log: OpenLog, day: DayBudget, line: LogLine, size: number, limits: LogLimits): number | undefined {
  const isGrave = line.level === 'error';
  const runRoom = limits.runBytes + (isGrave ? limits.runReserveBytes : 0);
  if ((!isGrave && log.isFull) || log.bytes + size > runRoom) return RUN_LIMIT;
  const dayRoom = limits.hostDayBytes + (isGrave ? limits.hostDayReserveBytes : 0);
  return (!isGrave && day.leftOut > 0) || day.bytes + size > dayRoom ? day.day : undefined;
}

/** What a frame stores and loses, kept until its end: the day of its host, the gaps of its runs, the totals. */
function openAccount(rows: Writer, losses: LogLosses, speaker: LogSpeaker, limits: LogLimits) {
  const { tenant, host, receivedAt } = speaker;
  const lost = new Set<RunId>();
  const total = { stored: 0, dropped: 0 };
  let day: DayBudget | undefined;
  let wasReached = false;

  const getDay = (): DayBudget => {
    if (day) return day;
    day = losses.openDay(tenant, host, receivedAt);
    wasReached = day.leftOut > 0;
    return day;
  };
  return {
    getDay,
    addStored(bytes: number): void {
      getDay().bytes += bytes;
      total.stored += bytes;
    },
    leaveOut(run: RunId, log: OpenLog, line: LogLine, raw: Buffer, cause: number): void {
      const gap = log.gaps.get(cause);
      log.gaps.set(cause, gap ? { ...gap, lines: gap.lines + 1 } : { day: cause, firstN: line.n, at: line.at, lines: 1 });
      log.leftOut += 1;
      if (cause === RUN_LIMIT) log.isFull = true;
      else getDay().leftOut += 1;
      if (!log.isEnded) log.tail.push(raw);
      if (log.tail.length > TAIL_GATHERED) log.tail = cutTail(log.tail);
      total.dropped += raw.length;
      lost.add(run);
    },
    /** The counts of a run, its gaps, and the last of what was left out, which takes its room from the day as well. */
    save(run: RunId, log: OpenLog): void {
      const { lastN, bytes, leftOut } = log;
      rows.save.run({ run, lastN, bytes, leftOut });
      for (const gap of log.gaps.values()) losses.widenGap(tenant, run, gap);
      if (log.tail.length === 0) return;
      const budget = getDay();
      const room = limits.hostDayBytes + limits.hostDayReserveBytes - budget.bytes;
      budget.bytes += Math.max(0, losses.saveTail(tenant, run, log.tail, room));
    },
    settleTail(run: RunId, state: TerminalState): void {
      if (state === 'succeeded' || state === 'skipped') {
        losses.dropTail(run);
        return;
      }
      const kept = losses.keepTail(run);
      if (kept.lines === 0) return;
      rows.found.run({ run, ...kept });
      total.stored += kept.bytes;
    },
    close(): LogLoss | undefined {
      if (day) losses.saveDay(tenant, host, day);
      if (total.stored + total.dropped > 0) rows.count.run({ tenant, ...total });
      if (lost.size === 0) return undefined;
      const isNews = day !== undefined && day.leftOut > 0 && !wasReached;
      const reached = isNews && day ? { day: formatDay(day.day), limitBytes: limits.hostDayBytes } : undefined;
      return { runs: [...lost], reached };
    },
  };
}

/** Begins the logs of a frame, in a caller's transaction. */
export function createLogWriter(sql: Sql, limits: LogLimits = LOG_LIMITS): (speaker: LogSpeaker) => FrameLogs {
  const rows = prepareWriter(sql);
  const losses = createLogLosses(sql);

  return (speaker) => {
    const chunks = createChunkStore(rows, speaker.tenant);
    const account = openAccount(rows, losses, speaker, limits);
    const open = new Map<RunId, OpenLog>();

    const findLog = (run: RunId): OpenLog | undefined => {
      const known = open.get(run);
      if (known) return known;
      const state = rows.state.find({ run });
      if (!state) return undefined;
      const log: OpenLog = { ...state, lines: [], raw: [], rawBytes: 0, gaps: new Map(), tail: [] };
      open.set(run, log);
      return log;
    };
    const take = (run: RunId, log: OpenLog, line: LogLine): boolean => {
      if (line.n <= log.lastN) return false;
      log.lastN = line.n;
      if (log.isRemoved) return false;
      const raw = encodeLine(line);
      const cause = findFullLimit(log, account.getDay(), line, raw.length, limits);
      if (cause !== undefined) {
        account.leaveOut(run, log, line, raw, cause);
        return false;
      }
      if (log.rawBytes + raw.length > CHUNK_BYTES) chunks.storeOpen(run, log);
      log.bytes += raw.length;
      log.rawBytes += raw.length;
      log.lines.push(line);
      log.raw.push(raw);
      account.addStored(raw.length);
      return true;
    };

    return {
      append(run, lines) {
        const log = findLog(run);
        return log ? lines.filter((line) => take(run, log, line)) : [];
      },
      end(run, state) {
        const log = open.get(run);
        if (log) {
          if ((rows.openBytes.find({ run })?.chunks ?? 0) === 0) chunks.store(run, log, true);
          else chunks.storeOpen(run, log);
          account.save(run, log);
          open.delete(run);
        }
        chunks.pack(run);
        account.settleTail(run, state);
      },
      flush() {
        for (const [run, log] of open) {
          chunks.storeOpen(run, log);
          account.save(run, log);
        }
        open.clear();
        return account.close();
      },
    };
  };
}
