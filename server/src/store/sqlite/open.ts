/** Opens the store in one SQLite file: lock, settings of durability, migrations, ballast, and the aggregates on top. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@holdfast/shared/clock.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import Database from 'better-sqlite3';
import * as z from 'zod';
import type { Store } from '../store.ts';
import { createAlerts } from './alerts/alerts.ts';
import { createChannels } from './alerts/channels.ts';
import { createDeliveries } from './alerts/deliveries.ts';
import { createAnswers } from './answers.ts';
import { createChanges } from './changes.ts';
import { registerFoldName } from './columns.ts';
import { createCoverage } from './coverage.ts';
import { createDrills } from './drills.ts';
import { createAnnouncements, createEnrolmentTokens, createHostTokens } from './enrolment.ts';
import { createFigures } from './figures.ts';
import { createBallast } from './file/ballast.ts';
import { toStoreError } from './file/faults.ts';
import { createIntegrityWatch, DAILY_CHECK, type IntegrityOptions } from './file/integrity.ts';
import { checkSchema, type Migration, migrate, readMigrations } from './file/migrations.ts';
import { acquireWriterLock, findWriterLock, type WriterLock } from './file/writer-lock.ts';
import { createFires } from './fires.ts';
import { createHealth } from './health.ts';
import { createHistory } from './history.ts';
import { createHostContacts, createHostRows } from './hosts.ts';
import { createLedger } from './ledger/ledger.ts';
import { boundLogs } from './logs/log-losses.ts';
import { createMaintenance } from './maintenance.ts';
import { createPeopleStore } from './people.ts';
import { createPlans } from './plans.ts';
import { createPolicies } from './policies.ts';
import { createRecovery } from './recovery.ts';
import { createRepositories } from './repositories.ts';
import { createRepositoryLooks } from './repository-looks.ts';
import { createRoutines } from './routines.ts';
import { createSettingStore, type FileStamp } from './settings.ts';
import { createSharedSchedules } from './shared-schedules.ts';
import { createSources } from './sources.ts';
import { createSql, type Sql } from './statements.ts';
import { createTrailStore } from './trail.ts';

export interface SqliteStoreOptions {
  /** The database file; made when absent, with rights for its owner only. */
  path: string;
  migrationsDir: string;
  clock: Pick<Clock, 'now'>;
  /** Size of the reserve for a full disk; 0 for none. */
  ballastBytes?: number;
  /** Hears of reports that do not fit the ledger and were left out, such as events about another host's run. */
  onOddity?: (text: string) => void;
  /** Hears, once, that the file is damaged and takes no writes any more; and of checks that could not be made. */
  onDamage?: (text: string) => void;
  /** When the whole file is read by itself; once a day unless told. Only for the process that owns the store. */
  checks?: IntegrityOptions['schedule'];
  /** Raw bytes of log that a host may fill on one UTC day; `LOG.hostDayBytes` unless given. */
  hostDayLogBytes?: number | undefined;
  /**
   * `alone` (default): refuses to open while another process has the store. `beside`: for one-shot commands, opens next to
   * a running server, and migrates only when there is none.
   */
  access?: 'alone' | 'beside';
}

const BALLAST_BYTES = 16 * 1024 * 1024;
/** A wait for a lock blocks the event loop; only one-shot commands ever hold one. */
const BUSY_MS = 2000;
const JOURNAL_BYTES = 64 * 1024 * 1024;
/** Pages kept in this process, beside the kernel's own cache of the file: memory that would else follow the ledger's growth for hours. */
const CACHE_KIB = 4096;

function openDatabase(path: string): Database.Database {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
  const db = new Database(path, { timeout: BUSY_MS });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma(`journal_size_limit = ${JOURNAL_BYTES}`);
    db.pragma(`cache_size = -${CACHE_KIB}`);
    db.pragma('temp_store = MEMORY');
    db.pragma('trusted_schema = OFF');
    db.pragma('foreign_keys = ON');
    db.pragma('synchronous = FULL');
    registerFoldName(db);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

/** Through the log and out of it at once, so that it stands in the file itself. */
function createFileStamp(db: Database.Database): FileStamp {
  const emptyLog = (): boolean =>
    z.array(z.object({ busy: z.int() })).parse(db.pragma('wal_checkpoint(TRUNCATE)'))[0]?.busy === 0;
  return {
    find: () => (emptyLog() ? z.int().parse(db.pragma('user_version', { simple: true })) : undefined),
    put(stamp) {
      db.pragma(`user_version = ${Math.trunc(stamp)}`);
      return emptyLog();
    },
  };
}

/** After the first write, because a fresh database in WAL mode falls back to NORMAL with it. */
function insistOnSync(db: Database.Database): void {
  db.pragma('synchronous = FULL');
  const level: unknown = db.pragma('synchronous', { simple: true });
  if (level !== 2) throw new AppError('internal', `SQLite runs with synchronous = ${String(level)} instead of FULL`);
}

function prepareSchema(db: Database.Database, migrations: readonly Migration[], options: SqliteStoreOptions, owner: boolean) {
  const { path } = options;
  if (owner) return migrate(db, migrations, { path, now: () => options.clock.now() });
  const current = checkSchema(db, migrations, path);
  if (current === migrations.length) return current;
  throw new AppError(
    'precondition',
    `the running server uses schema ${current} of ${path}, this command needs ${migrations.length}; restart the server first`,
  );
}

function createProbe(sql: Sql, clock: Pick<Clock, 'now'>): () => Promise<void> {
  const write = sql.change(`INSERT INTO probes (tenant_id, at) VALUES (@tenant, @at)
    ON CONFLICT (tenant_id) DO UPDATE SET at = excluded.at`);
  const read = sql.select('SELECT at FROM probes WHERE tenant_id = @tenant', z.object({ at: z.int() }));
  return () =>
    sql.write(() => {
      const at = clock.now();
      write.run({ tenant: DEFAULT_TENANT, at });
      if (read.find({ tenant: DEFAULT_TENANT })?.at !== at) {
        throw new AppError('integrity', 'the database did not give back what was just written');
      }
    });
}

function findLock(options: SqliteStoreOptions): WriterLock | undefined {
  return options.access === 'beside' ? findWriterLock(options.path) : acquireWriterLock(options.path);
}

/**
 * Opens the store. Throws `precondition` with one clear line when another process has it, when its schema is newer than this
 * build's or was made by another build; `integrity` when the file is damaged; `unavailable` when it cannot be read or written.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  let lock: WriterLock | undefined;
  let db: Database.Database | undefined;
  try {
    const migrations = readMigrations(options.migrationsDir);
    lock = findLock(options);
    db = openDatabase(options.path);
    const current = prepareSchema(db, migrations, options, lock !== undefined);
    insistOnSync(db);
    return await assembleStore(db, lock, current, migrations.length, options);
  } catch (thrown) {
    db?.close();
    lock?.release();
    throw toStoreError(thrown);
  }
}

async function assembleStore(
  db: Database.Database,
  lock: WriterLock | undefined,
  current: number,
  newest: number,
  options: SqliteStoreOptions,
): Promise<Store> {
  const ballast = createBallast({
    path: `${options.path}.ballast`,
    directory: dirname(options.path),
    bytes: lock === undefined ? 0 : (options.ballastBytes ?? BALLAST_BYTES),
  });
  const integrity = createIntegrityWatch({
    path: options.path,
    onDamage: options.onDamage ?? (() => undefined),
    schedule: lock === undefined ? undefined : (options.checks ?? DAILY_CHECK),
  });
  const sql = createSql(db, {
    onFull: () => ballast.free(),
    onFault: (error) => integrity.note(error),
    guardWrite: () => integrity.guard(),
  });
  await ballast.restore();
  const probe = createProbe(sql, options.clock);
  const { put: putDelivery, ...deliveries } = createDeliveries(sql);
  return {
    people: createPeopleStore(sql),
    hosts: {
      ...createHostRows(sql),
      ...createHostContacts(sql),
      ...createHostTokens(sql),
      ...createAnnouncements(sql),
      ...createEnrolmentTokens(sql),
    },
    sources: createSources(sql),
    repositories: createRepositories(sql),
    recovery: createRecovery(sql),
    policies: createPolicies(sql),
    sharedSchedules: createSharedSchedules(sql),
    plans: createPlans(sql),
    ...createLedger(sql, {
      guard: () => ballast.guard(),
      onOddity: options.onOddity ?? (() => undefined),
      logLimits: boundLogs(options.hostDayLogBytes),
    }),
    fires: createFires(sql),
    drills: createDrills(sql),
    maintenance: createMaintenance(sql),
    routines: createRoutines(sql),
    alerts: createAlerts(sql, putDelivery),
    coverage: createCoverage(sql),
    health: createHealth(sql),
    repositoryLooks: createRepositoryLooks(sql),
    history: createHistory(sql),
    figures: createFigures(sql),
    channels: { ...createChannels(sql), ...deliveries },
    answers: createAnswers(sql),
    changes: createChanges(sql),
    trail: createTrailStore(sql),
    settings: createSettingStore(sql, createFileStamp(db)),
    prepare: () => sql.prepareAll(),
    async probe() {
      await ballast.restore();
      await ballast.guard();
      await probe();
    },
    schema: { current, newest },
    async close() {
      if (!db.open) return;
      await integrity.close();
      db.close();
      lock?.release();
    },
  };
}
