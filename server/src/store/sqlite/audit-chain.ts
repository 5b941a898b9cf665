/** How an entry of the audit is bound to the one before it. Written into stores for good: what it makes may never change. */
import { createHash } from 'node:crypto';
import type Database from 'better-sqlite3';

/** The columns of an entry as they are stored; `change` is the JSON text itself. */
export interface AuditColumns {
  id: string;
  tenant: string;
  at: number;
  actorKind: string;
  actorId: string;
  actorName: string;
  action: string;
  targetKind: string;
  targetId: string;
  targetName: string;
  address: string | null;
  requestId: string | null;
  change: string | null;
}

/** What stands for the hash before the first entry. */
export const CHAIN_BEGIN = '';

/** SHA-256, in hex, of the JSON array of the hash before, the entry's number, and its columns in the order of the table. */
export function hashEntry(previous: string, no: number, entry: AuditColumns): string {
  const { id, tenant, at, actorKind, actorId, actorName, action, targetKind, targetId, targetName } = entry;
  const { address, requestId, change } = entry;
  return hashValues([
    ...[previous, no, id, tenant, at, actorKind, actorId, actorName],
    ...[action, targetKind, targetId, targetName, address, requestId, change],
  ]);
}

function hashValues(values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}

/** Gives SQL the same as `audit_hash(previous, no, …columns)`, for the migration that chains what was there before. */
export function registerAuditHash(db: Database.Database): void {
  db.function('audit_hash', { deterministic: true, varargs: true }, (...values: unknown[]) => hashValues(values));
}
