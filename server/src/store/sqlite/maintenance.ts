import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import type { MaintenanceStore, RepositorySize } from '../maintenance.ts';
import { optional } from './columns.ts';
import { numberOf } from './id-numbers.ts';
import { RUN_COLUMNS, runRow } from './ledger/run-rows.ts';
import { createRepositoryStandings } from './repository-standings.ts';
import type { Sql } from './statements.ts';

const sizeRow: z.ZodType<RepositorySize> = z.object({
  run: optional(idSchema('run')),
  measuredAt: z.int(),
  sizeBytes: z.int(),
  uncompressedBytes: optional(z.int()),
  snapshots: z.int(),
  restoreBytes: z.int(),
});

export function createMaintenance(sql: Sql): MaintenanceStore {
  const rows = {
    // The first condition on the kind is what the index was made for, word by word.
    runs: sql.select(
      `SELECT ${RUN_COLUMNS} FROM runs r INDEXED BY runs_maintenance
       WHERE r.tenant_no = ${numberOf('@tenant')} AND r.repository_no = ${numberOf('@repository')} AND r.kind IN ('check', 'prune') AND r.kind = @kind
       ORDER BY r.created_at DESC, r.id DESC LIMIT @limit`,
      runRow,
    ),
    sizes: sql.select(
      `SELECT * FROM (SELECT run_id AS run, measured_at AS measuredAt, size_bytes AS sizeBytes, uncompressed_bytes AS uncompressedBytes,
           snapshots, restore_bytes AS restoreBytes
         FROM repository_sizes WHERE tenant_id = @tenant AND repository_id = @repository
         ORDER BY measured_at DESC, run_id DESC LIMIT @limit)
       UNION ALL
       SELECT * FROM (SELECT NULL AS run, measured_at AS measuredAt, size_bytes AS sizeBytes, uncompressed_bytes AS uncompressedBytes,
           snapshots, restore_bytes AS restoreBytes
         FROM repository_measurements WHERE repository_id = @repository AND tenant_id = @tenant
         ORDER BY measured_at DESC LIMIT @limit)
       ORDER BY measuredAt DESC, run DESC LIMIT @limit`,
      sizeRow,
    ),
    measure: sql.change(`INSERT INTO repository_measurements
        (repository_id, tenant_id, measured_at, host_id, size_bytes, uncompressed_bytes, snapshots, restore_bytes)
      SELECT id, tenant_id, @measuredAt, @host, @sizeBytes, @uncompressedBytes, @snapshots,
        (SELECT coalesce(sum(size_bytes), 0) FROM snapshots
         WHERE tenant_no = ${numberOf('@tenant')} AND repository_no = ${numberOf('@repository')} AND state NOT IN ('missing', 'removed'))
      FROM repositories WHERE id = @repository AND tenant_id = @tenant
      ON CONFLICT (repository_id, measured_at) DO NOTHING`),
  };
  return {
    ...createRepositoryStandings(sql),
    listMaintenanceRuns: (tenant, repository, kind, limit) => sql.read(() => rows.runs.list({ tenant, repository, kind, limit })),
    recordMeasurement: (tenant, repository, size) => sql.write(() => void rows.measure.run({ tenant, repository, ...size })),
    listSizes: (tenant, repository, limit) => sql.read(() => rows.sizes.list({ tenant, repository, limit }).toReversed()),
  };
}
