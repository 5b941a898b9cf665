/** The server's database, read as it lies on disk, against what was told. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';
import { idOf, numberOf, runNumberOf } from '@holdfast/server/store/sqlite/id-numbers.ts';
import { readPlace } from '@holdfast/server/store/sqlite/logs/log-blocks.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import { type ExpectedRun, hashLines } from './stream.ts';

type Row = Readonly<Record<string, unknown>>;

export type Ledger = {
  /** Runs of a host, in no order. */
  listRuns(host: string): ExpectedRun[];
  /** Where the host's stream stands, by epoch. */
  readStreams(host: string): ReadonlyMap<string, number>;
  /** How many runs ended in each state, as counted at their ends. */
  countEnds(): ReadonlyMap<string, number>;
  close(): void;
};

/** Opens the database of a server's data directory without writing to it. */
export function openLedger(dataDir: string): Ledger {
  const database = new DatabaseSync(join(dataDir, 'holdfast.db'), { readOnly: true });
  const runs = database.prepare(`SELECT * FROM runs WHERE host_no = ${numberOf('?')}`);
  const logs = database.prepare('SELECT body FROM run_logs WHERE run_id = ? ORDER BY first_n');
  const blocks = database.prepare('SELECT b.body FROM log_blocks b WHERE b.id = ?');
  const stages = database.prepare('SELECT stage, started_at, ended_at, ok FROM run_stages WHERE run_id = ? ORDER BY stage');
  const parts = database.prepare(
    `SELECT ${idOf('source_no')} AS source, state, bytes FROM run_parts WHERE run_no = ${runNumberOf('?')}`,
  );
  const snapshots = database.prepare('SELECT engine_id, state, size_bytes FROM snapshots WHERE run_id = ?');
  const streams = database.prepare('SELECT epoch, seq FROM host_streams WHERE host_id = ?');
  const totals = database.prepare('SELECT state, count FROM run_totals');
  const join3 = (row: Row) => Object.values(row).join(' ');

  const readRun = (row: Row): ExpectedRun => {
    const id = String(row['id']);
    const block = row['log_block'] === null ? undefined : blocks.get(Number(row['log_block']));
    const lines = [
      ...(block ? readPlace(block['body'] as Uint8Array, Number(row['log_place'])) : []),
      ...logs.all(id).flatMap(({ body }) => readLines(body as Uint8Array)),
    ];
    return {
      id: id as ExpectedRun['id'],
      state: row['state'] as ExpectedRun['state'],
      createdAt: Number(row['created_at']),
      startedAt: Number(row['started_at']),
      finishedAt: Number(row['finished_at']),
      durationMs: Number(row['duration_ms']),
      bytes: Number(row['bytes']),
      lines: lines.length,
      log: hashLines(lines),
      stages: stages
        .all(id)
        .map((stage) => `${stage['stage']}:${stage['started_at']}-${stage['ended_at']}:${stage['ok']}`)
        .toSorted()
        .join(' '),
      part: parts.all(id).map(join3).join(', '),
      snapshot: snapshots.all(id).map(join3).join(', '),
    };
  };
  return {
    listRuns: (host) => runs.all(host).map(readRun),
    readStreams: (host) => new Map(streams.all(host).map((row) => [String(row['epoch']), Number(row['seq'])])),
    countEnds: () => new Map(totals.all().map((row) => [String(row['state']), Number(row['count'])])),
    close: () => database.close(),
  };
}

function readLines(body: Uint8Array): LogLine[] {
  const rows = zstdDecompressSync(body).toString('utf8').split('\n');
  return rows.flatMap((json) => {
    if (json === '') return [];
    const [n, at, level, text] = JSON.parse(json) as [number, number, LogLine['level'], string];
    return [{ n, at, level, text }];
  });
}

/** Everything in which the ledger's runs differ from those that were told. */
export function compareRuns(expected: readonly ExpectedRun[], seen: readonly ExpectedRun[]): string[] {
  const rest = new Map(seen.map((run) => [run.id, run]));
  const problems = seen.length === rest.size ? [] : [`${seen.length - rest.size} runs stand there twice`];
  for (const run of expected) {
    const found = rest.get(run.id);
    rest.delete(run.id);
    if (found === undefined) problems.push(`run ${run.id} is missing`);
    else
      for (const key of Object.keys(run) as (keyof ExpectedRun)[])
        if (run[key] !== found[key]) problems.push(`run ${run.id} has ${key} ${found[key]} instead of ${run[key]}`);
  }
  for (const id of rest.keys()) problems.push(`run ${id} was never told`);
  return problems;
}
