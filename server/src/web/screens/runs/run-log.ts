/** Reading a run's log: its end on the run's page, any stretch of it on its own, all of it as a file. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal, type LogLevel, type LogLine } from '@holdfast/shared/domain/run.ts';
import { LOG, TEXT } from '@holdfast/shared/limits.ts';
import { TOPICS } from '../../../core/bus.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { readRunLog } from '../../../core/runs/runs.ts';
import type { LogFilter } from '../../../store/logs.ts';
import type { Run } from '../../../store/runs.ts';
import { renderLog } from '../../api/log-format.ts';
import type { PageReply, Visit } from '../../http/route.ts';
import type { Clockface } from '../../ui/time.ts';
import { findText } from '../forms/form-values.ts';
import type { RunLogView } from './run-log.view.ts';

/** Lines beside the rest of a run; the log's own page shows `LOG.pageLines`. */
const BESIDE_LINES = 500;
const FILE_LINES = 5000;

/** Each level with all that are graver. */
const LEVELS = {
  info: ['info', 'warn', 'error'],
  warn: ['warn', 'error'],
  error: ['error'],
} as const satisfies Record<string, readonly LogLevel[]>;
type LevelName = keyof typeof LEVELS;

const LEVEL_CHOICES = [
  { value: '', label: 'All levels' },
  { value: 'info', label: 'Info and graver' },
  { value: 'warn', label: 'Warnings and errors' },
  { value: 'error', label: 'Errors' },
] as const;

function isLevelName(text: string | undefined): text is LevelName {
  return text !== undefined && Object.hasOwn(LEVELS, text);
}

interface LogQuery {
  search: string | undefined;
  level: LevelName | undefined;
  /** Only lines before this number, for going back. */
  before: number | undefined;
  after: number | undefined;
}

function readNumber(visit: Pick<Visit, 'query'>, name: string): number | undefined {
  const text = findText(visit.query, name, 12);
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function readLogQuery(visit: Pick<Visit, 'query'>): LogQuery {
  const level = findText(visit.query, 'level');
  return {
    search: findText(visit.query, 'q', TEXT.searchChars),
    level: isLevelName(level) ? level : undefined,
    before: readNumber(visit, 'before'),
    after: readNumber(visit, 'after'),
  };
}

interface Stretch {
  lines: readonly LogLine[];
  /** Whether the log has lines before these, and behind them. */
  hasEarlier: boolean;
  hasLater: boolean;
}

/** Without a filter the newest lines, with one what fits from the start; or the stretch asked for. One more tells of others. */
async function readStretch(
  query: LogQuery,
  most: number,
  read: (filter: LogFilter) => Promise<readonly LogLine[]>,
): Promise<Stretch> {
  const limit = most + 1;
  const { search, level, before } = query;
  const wanted = { limit, search, levels: level === undefined ? undefined : LEVELS[level] };
  if (query.after !== undefined || (before === undefined && isFiltered(query))) {
    const after = query.after ?? 0;
    const found = await read({ ...wanted, after });
    return { lines: found.slice(0, most), hasEarlier: after > 0, hasLater: found.length > most };
  }
  const found = await read({ ...wanted, after: 0, before: before ?? Number.MAX_SAFE_INTEGER });
  return { lines: found.slice(-most), hasEarlier: found.length > most, hasLater: before !== undefined };
}

function isFiltered({ search, level }: LogQuery): boolean {
  return search !== undefined || level !== undefined;
}

export interface LogPlace {
  run: Run;
  face: Clockface;
  /** Whether the log has the page to itself. */
  alone: boolean;
}

export async function readRunLogView(context: CoreContext, visit: Visit, place: LogPlace): Promise<RunLogView> {
  const { urls } = visit;
  const { run, face, alone } = place;
  const most = alone ? LOG.pageLines : BESIDE_LINES;
  const query = readLogQuery(visit);
  const filtered = isFiltered(query);
  const stretch = await readStretch(query, most, (filter) => readRunLog(context, visit.caller, run.id, filter));
  const { lines, hasEarlier, hasLater } = stretch;
  const first = lines[0]?.n ?? 1;
  const last = lines.at(-1)?.n ?? 0;
  const link = (place: { before: number } | { after: number }) =>
    urls.runLog({ run: run.id }, { q: query.search, level: query.level, ...place });
  return {
    zone: face.zone,
    topic: isTerminal(run.state) || filtered || hasLater ? undefined : TOPICS.run(run.id),
    lines,
    total: run.logLines,
    leftOut: run.logLinesLeftOut,
    removedAfterDays: run.logRemoval?.afterDays,
    action: alone ? urls.runLog({ run: run.id }) : urls.run({ run: run.id }),
    search: query.search ?? '',
    level: query.level ?? '',
    levels: LEVEL_CHOICES,
    filtered,
    earlierHref: hasEarlier ? link({ before: first }) : undefined,
    laterHref: hasLater ? link({ after: last }) : undefined,
    textHref: urls.downloadRunLog({ run: run.id }),
    jsonHref: urls.downloadRunLog({ run: run.id }, { format: 'ndjson' }),
  };
}

async function* streamLog(context: CoreContext, visit: Visit, run: RunId, format: 'txt' | 'ndjson'): AsyncGenerator<string> {
  let after = 0;
  for (;;) {
    const lines: readonly LogLine[] = await readRunLog(context, visit.caller, run, { after, limit: FILE_LINES });
    if (lines.length > 0) yield renderLog(lines, format);
    const last = lines.at(-1)?.n;
    if (last === undefined || lines.length < FILE_LINES) return;
    after = last;
  }
}

/** The whole log as a file; text for people, one JSON document a line for programs. */
export function downloadLog(context: CoreContext, visit: Visit, run: Run): PageReply {
  const format = findText(visit.query, 'format') === 'ndjson' ? 'ndjson' : 'txt';
  return {
    kind: 'download',
    fileName: `${run.id}.${format === 'ndjson' ? 'ndjson' : 'log.txt'}`,
    contentType: format === 'ndjson' ? 'application/x-ndjson; charset=utf-8' : 'text/plain; charset=utf-8',
    body: streamLog(context, visit, run.id, format),
  };
}
