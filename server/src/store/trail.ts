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
  /** There is no update and no delete. */
  appendAudit(row: AuditRow): Promise<void>;
  listAudit(
    tenant: TenantId,
    filter: { action?: string | undefined; target?: string | undefined; actor?: string | undefined },
    page: PageRequest,
  ): Promise<Page<AuditRow>>;
  appendHappening(happening: HostHappening): Promise<void>;
  listHappenings(tenant: TenantId, host: HostId, limit: number): Promise<readonly HostHappening[]>;
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
