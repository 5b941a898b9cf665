/** The snapshots this host made, for comparing with what a repository really holds, and for deciding which of them stay. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { PlanId, RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Database } from './database.ts';

/**
 * `made`: the engine named it, its part has not ended yet. `vouched`: a clean part stands for it; `partial`: a part that could not read
 * everything does. `unvouched`: its part did not end usable. `missing`: the repository does not have it any more; `removed`: by this agent.
 */
const LEDGER_STATES = ['made', 'vouched', 'partial', 'unvouched', 'missing', 'removed'] as const;
export type LedgerState = (typeof LEDGER_STATES)[number];

/** What retention goes by. */
export interface SnapshotFacts {
  plan: PlanId;
  role: 'data' | 'globals';
  /** Epoch milliseconds, as the engine says. */
  createdAt: number;
  sizeBytes: number;
  addedBytes?: number | undefined;
  /** Of the stored stream; undefined for trees. */
  fileName?: string | undefined;
}

export interface LedgerSnapshot {
  repository: RepositoryId;
  /** The engine's own full id. */
  engineId: string;
  snapshot: SnapshotId;
  run: RunId;
  source: SourceId;
  state: LedgerState;
  /** The run that set out to remove it: when it is gone, that is why. */
  leaving?: RunId | undefined;
  /** Undefined for snapshots recorded by an agent that did not keep them. */
  facts?: SnapshotFacts | undefined;
}

/** A snapshot that retention may look at. */
export interface PlannedSnapshot extends LedgerSnapshot {
  facts: SnapshotFacts;
  /** Its size did not fit those before it when its part ended. */
  isSuspicious: boolean;
  /** A drill restored it, and nothing contradicted that since. */
  isProven: boolean;
}

export interface SnapshotLedger {
  /** Records a snapshot; repeating it changes only the state. */
  record(snapshot: LedgerSnapshot): void;
  find(repository: RepositoryId, engineId: string): LedgerSnapshot | undefined;
  listByRepository(repository: RepositoryId): LedgerSnapshot[];
  /** What a plan made of its sources and is still there as far as is known, newest first; without those whose part goes on. */
  listByPlan(plan: PlanId): PlannedSnapshot[];
  /** Sizes of the data of a source that clean parts stand for, newest first, at most `limit`; one that lies in two repositories counts once. */
  listGoodSizes(plan: PlanId, source: SourceId, limit: number): number[];
  /** What the backups of a source added to a repository in bytes, newest first, at most `limit`, whatever became of them since. */
  listAdded(repository: RepositoryId, source: SourceId, limit: number): number[];
  /** Sets the state of everything a run made, such as `unvouched` when it was lost. */
  setStateOfRun(run: RunId, state: LedgerState): void;
  setState(repository: RepositoryId, engineId: string, state: LedgerState): void;
  markSuspicious(repository: RepositoryId, engineId: string): void;
  /** A copy is as suspicious as its original is. */
  copySuspicion(from: RepositoryId, original: string, to: RepositoryId, copy: string): void;
  /** A drill restored it at `at` (epoch milliseconds); undefined: one could not, and what was proven before is not any more. */
  markProven(repository: RepositoryId, engineId: string, at: number | undefined): void;
  /** Says, before it is done, which run removes these; undefined: it did not, they stay. */
  markLeaving(repository: RepositoryId, engineIds: readonly string[], run: RunId | undefined): void;
  /** Forgets removed snapshots that were recorded before `recordedBefore` (epoch milliseconds). */
  purge(recordedBefore: number): void;
}

interface Row {
  repository: RepositoryId;
  engineId: string;
  snapshot: SnapshotId;
  run: RunId;
  source: SourceId;
  state: LedgerState;
  plan: PlanId | null;
  role: SnapshotFacts['role'] | null;
  createdAt: number | null;
  sizeBytes: number | null;
  addedBytes: number | null;
  fileName: string | null;
  suspicious: number;
  leaving: RunId | null;
  provenAt: number | null;
}

const COLUMNS = `repository, engine_id AS engineId, snapshot, run, source, state, plan, role, created_at AS createdAt,
  size_bytes AS sizeBytes, added_bytes AS addedBytes, file_name AS fileName, suspicious, leaving, proven_at AS provenAt`;

function readRow(row: unknown): LedgerSnapshot {
  const { repository, engineId, snapshot, run, source, state, plan, role, createdAt, sizeBytes, addedBytes, fileName, leaving } =
    row as Row;
  const isKnown = plan !== null && role !== null && createdAt !== null && sizeBytes !== null;
  const facts = isKnown
    ? { plan, role, createdAt, sizeBytes, addedBytes: addedBytes ?? undefined, ...(fileName === null ? {} : { fileName }) }
    : undefined;
  return {
    repository,
    engineId,
    snapshot,
    run,
    source,
    state,
    ...(leaving === null ? {} : { leaving }),
    ...(facts ? { facts } : {}),
  };
}

export function createSnapshotLedger(database: Database, clock: Pick<Clock, 'now'>): SnapshotLedger {
  const upsert = database.prepare(
    `INSERT INTO snapshots (repository, engine_id, snapshot, run, source, state, recorded_at, plan, role, created_at, size_bytes, added_bytes,
       file_name)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (repository, engine_id) DO UPDATE SET state = excluded.state`,
  );
  const select = database.prepare(`SELECT ${COLUMNS} FROM snapshots WHERE repository = ? AND engine_id = ?`);
  const selectAll = database.prepare(`SELECT ${COLUMNS} FROM snapshots WHERE repository = ? ORDER BY recorded_at, engine_id`);
  const selectPlan = database.prepare(
    `SELECT ${COLUMNS} FROM snapshots WHERE plan = ? AND created_at IS NOT NULL AND state IN ('vouched', 'partial', 'unvouched')
     ORDER BY source, created_at DESC, engine_id`,
  );
  const selectSizes = database.prepare(
    `SELECT max(size_bytes) AS sizeBytes FROM snapshots WHERE plan = ? AND source = ? AND state = 'vouched' AND role = 'data'
     GROUP BY run, created_at ORDER BY created_at DESC LIMIT ?`,
  );
  const selectAdded = database.prepare(
    `SELECT added_bytes AS addedBytes FROM snapshots
     WHERE repository = ? AND source = ? AND role = 'data' AND added_bytes IS NOT NULL AND created_at IS NOT NULL
     ORDER BY created_at DESC LIMIT ?`,
  );
  const setOfRun = database.prepare('UPDATE snapshots SET state = ? WHERE run = ?');
  const setOne = database.prepare('UPDATE snapshots SET state = ? WHERE repository = ? AND engine_id = ?');
  const suspect = database.prepare('UPDATE snapshots SET suspicious = 1 WHERE repository = ? AND engine_id = ?');
  const suspectCopy = database.prepare(
    `UPDATE snapshots SET suspicious = 1 WHERE repository = ? AND engine_id = ?
       AND EXISTS (SELECT 1 FROM snapshots o WHERE o.repository = ? AND o.engine_id = ? AND o.suspicious = 1)`,
  );
  const prove = database.prepare('UPDATE snapshots SET proven_at = ? WHERE repository = ? AND engine_id = ?');
  const leave = database.prepare('UPDATE snapshots SET leaving = ? WHERE repository = ? AND engine_id = ?');
  const deleteRemoved = database.prepare("DELETE FROM snapshots WHERE state = 'removed' AND recorded_at < ?");
  return {
    record({ repository, engineId, snapshot, run, source, state, facts }) {
      const { plan = null, role = null, createdAt = null, sizeBytes = null, addedBytes = null, fileName = null } = facts ?? {};
      const values = [repository, engineId, snapshot, run, source, state, clock.now(), plan, role, createdAt, sizeBytes];
      database.transact(() => upsert.run(...values, addedBytes ?? null, fileName ?? null));
    },
    find(repository, engineId) {
      const row = select.get(repository, engineId);
      return row && readRow(row);
    },
    listByRepository: (repository) => selectAll.all(repository).map(readRow),
    listByPlan: (plan) =>
      selectPlan
        .all(plan)
        .map((row) => {
          const { suspicious, provenAt } = row as unknown as Row;
          return { ...readRow(row), isSuspicious: suspicious === 1, isProven: provenAt !== null };
        })
        .filter((snapshot): snapshot is PlannedSnapshot => snapshot.facts !== undefined),
    listGoodSizes: (plan, source, limit) =>
      selectSizes.all(plan, source, limit).map((row) => (row as unknown as { sizeBytes: number }).sizeBytes),
    listAdded: (repository, source, limit) =>
      selectAdded.all(repository, source, limit).map((row) => (row as unknown as { addedBytes: number }).addedBytes),
    setStateOfRun: (run, state) => void database.transact(() => setOfRun.run(state, run)),
    setState: (repository, engineId, state) => void database.transact(() => setOne.run(state, repository, engineId)),
    markSuspicious: (repository, engineId) => void database.transact(() => suspect.run(repository, engineId)),
    copySuspicion: (from, original, to, copy) => void database.transact(() => suspectCopy.run(to, copy, from, original)),
    markProven: (repository, engineId, at) => void database.transact(() => prove.run(at ?? null, repository, engineId)),
    markLeaving: (repository, engineIds, run) =>
      database.transact(() => {
        for (const engineId of engineIds) leave.run(run ?? null, repository, engineId);
      }),
    purge: (recordedBefore) => void database.transact(() => deleteRemoved.run(recordedBefore)),
  };
}
