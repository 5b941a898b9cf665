/** The logs of runs. */
import type { RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { LogLevel, LogLine } from '@holdfast/shared/domain/run.ts';

/** Lines above the limits of logs: acknowledged, counted in their run, and not kept. */
export interface LogLoss {
  runs: readonly RunId[];
  /** The host reached its limit of a UTC day (`2026-11-20`, by the server's clock) for the first time. */
  reached?: { day: string; limitBytes: number } | undefined;
}

/** Bytes of log since the store began; none of them ever goes down. */
export interface LogTotals {
  storedBytes: number;
  /** Left out at a limit; the last lines of a run that ended badly are counted as stored as well. */
  droppedBytes: number;
  /** Removed because their time was over. */
  removedBytes: number;
}

export interface LogFilter {
  /** Lines after this number; 0 for all. */
  after: number;
  /** Only lines before this number, and of these the last ones, still in order; else the first ones. */
  before?: number | undefined;
  limit: number;
  levels?: readonly LogLevel[] | undefined;
  search?: string | undefined;
}

export interface LogStore {
  /**
   * Lines in order. Where lines are missing stands one that says how many and why, with the number of the first of them; a log
   * that was removed is one line that says so.
   */
  readLog(tenant: TenantId, id: RunId, filter: LogFilter): Promise<readonly LogLine[]>;
  /**
   * One short step of removing the logs of runs whose end was reported more than `days` days before `at` (of runs without a
   * known end: that were heard of twice as long ago). Returns how many logs are gone and whether there may be more.
   */
  removeOldLogs(days: number, at: number): Promise<{ removed: number; hasMore: boolean }>;
  /**
   * One short step of putting short logs of runs that have ended together, where they take a fraction of the room. They are read as
   * before. Returns how many were moved and whether there may be more to do; a few that do not fill a block wait for others.
   */
  gatherLogs(): Promise<{ gathered: number; hasMore: boolean }>;
  getLogTotals(tenant: TenantId): Promise<LogTotals>;
}
