/** The snapshots this host made, for comparing with what a repository really holds. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Database } from './database.ts';

/**
 * `made`: the engine named it, its run has not ended yet. `vouched`: a clean run stands for it. `unvouched`: its run did
 * not end clean. `missing`: the repository does not have it any more.
 */
export const LEDGER_STATES = ['made', 'vouched', 'unvouched', 'missing'] as const;
export type LedgerState = (typeof LEDGER_STATES)[number];

export interface LedgerSnapshot {
  repository: RepositoryId;
  /** The engine's own full id. */
  engineId: string;
  snapshot: SnapshotId;
  run: RunId;
  source: SourceId;
  state: LedgerState;
}

export interface SnapshotLedger {
  /** Records a snapshot; repeating it changes only the state. */
  record(snapshot: LedgerSnapshot): void;
  find(repository: RepositoryId, engineId: string): LedgerSnapshot | undefined;
  listByRepository(repository: RepositoryId): LedgerSnapshot[];
  /** Sets the state of everything a run made, such as `vouched` when it ended clean. */
  setStateOfRun(run: RunId, state: LedgerState): void;
  setState(repository: RepositoryId, engineId: string, state: LedgerState): void;
}

const COLUMNS = 'repository, engine_id AS engineId, snapshot, run, source, state';

export function createSnapshotLedger(database: Database, clock: Pick<Clock, 'now'>): SnapshotLedger {
  const upsert = database.prepare(
    `INSERT INTO snapshots (repository, engine_id, snapshot, run, source, state, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (repository, engine_id) DO UPDATE SET state = excluded.state`,
  );
  const select = database.prepare(`SELECT ${COLUMNS} FROM snapshots WHERE repository = ? AND engine_id = ?`);
  const selectAll = database.prepare(`SELECT ${COLUMNS} FROM snapshots WHERE repository = ? ORDER BY recorded_at, engine_id`);
  const setOfRun = database.prepare('UPDATE snapshots SET state = ? WHERE run = ?');
  const setOne = database.prepare('UPDATE snapshots SET state = ? WHERE repository = ? AND engine_id = ?');
  const read = (row: unknown): LedgerSnapshot => ({ ...(row as LedgerSnapshot) });
  return {
    record({ repository, engineId, snapshot, run, source, state }) {
      database.transact(() => upsert.run(repository, engineId, snapshot, run, source, state, clock.now()));
    },
    find(repository, engineId) {
      const row = select.get(repository, engineId);
      return row && read(row);
    },
    listByRepository: (repository) => selectAll.all(repository).map(read),
    setStateOfRun: (run, state) => void database.transact(() => setOfRun.run(state, run)),
    setState: (repository, engineId, state) => void database.transact(() => setOne.run(state, repository, engineId)),
  };
}
