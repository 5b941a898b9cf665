/** The runs of this host and the processes they started, so that a crash leaves no run that nobody ends. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { PlanId, RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { RunKind, Stage } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Database } from './database.ts';

export interface NewRun {
  run: RunId;
  kind: RunKind;
  plan?: PlanId | undefined;
  /** Set for scheduled runs, epoch milliseconds. */
  fireAt?: number | undefined;
  /** Whatever its owner needs to report or repeat the run; JSON values only, never a secret. */
  body: unknown;
}

export interface JournaledRun extends NewRun {
  /** The highest log line number given out. */
  logLines: number;
  openedAt: number;
  /** Undefined while the run is open. */
  closedAt?: number | undefined;
}

/** What proves that a process is ours: a pid alone may have been given to another program since. */
export interface ProcessFacts {
  run: RunId;
  stage: Stage;
  pid: number;
  /** Field 22 of `/proc/<pid>/stat`: clock ticks since boot. */
  startTime: number;
  /** `/proc/sys/kernel/random/boot_id` when it was started. */
  bootId: string;
}

/** A process that is gone and may have left a lock. */
export interface DeadProcess extends ProcessFacts {
  /** Epoch milliseconds by this host's clock then. */
  recordedAt: number;
  endedAt: number;
  /** Of its run; undefined when the run is not known any more. */
  repository: RepositoryId | undefined;
}

export interface RunJournal {
  /** Opens a run. False when this id was recorded before, open or closed: then nothing may be started. */
  record(run: NewRun): boolean;
  /** Replaces the body of an open run; throws `not_found` for an unknown run. */
  revise(run: RunId, body: unknown): void;
  find(run: RunId): JournaledRun | undefined;
  /** The newest closed runs of a kind of a plan, newest first. */
  listClosed(plan: PlanId, kind: RunKind, limit: number): JournaledRun[];
  /** Closed runs of a kind whose body has a field of this name (letters only), oldest first. */
  listClosedWith(kind: RunKind, field: string): JournaledRun[];
  /** Open runs, oldest first. After a crash these were interrupted. */
  listOpen(): JournaledRun[];
  /** Closes a run; none of its processes runs any more. False when it was not open. */
  close(run: RunId): boolean;
  /** Log lines up to number `total` are given out; a lower number than before changes nothing. */
  countLogLines(run: RunId, total: number): void;
  recordProcess(facts: ProcessFacts): void;
  /** It is gone, and known until it is forgotten. */
  endProcess(run: RunId, stage: Stage, pid: number): void;
  /** Those that run, as far as is known. */
  listProcesses(run?: RunId): ProcessFacts[];
  listDead(): DeadProcess[];
  /** The run left no lock. */
  forgetDead(run: RunId): void;
  /** No lock of this host is left in the repository. */
  forgetDeadOf(repository: RepositoryId): void;
  /** Replaces the body of every closed run of a kind by what `change` makes of it. */
  changeClosed(kind: RunKind, change: (body: unknown) => unknown): void;
  /** Forgets runs closed, and processes gone, before `closedBefore` (epoch milliseconds). */
  purge(closedBefore: number): void;
}

interface RunRow {
  run: RunId;
  kind: RunKind;
  plan: PlanId | null;
  fire_at: number | null;
  body: string;
  log_lines: number;
  opened_at: number;
  closed_at: number | null;
}

const RUN_COLUMNS = 'run, kind, plan, fire_at, body, log_lines, opened_at, closed_at';
const PROCESS_COLUMNS = 'run, stage, pid, start_time AS startTime, boot_id AS bootId';

function readRun(row: unknown): JournaledRun {
  const { run, kind, plan, fire_at, body, log_lines, opened_at, closed_at } = row as RunRow;
  return {
    run,
    kind,
    plan: plan ?? undefined,
    fireAt: fire_at ?? undefined,
    body: JSON.parse(body) as unknown,
    logLines: log_lines,
    openedAt: opened_at,
    closedAt: closed_at ?? undefined,
  };
}

export function createRunJournal(database: Database, clock: Pick<Clock, 'now'>): RunJournal {
  const insert = database.prepare(
    'INSERT INTO runs (run, kind, plan, fire_at, body, opened_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO NOTHING',
  );
  const update = database.prepare('UPDATE runs SET body = ? WHERE run = ? AND closed_at IS NULL');
  const select = database.prepare(`SELECT ${RUN_COLUMNS} FROM runs WHERE run = ?`);
  const selectOpen = database.prepare(`SELECT ${RUN_COLUMNS} FROM runs WHERE closed_at IS NULL ORDER BY opened_at, run`);
  const selectClosed = database.prepare(
    `SELECT ${RUN_COLUMNS} FROM runs WHERE plan = ? AND kind = ? AND closed_at IS NOT NULL ORDER BY opened_at DESC, run DESC LIMIT ?`,
  );
  const selectClosedWith = database.prepare(
    `SELECT ${RUN_COLUMNS} FROM runs
     WHERE kind = ? AND closed_at IS NOT NULL AND json_type(body, '$.' || ?) IS NOT NULL ORDER BY opened_at, run`,
  );
  const setClosed = database.prepare('UPDATE runs SET closed_at = ? WHERE run = ? AND closed_at IS NULL');
  const setLogLines = database.prepare('UPDATE runs SET log_lines = ?1 WHERE run = ?2 AND log_lines < ?1');
  const selectAllClosed = database.prepare('SELECT run, body FROM runs WHERE kind = ? AND closed_at IS NOT NULL');
  const updateClosed = database.prepare('UPDATE runs SET body = ? WHERE run = ?');
  const deleteOld = database.prepare('DELETE FROM runs WHERE closed_at < ?');
  const insertProcess = database.prepare(
    'INSERT OR REPLACE INTO processes (run, stage, pid, start_time, boot_id, recorded_at) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const setEnded = database.prepare('UPDATE processes SET ended_at = ? WHERE run = ? AND stage = ? AND pid = ?');
  const setAllEnded = database.prepare('UPDATE processes SET ended_at = ? WHERE run = ? AND ended_at IS NULL');
  const deleteDead = database.prepare('DELETE FROM processes WHERE run = ? AND ended_at IS NOT NULL');
  const deleteDeadOf = database.prepare(
    `DELETE FROM processes WHERE ended_at IS NOT NULL
     AND run IN (SELECT run FROM runs WHERE json_extract(body, '$.repository') = ?)`,
  );
  const deleteOldDead = database.prepare('DELETE FROM processes WHERE ended_at < ?');
  const selectDead = database.prepare(
    `SELECT ${PROCESS_COLUMNS}, recorded_at AS recordedAt, ended_at AS endedAt,
       (SELECT json_extract(body, '$.repository') FROM runs WHERE runs.run = processes.run) AS repository
     FROM processes WHERE ended_at IS NOT NULL ORDER BY recorded_at, pid`,
  );
  const selectProcesses = database.prepare(
    `SELECT ${PROCESS_COLUMNS} FROM processes WHERE ended_at IS NULL AND (?1 IS NULL OR run = ?1) ORDER BY recorded_at, pid`,
  );
  const changes = (statement: typeof insert, ...values: (string | number | null)[]): number =>
    database.transact(() => Number(statement.run(...values).changes));

  return {
    record: ({ run, kind, plan, fireAt, body }) =>
      changes(insert, run, kind, plan ?? null, fireAt ?? null, JSON.stringify(body ?? null), clock.now()) === 1,
    revise(run, body) {
      if (changes(update, JSON.stringify(body ?? null), run) === 0) throw new AppError('not_found', `no open run ${run}`);
    },
    find(run) {
      const row = select.get(run);
      return row && readRun(row);
    },
    listClosedWith: (kind, field) => selectClosedWith.all(kind, field).map(readRun),
    listClosed: (plan, kind, limit) => selectClosed.all(plan, kind, limit).map(readRun),
    listOpen: () => selectOpen.all().map(readRun),
    close: (run) =>
      database.transact(() => {
        setAllEnded.run(clock.now(), run);
        return Number(setClosed.run(clock.now(), run).changes) === 1;
      }),
    countLogLines: (run, total) => void changes(setLogLines, total, run),
    recordProcess: ({ run, stage, pid, startTime, bootId }) =>
      void changes(insertProcess, run, stage, pid, startTime, bootId, clock.now()),
    endProcess: (run, stage, pid) => void changes(setEnded, clock.now(), run, stage, pid),
    listProcesses: (run) => selectProcesses.all(run ?? null).map((row) => ({ ...row }) as unknown as ProcessFacts),
    changeClosed: (kind, change) =>
      database.transact(() => {
        for (const { run, body } of selectAllClosed.all(kind) as { run: RunId; body: string }[])
          updateClosed.run(JSON.stringify(change(JSON.parse(body)) ?? null), run);
      }),
    listDead: () =>
      selectDead.all().map((row) => {
        const { repository, ...dead } = row as unknown as DeadProcess & { repository: RepositoryId | null };
        return { ...dead, repository: repository ?? undefined };
      }),
    forgetDead: (run) => void changes(deleteDead, run),
    forgetDeadOf: (repository) => void changes(deleteDeadOf, repository),
    purge: (closedBefore) =>
      database.transact(() => {
        deleteOldDead.run(closedBefore);
        deleteOld.run(closedBefore);
      }),
  };
}
