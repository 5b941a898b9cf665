/**
 * What logs lose at their limits, and how that is told: what a host may still write today, the gaps of a run with the
 * number of lines that are missing in each, and the last lines, which are kept after all when the run does not end well.
 */
import { zstdDecompressSync } from 'node:zlib';
import type { HostId, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Sql } from '../statements.ts';
import { chunkRow, decodeChunk, packLines } from './log-chunks.ts';

const MIB = 1024 * 1024;

/** Raw bytes as stored. A reserve lies above its limit and takes lines of level `error`. */
export interface LogLimits {
  runBytes: number;
  runReserveBytes: number;
  hostDayBytes: number;
  hostDayReserveBytes: number;
}

export const LOG_LIMITS: LogLimits = {
  runBytes: LOG.runBytes,
  runReserveBytes: LOG.runReserveBytes,
  hostDayBytes: LOG.hostDayBytes,
  hostDayReserveBytes: LOG.hostDayReserveBytes,
};

/** The limits with another one for a host and day; an eighth more is its reserve. */
export function boundLogs(hostDayBytes: number = LOG_LIMITS.hostDayBytes): LogLimits {
  return { ...LOG_LIMITS, hostDayBytes, hostDayReserveBytes: Math.floor(hostDayBytes / 8) };
}

/** The gap of a run that is above its own limit; every other gap is named by the day on which its host was. */
export const RUN_LIMIT = 0;

/** UTC days since 1970. */
export function toDay(at: number): number {
  return Math.floor(at / DAY_MS);
}

export function formatDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

export const gapRow = z.object({ day: z.int(), firstN: z.int(), at: z.int(), lines: z.int() });
export type Gap = z.infer<typeof gapRow>;
export const GAP_COLUMNS = 'day, first_n AS firstN, at, lines';

/** The line that stands for a gap; it has the number of the first line that is missing. */
export function createGapMarker({ day, firstN, at, lines }: Gap, limits: LogLimits): LogLine {
  const said = (bytes: number) => `${Math.round((bytes * 10) / MIB) / 10} MiB`;
  const missing = lines === 1 ? '1 line' : `${lines} lines`;
  const text =
    day === RUN_LIMIT
      ? `… ${missing} left out: the log of this run is above ${said(limits.runBytes)}`
      : `… the log of this host for ${formatDay(day)} reached its limit of ${said(limits.hostDayBytes)}; ${missing} of this run ${lines === 1 ? 'was' : 'were'} not kept`;
  return { n: firstN, at, level: 'warn', text };
}

/** What one host may still write on the day of a frame. */
export interface DayBudget {
  readonly day: number;
  bytes: number;
  leftOut: number;
}

export interface LogLosses {
  openDay(tenant: TenantId, host: HostId, at: number): DayBudget;
  saveDay(tenant: TenantId, host: HostId, budget: DayBudget): void;
  widenGap(tenant: TenantId, run: RunId, gap: Gap): void;
  /** Puts lines behind the last ones kept so far, of which `room` more bytes may be kept; returns the bytes it grew by. */
  saveTail(tenant: TenantId, run: RunId, lines: readonly Buffer[], room: number): number;
  /** The last lines become part of the log and are missing in no gap; returns how many they are and their raw bytes. */
  keepTail(run: RunId): { lines: number; bytes: number };
  dropTail(run: RunId): void;
}

const tailRow = chunkRow.pick({ lines: true, rawBytes: true, body: true });

function prepareLosses(sql: Sql) {
  return {
    day: sql.select(
      'SELECT bytes, left_out AS leftOut FROM host_log_days WHERE host_id = @host AND day = @day AND tenant_id = @tenant',
      z.object({ bytes: z.int(), leftOut: z.int() }),
    ),
    saveDay: sql.change(`INSERT INTO host_log_days (host_id, day, tenant_id, bytes, left_out)
      VALUES (@host, @day, @tenant, @bytes, @leftOut)
      ON CONFLICT (host_id, day) DO UPDATE SET bytes = excluded.bytes, left_out = excluded.left_out`),
    widen: sql.change(`INSERT INTO run_log_gaps (run_id, day, tenant_id, first_n, at, lines)
      VALUES (@run, @day, @tenant, @firstN, @at, @lines)
      ON CONFLICT (run_id, day) DO UPDATE SET lines = run_log_gaps.lines + excluded.lines`),
    gaps: sql.select(`SELECT ${GAP_COLUMNS} FROM run_log_gaps WHERE run_id = @run ORDER BY first_n`, gapRow),
    narrow: sql.change('UPDATE run_log_gaps SET lines = lines - @lines WHERE run_id = @run AND day = @day'),
    close: sql.change('DELETE FROM run_log_gaps WHERE run_id = @run AND lines <= 0'),
    tail: sql.select('SELECT lines, raw_bytes AS rawBytes, body FROM run_log_tails WHERE run_id = @run AND kept = 0', tailRow),
    saveTail: sql.change(`INSERT INTO run_log_tails (run_id, tenant_id, lines, raw_bytes, kept, body)
      VALUES (@run, @tenant, @lines, @rawBytes, 0, @body)
      ON CONFLICT (run_id) DO UPDATE SET lines = excluded.lines, raw_bytes = excluded.raw_bytes, body = excluded.body`),
    keepTail: sql.change('UPDATE run_log_tails SET kept = 1 WHERE run_id = @run'),
    dropTail: sql.change('DELETE FROM run_log_tails WHERE run_id = @run'),
  };
}

/** The last of these lines: at most `LOG.tailLines`, and at most `bytes` of them. */
export function cutTail(lines: readonly Buffer[], bytes: number = LOG.tailBytes): Buffer[] {
  const kept: Buffer[] = [];
  let size = 0;
  for (const line of lines.slice(-LOG.tailLines).reverse()) {
    size += line.length;
    if (size > bytes) break;
    kept.push(line);
  }
  return kept.reverse();
}

function splitLines(raw: Buffer): Buffer[] {
  return raw
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(`${line}\n`, 'utf8'));
}

export function createLogLosses(sql: Sql): LogLosses {
  const rows = prepareLosses(sql);
  return {
    openDay(tenant, host, at) {
      const day = toDay(at);
      return { day, ...(rows.day.find({ tenant, host, day }) ?? { bytes: 0, leftOut: 0 }) };
    },
    saveDay: (tenant, host, budget) => void rows.saveDay.run({ tenant, host, ...budget }),
    widenGap: (tenant, run, gap) => void rows.widen.run({ tenant, run, ...gap }),
    saveTail(tenant, run, lines, room) {
      const before = rows.tail.find({ run });
      const known = before ? splitLines(zstdDecompressSync(before.body)) : [];
      const held = before?.rawBytes ?? 0;
      const tail = cutTail([...known, ...lines], Math.min(LOG.tailBytes, held + Math.max(0, room)));
      const rawBytes = tail.reduce((sum, line) => sum + line.length, 0);
      rows.saveTail.run({ run, tenant, lines: tail.length, rawBytes, body: packLines(tail) });
      return rawBytes - held;
    },
    keepTail(run) {
      const tail = rows.tail.find({ run });
      if (!tail || tail.lines === 0) {
        rows.dropTail.run({ run });
        return { lines: 0, bytes: 0 };
      }
      const gaps = rows.gaps.list({ run });
      const found = new Map<number, number>();
      for (const line of decodeChunk(tail.body)) {
        // Gaps follow each other: a line is missing in the last one that begins at it or before.
        const gap = gaps.findLast(({ firstN }) => firstN <= line.n);
        if (gap) found.set(gap.day, (found.get(gap.day) ?? 0) + 1);
      }
      for (const [day, lines] of found) rows.narrow.run({ run, day, lines });
      rows.close.run({ run });
      rows.keepTail.run({ run });
      return { lines: tail.lines, bytes: tail.rawBytes };
    },
    dropTail: (run) => void rows.dropTail.run({ run }),
  };
}
