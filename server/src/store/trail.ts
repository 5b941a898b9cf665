/** Audit, host events and settings. */
import type { AuditId, HostId, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Page, PageRequest } from './page.ts';

export interface Actor {
  kind: 'user' | 'api_key' | 'host' | 'system' | 'cli';
  id: string;
  name: string;
}

/** One row: who did what to what, from where. Never a secret; `change` holds before and after of public fields. */
export interface AuditRow {
  id: AuditId;
  tenant: TenantId;
  at: number;
  actor: Actor;
  /** noun.verb, such as `host.approved`. */
  action: string;
  target: { kind: string; id: string; name: string };
  address?: string | undefined;
  requestId?: string | undefined;
  change?: Readonly<Record<string, unknown>> | undefined;
}

/** A row at its place in the chain of its tenant. */
export interface AuditEntry extends AuditRow {
  /** From 1, without a gap. */
  no: number;
  /** SHA-256 in hex of the entry and of the hash before it. */
  hash: string;
}

export interface AuditFilter {
  action?: string | undefined;
  /** Its id. */
  target?: string | undefined;
  /** The name it had then, letter by letter. */
  targetName?: string | undefined;
  actor?: string | undefined;
  /** From then on, and before then; epoch milliseconds. */
  since?: number | undefined;
  until?: number | undefined;
}

/** How far a chain was followed. */
export interface ChainPoint {
  no: number;
  hash: string;
}

/**
 * `changed`: an entry is not what its hash was made of. `missing`: one is gone from the middle. `cut`: the newest is not the one
 * that was written last. `outside`: something stands there that was never chained.
 */
export interface ChainFault {
  no: number;
  why: 'changed' | 'missing' | 'cut' | 'outside';
}

/** What happened to a host, for its page: connected, lost, notice, reconciled. */
export interface HostHappening {
  tenant: TenantId;
  host: HostId;
  at: number;
  type: string;
  level: 'info' | 'warn' | 'error';
  text: string;
  run?: RunId | undefined;
}

export interface TrailStore {
  /** There is no update and no delete. Each is chained to the one before in the same transaction. */
  appendAudit(row: AuditRow): Promise<void>;
  listAudit(tenant: TenantId, filter: AuditFilter, page: PageRequest): Promise<Page<AuditEntry>>;
  /** Follows the chain of a tenant from an entry on, over `limit` entries; at its end it is held against the head kept apart. */
  followAudit(
    tenant: TenantId,
    from: ChainPoint,
    limit: number,
  ): Promise<{ reached: ChainPoint; isEnd: boolean; fault?: ChainFault | undefined }>;
  appendHappening(happening: HostHappening): Promise<void>;
  /** The newest ones, newest first. */
  listHappenings(tenant: TenantId, host: HostId, limit: number): Promise<readonly HostHappening[]>;
  /** All that are kept, newest first. */
  pageHappenings(tenant: TenantId, host: HostId, page: PageRequest): Promise<Page<HostHappening>>;
}

/** Small values of the installation: server identity, wrapped keys, epoch. */
export interface SettingStore {
  findSetting(name: string): Promise<string | undefined>;
  putSetting(name: string, value: string): Promise<void>;
  /** Stores where what is there now (undefined: nothing) is what it was; false, and nothing stored, where it is not. */
  exchangeSetting(name: string, before: string | undefined, value: string): Promise<boolean>;
  /** Stores only when absent; returns what is stored then. */
  initSetting(name: string, value: string): Promise<string>;
  /** Whether any row holds a ciphertext, so that a lost master key is noticed. */
  hasEncryptedRows(): Promise<boolean>;
  /** The number in the head of the file; undefined when the file could not be brought up to its log, so that either may stand there. */
  findStamp(): Promise<number | undefined>;
  /** Puts a number (31 bits, not 0) where it can be read without opening the file as a store. False when it has not got there yet. */
  putStamp(stamp: number): Promise<boolean>;
}
