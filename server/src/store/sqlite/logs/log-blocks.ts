/**
 * The short logs of runs that have ended, many of them in one zstd block: by itself a log of ten lines hardly compresses, and its row
 * weighs as much as its lines. A block is written once, in the transaction that removes what it was made of. Its lines are JSON as in a
 * chunk, but for number and time, which count from the line before; behind each log stands an empty line.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { LogStore } from '../../logs.ts';
import { flag } from '../columns.ts';
import type { Sql } from '../statements.ts';
import { decodeChunk, encodeLine, parseLines } from './log-chunks.ts';

/** Runs of one block were reported within this time, so that a log is not kept for long because of its neighbours. */
const SPAN_MS = 24 * 3_600_000;
/** What higher levels save is a percent of the lines, for ten times the work. */
const LEVEL = 9;
const BETWEEN_LOGS = '\n\n';

/** A log that has been packed: the only piece of its run, unless it is apart. */
const candidateRow = z.object({
  run: idSchema('run'),
  tenant: idSchema('tenant'),
  firstN: z.int(),
  rawBytes: z.int(),
  reportedAt: z.int(),
  /** Other pieces of the same log lie elsewhere. */
  isApart: flag,
  body: z.instanceof(Uint8Array),
});
type Candidate = z.infer<typeof candidateRow>;

function prepareBlocks(sql: Sql) {
  return {
    candidates: sql.select(
      `SELECT l.run_id AS run, l.tenant_id AS tenant, l.first_n AS firstN, l.raw_bytes AS rawBytes, r.reported_at AS reportedAt,
         r.log_block IS NOT NULL OR EXISTS (SELECT 1 FROM run_logs o WHERE o.run_id = l.run_id AND o.first_n <> l.first_n) AS isApart,
         l.body
       FROM run_logs l INDEXED BY run_logs_short JOIN runs r ON r.id = l.run_id
       WHERE l.packed = 1 AND l.raw_bytes <= ${LOG.blockLogBytes} AND r.reported_at IS NOT NULL
       ORDER BY l.tenant_id, l.run_id LIMIT ${LOG.blockRuns}`,
      candidateRow,
    ),
    leaveApart: sql.change('UPDATE run_logs SET packed = 2 WHERE run_id = @run AND first_n = @firstN'),
    insert: sql.select(
      'INSERT INTO log_blocks (tenant_id, runs_left, body) VALUES (@tenant, @runs, @body) RETURNING id',
      z.object({ id: z.int() }),
    ),
    place: sql.change('UPDATE runs SET log_block = @block, log_place = @place WHERE id = @run'),
    drop: sql.change('DELETE FROM run_logs WHERE run_id = @run AND first_n = @firstN'),
  };
}

/** As many as make one block, from the first; undefined when more may come. */
function takeBlock(candidates: readonly Candidate[]): readonly Candidate[] | undefined {
  const [first] = candidates;
  if (!first) return undefined;
  let [bytes, earliest, latest] = [0, first.reportedAt, first.reportedAt];
  for (const [index, one] of candidates.entries()) {
    bytes += one.rawBytes;
    earliest = Math.min(earliest, one.reportedAt);
    latest = Math.max(latest, one.reportedAt);
    if (bytes > LOG.blockBytes || one.tenant !== first.tenant || latest - earliest > SPAN_MS) return candidates.slice(0, index);
  }
  return candidates.length < LOG.blockRuns ? undefined : candidates;
}

/** Its lines, each told by how it differs from the one before; undefined for a log that cannot be read back. */
function retellLog({ body }: Candidate): Buffer[] | undefined {
  try {
    let [n, at] = [0, 0];
    return decodeChunk(body).map((line) => {
      const told = encodeLine({ ...line, n: line.n - n, at: line.at - at });
      [n, at] = [line.n, line.at];
      return told;
    });
  } catch {
    return undefined;
  }
}

/** See `LogStore.gatherLogs`. What cannot be read back stays where it is, and is told of when somebody asks for it. */
export function createLogGathering(sql: Sql): Pick<LogStore, 'gatherLogs'> {
  const rows = prepareBlocks(sql);
  const putTogether = (logs: readonly Buffer[][]): Buffer =>
    zstdCompressSync(Buffer.concat(logs.flatMap((lines) => [...lines, Buffer.from('\n')])), {
      params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
    });

  return {
    gatherLogs: () =>
      sql.write(() => {
        const found = rows.candidates.list();
        const taken = takeBlock(found.filter(({ isApart }) => !isApart)) ?? [];
        const told = taken.map((one) => ({ one, log: retellLog(one) }));
        const whole = told.flatMap(({ one, log }) => (log ? [{ one, log }] : []));
        const apart = [...found.filter(({ isApart }) => isApart), ...told.flatMap(({ one, log }) => (log ? [] : [one]))];
        for (const { run, firstN } of apart) rows.leaveApart.run({ run, firstN });
        const [first] = whole;
        if (!first) return { gathered: 0, hasMore: apart.length > 0 };
        const body = putTogether(whole.map(({ log }) => log));
        const block = rows.insert.find({ tenant: first.one.tenant, runs: whole.length, body })?.id;
        if (block === undefined) throw new AppError('internal', 'a block of logs was stored without an id');
        for (const [place, { one }] of whole.entries()) {
          rows.place.run({ run: one.run, block, place });
          rows.drop.run({ run: one.run, firstN: one.firstN });
        }
        return { gathered: whole.length, hasMore: true };
      }),
  };
}

/** The lines of the log at `place` of a block. Throws `integrity` for a block that cannot be read back. */
export function readPlace(body: Uint8Array, place: number): LogLine[] {
  let [n, at] = [0, 0];
  const told = parseLines(() => {
    const log = zstdDecompressSync(body, { maxOutputLength: 2 * LOG.blockBytes })
      .toString('utf8')
      .split(BETWEEN_LOGS)[place];
    if (log === undefined) throw new Error(`the block has no log number ${place}`);
    return log;
  });
  return told.map((line) => {
    [n, at] = [n + line.n, at + line.at];
    return { ...line, n, at };
  });
}
