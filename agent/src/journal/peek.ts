/** A look into the journal of an agent that may be running: for commands that only read. Takes no lock and writes nothing. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Contents, contentsSchema } from '@holdfast/shared/domain/contents.ts';
import { JOURNAL, LIFE_NOTE, type LifeNote, SECRETS_NOTE, type SecretsNote, WELCOME_NOTE, type WelcomeNote } from './journal.ts';
import type { LedgerState } from './snapshot-ledger.ts';
import type { StoredSpec } from './spec-store.ts';

export interface JournalGlance {
  spec: StoredSpec | undefined;
  /** `waiting`: not begun, or waiting for its next attempt. */
  openRuns: readonly { run: string; kind: string; openedAt: number; waiting: boolean }[];
  /** Events the server does not have yet. */
  waitingEvents: number;
  waitingBytes: number;
  /** The process that holds the secrets of a host that keeps none; it may be gone by now. */
  secretsHolder: SecretsNote | undefined;
  /** The agent that noted itself last; it may be gone by now. */
  life: LifeNote | undefined;
  /** Undefined before the first connection. */
  welcome: WelcomeNote | undefined;
}

/** Bytes of the journal on disk, with what is not merged into it yet; 0 when there is none. */
export function measureJournal(stateDir: string): number {
  const sizeOf = (name: string) => statSync(join(stateDir, name), { throwIfNoEntry: false })?.size ?? 0;
  return sizeOf(JOURNAL.fileName) + sizeOf(`${JOURNAL.fileName}-wal`);
}

/** An agent that starts makes or converts its journal in moments; a look waits for that instead of failing. */
const WAIT_MS = 5000;

/** Undefined when there is no journal yet, or only the beginning of one. */
function look<T>(stateDir: string, read: (database: DatabaseSync) => T): T | undefined {
  const path = join(stateDir, 'journal.db');
  if (!existsSync(path)) return undefined;
  const database = new DatabaseSync(path, { readOnly: true, timeout: WAIT_MS });
  try {
    const isMade =
      database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'snapshots'").get() !== undefined;
    return isMade ? read(database) : undefined;
  } finally {
    database.close();
  }
}

function readNote<T>(database: DatabaseSync, key: string): T | undefined {
  const value = database.prepare('SELECT value FROM meta WHERE key = ?').get(key)?.['value'];
  return typeof value === 'string' && value !== '' ? (JSON.parse(value) as T) : undefined;
}

/** Undefined when there is no journal yet. */
export function glanceAtJournal(stateDir: string): JournalGlance | undefined {
  return look(stateDir, (database) => {
    const spec = database.prepare('SELECT document, signature, version FROM spec WHERE slot = 1').get();
    const open = database
      .prepare(
        `SELECT run, kind, opened_at AS openedAt, body ->> '$.started' = 0 OR body ->> '$.retryAt' IS NOT NULL AS waiting
         FROM runs WHERE closed_at IS NULL ORDER BY opened_at`,
      )
      .all();
    const waiting = database
      .prepare('SELECT count(*) AS n, coalesce(sum(bytes), 0) AS bytes FROM outbox WHERE acknowledged_at IS NULL')
      .get();
    return {
      spec: spec === undefined ? undefined : ({ ...spec } as unknown as StoredSpec),
      openRuns: open.map((row) => ({ ...row, waiting: row['waiting'] === 1 }) as unknown as JournalGlance['openRuns'][number]),
      waitingEvents: Number(waiting?.['n']),
      waitingBytes: Number(waiting?.['bytes']),
      secretsHolder: readNote<SecretsNote>(database, SECRETS_NOTE),
      life: readNote<LifeNote>(database, LIFE_NOTE),
      welcome: readNote<WelcomeNote>(database, WELCOME_NOTE),
    };
  });
}

/** What this host recorded of a database as that run backed it up. Undefined where it kept nothing of it, or keeps it no more. */
export function glanceAtContents(stateDir: string, run: string, source: string): Contents | undefined {
  const text = look(stateDir, (database) => {
    const isKept = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'contents'").get() !== undefined;
    return isKept ? database.prepare('SELECT contents FROM contents WHERE run = ? AND source = ?').get(run, source) : undefined;
  })?.['contents'];
  return typeof text === 'string' ? contentsSchema.safeParse(JSON.parse(text)).data : undefined;
}

/** What this host remembers of the snapshots it made: engine id to state. Empty when there is no journal. */
export function glanceAtLedger(stateDir: string): ReadonlyMap<string, LedgerState> {
  const rows = look(stateDir, (database) => database.prepare('SELECT engine_id AS id, state FROM snapshots').all()) ?? [];
  return new Map(rows.map((row) => [String(row['id']), String(row['state']) as LedgerState]));
}
