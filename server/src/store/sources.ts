/** What is protected. */

import type { Config } from '@holdfast/shared/adapters/field.ts';
import type { HostId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { SourceOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { EncryptedSecrets } from './encrypted-secrets.ts';
import type { Page, SortedPage } from './page.ts';

export interface Source {
  id: SourceId;
  tenant: TenantId;
  host: HostId;
  name: string;
  kind: string;
  config: Config;
  secrets: EncryptedSecrets;
  enabled: boolean;
  /** Rises with every change. */
  version: number;
  createdAt: number;
  updatedAt: number;
}

export interface SourceFilter {
  search?: string | undefined;
  host?: HostId | undefined;
  kind?: string | undefined;
  /** Switched on, or off. */
  enabled?: boolean | undefined;
  /** Only sources that are in no enabled plan. */
  withoutPlan?: boolean | undefined;
}

/** What an index knows; how a source is protected none does. */
export type StoredSourceOrder = Exclude<SourceOrder, 'protection'>;

/** Names are unique on each host; a taken one is `conflict` with `details.field = "name"`. */
export interface SourceStore {
  insertSource(source: Source): Promise<void>;
  /** Replaces the row when its version is still `expectedVersion`; `conflict` otherwise, `not_found` when it is gone. */
  updateSource(source: Source, expectedVersion: number): Promise<void>;
  findSource(tenant: TenantId, id: SourceId): Promise<Source | undefined>;
  findSources(tenant: TenantId, ids: readonly SourceId[]): Promise<readonly Source[]>;
  listSources(tenant: TenantId, filter: SourceFilter, page: SortedPage<StoredSourceOrder>): Promise<Page<Source>>;
  listSourcesOfHost(tenant: TenantId, host: HostId): Promise<readonly Source[]>;
  /** By name, then id. */
  listSourcesOfHosts(tenant: TenantId, hosts: readonly HostId[]): Promise<readonly Source[]>;
  countSources(tenant: TenantId): Promise<number>;
  /** `conflict` with the plans' names in details when a plan still uses it. Runs and snapshots stay. */
  deleteSource(tenant: TenantId, id: SourceId): Promise<void>;
}
