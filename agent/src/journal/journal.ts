/**
 * What an agent must not forget: its spec, its runs, the events the server does not have, the orders it carried out, the
 * fires it settled and the snapshots it made. One file, opened once; what belongs together is written in one `transact`.
 */

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, RandomBytes } from '@holdfast/shared/clock.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { OUTBOX } from '@holdfast/shared/limits.ts';
import { createBallast } from './ballast.ts';
import { type ContentRecords, createContentRecords } from './content-records.ts';
import { type Database, openDatabase } from './database.ts';
import { createUnwritableError, isUnwritable } from './fault.ts';
import { createFireLedger, type FireLedger } from './fire-ledger.ts';
import { lockStateDir } from './lock.ts';
import { createMeta, type Meta } from './meta.ts';
import { createOrderBook, type OrderBook } from './order-book.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import type { OutboxLimits } from './outbox-rows.ts';
import { createRunJournal, type ProcessFacts, type RunJournal } from './run-journal.ts';
import { createSnapshotLedger, type SnapshotLedger } from './snapshot-ledger.ts';
import { createSpecStore, type SpecStore } from './spec-store.ts';
import { createVolumeRecords, type VolumeRecords } from './volume-records.ts';

export { isUnwritable } from './fault.ts';

export const JOURNAL = {
  fileName: 'journal.db',
  /** Orders, closed runs, settled fires and rows of removed snapshots are kept this long. */
  keepMs: 30 * DAY_MS,
  /** Fires settled further ahead than this belong to a clock that was wrong. */
  aheadMs: 2 * DAY_MS,
  ballastBytes: 4 * 1024 * 1024,
  /** Events kept in memory while the disk refuses writes; log lines above it are dropped. */
  memoryBytes: 4 * 1024 * 1024,
  /** Pages given back to the disk at each purge. */
  shrinkPages: 2000,
} as const;

/** Proves which process is meant: a pid alone may have been given to another one since. */
export type SecretsNote = Pick<ProcessFacts, 'pid' | 'startTime' | 'bootId'>;
export const SECRETS_NOTE = 'secrets.holder';
/** The agent that works with the directory; `connectedAt`, epoch milliseconds: since when the server hears it. */
export type LifeNote = SecretsNote & { connectedAt?: number };
export const LIFE_NOTE = 'agent.life';
/** The server's last welcome: when, by the host's clock, how far that clock was ahead, and which settings are the newest; all from then. */
export interface WelcomeNote {
  at: number;
  skewMs: number;
  specVersion?: number | undefined;
}
export const WELCOME_NOTE = 'server.welcome';
const REWRITE = 'journal.rewrite';

export interface JournalOptions {
  /** Made with mode 0700 when absent. */
  stateDir: string;
  clock: Pick<Clock, 'now'>;
  randomBytes: RandomBytes;
  /** Told to whoever finds the directory taken. */
  pid?: number | undefined;
  outboxLimits?: (OutboxLimits & { keepAcknowledgedMs: number; memoryBytes: number }) | undefined;
  ballastBytes?: number | undefined;
}

export interface Journal {
  readonly outbox: Outbox;
  readonly spec: SpecStore;
  readonly runs: RunJournal;
  readonly orders: OrderBook;
  readonly fires: FireLedger;
  readonly snapshots: SnapshotLedger;
  readonly contents: ContentRecords;
  readonly volumes: VolumeRecords;
  /**
   * One transaction over all doors, on disk when it returns; what `effects` throws undoes all of it. `effects` is
   * synchronous and may be called a second time on a full disk. Throws `unavailable` (`isUnwritable`) while the disk
   * refuses writes.
   */
  transact<T>(effects: () => T): T;
  /**
   * Notes, within the caller's transaction, that what it deletes must not be found in the file either; `rewriteIfOwed` sees to it, if
   * need be in a later life.
   */
  oweRewrite(): void;
  /** Writes the file anew if that is owed. False when it could not be done now and is still owed. */
  rewriteIfOwed(): boolean;
  /** Notes which process holds secrets in memory, for those who look from outside; undefined: nobody does. */
  noteSecrets(holder: SecretsNote | undefined): void;
  /** Notes which process works with this directory and whether it is connected; undefined: it ends. */
  noteLife(life: LifeNote | undefined): void;
  /** Notes the server's welcome, for those who look from outside. */
  noteWelcome(welcome: WelcomeNote): void;
  /** What `noteTold` was last told under this name; undefined when it never was. */
  findTold(subject: string): string | undefined;
  /** Notes, within the caller's transaction if there is one, what the server was last told of something, so that it is not told twice. */
  noteTold(subject: string, told: string): void;
  /** Forgets what is past its time and takes the ballast back. For start and once a day. */
  purge(): void;
  close(): void;
}

/**
 * Opens the journal of a state directory and holds its lock until `close`. Throws `conflict` when another agent has it,
 * `integrity` for a damaged file, `precondition` for one of a newer agent, `unavailable` when the disk refuses writes.
 */
export function openJournal(options: JournalOptions): Journal {
  const { stateDir, clock } = options;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const lock = lockStateDir(stateDir, options.pid ?? process.pid);
  try {
    const path = join(stateDir, JOURNAL.fileName);
    const ballast = createBallast(join(stateDir, 'ballast'), stateDir, options.ballastBytes ?? JOURNAL.ballastBytes);
    const database = openDatabase(path, ballast.free);
    const journal = assemble(database, options, path);
    const purge = (): void => {
      purgeTables(journal, clock.now());
      database.shrink(JOURNAL.shrinkPages);
      ballast.restore();
    };
    ignoreUnwritable(purge);
    return {
      ...journal,
      purge,
      close() {
        database.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** An agent on a full disk still starts: its backups matter more than its records. */
function ignoreUnwritable(effects: () => void): void {
  try {
    effects();
  } catch (error) {
    if (!isUnwritable(error)) throw error;
  }
}

type Doors = Omit<Journal, 'purge' | 'close'>;

function assemble(database: Database, options: JournalOptions, path: string): Doors {
  const { clock, randomBytes } = options;
  const meta = createMeta(database);
  const limits = options.outboxLimits ?? { ...OUTBOX, memoryBytes: JOURNAL.memoryBytes };
  const outbox = createOutbox({ database, meta, clock, randomBytes, limits });
  ignoreUnwritable(() => startNewEpochInCopy(meta, outbox, path));
  return {
    outbox,
    spec: createSpecStore(database, clock),
    runs: createRunJournal(database, clock),
    orders: createOrderBook(database, clock),
    fires: createFireLedger(database),
    snapshots: createSnapshotLedger(database, clock),
    contents: createContentRecords(database, clock),
    volumes: createVolumeRecords(database),
    noteSecrets: (holder) => meta.set(SECRETS_NOTE, holder === undefined ? '' : JSON.stringify(holder)),
    noteLife: (life) => meta.set(LIFE_NOTE, life === undefined ? '' : JSON.stringify(life)),
    noteWelcome: (welcome) => meta.set(WELCOME_NOTE, JSON.stringify(welcome)),
    findTold: (subject) => meta.find(`told:${subject}`),
    noteTold: (subject, told) => meta.set(`told:${subject}`, told),
    oweRewrite: () => meta.set(REWRITE, 'owed'),
    rewriteIfOwed() {
      if (meta.find(REWRITE) !== 'owed') return true;
      if (!database.rewrite()) return false;
      meta.set(REWRITE, 'done');
      return true;
    },
    transact(effects) {
      // Events that wait in memory are older than anything written now.
      if (!outbox.retry()) throw createUnwritableError(path, String(outbox.health().fault));
      return database.transact(effects);
    },
  };
}

/**
 * A journal put back from a copy, or copied to another host, would give out numbers that the server has seen with other
 * events. A copy has another inode than the file it was made of.
 */
function startNewEpochInCopy(meta: Meta, outbox: Outbox, path: string): void {
  const inode = String(statSync(path).ino);
  const before = meta.find('journal.inode');
  if (before === inode) return;
  if (before !== undefined) outbox.startNewEpoch();
  meta.set('journal.inode', inode);
}

function purgeTables({ transact, orders, runs, fires, snapshots }: Doors, now: number): void {
  transact(() => {
    orders.purge(now - JOURNAL.keepMs);
    runs.purge(now - JOURNAL.keepMs);
    fires.purge(now - JOURNAL.keepMs, now + JOURNAL.aheadMs);
    snapshots.purge(now - JOURNAL.keepMs);
  });
}
