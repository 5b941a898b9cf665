import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { SOURCE_HEALTH_STATES } from '@holdfast/shared/domain/source-health.ts';
import * as z from 'zod';
import type { HealthStore, SourceHealth } from '../health.ts';
import { json, optional, toJson } from './columns.ts';
import type { Sql } from './statements.ts';

const state = z.enum(SOURCE_HEALTH_STATES);
const healthRow: z.ZodType<SourceHealth> = z.object({
  source: idSchema('source'),
  state,
  since: z.int(),
  lookedAt: z.int(),
  toldAt: z.int(),
  failures: z.int(),
  latencyMs: z.int(),
  failure: optional(z.string()),
  looks: json(z.array(z.object({ at: z.int(), state, latencyMs: z.int() }))),
});

export function createHealth(sql: Sql): HealthStore {
  const list = sql.select(
    `SELECT source_id AS source, state, since, looked_at AS lookedAt, told_at AS toldAt, failures, latency_ms AS latencyMs, failure, looks
     FROM source_health WHERE tenant_id = @tenant AND source_id IN (SELECT value FROM json_each(@sources)) ORDER BY source_id`,
    healthRow,
  );
  const put = sql.change(`INSERT INTO source_health
      (tenant_id, source_id, state, since, looked_at, told_at, failures, latency_ms, failure, looks)
    SELECT tenant_id, id, @state, @since, @lookedAt, @toldAt, @failures, @latencyMs, @failure, @looks
    FROM sources WHERE tenant_id = @tenant AND id = @source AND host_id = @host
    ON CONFLICT (tenant_id, source_id) DO UPDATE SET state = excluded.state, since = excluded.since, looked_at = excluded.looked_at,
      told_at = excluded.told_at, failures = excluded.failures, latency_ms = excluded.latency_ms, failure = excluded.failure,
      looks = excluded.looks`);
  return {
    listHealth: (tenant, sources) => sql.read(() => list.list({ tenant, sources: toJson(sources) })),
    putHealth: (tenant, host, health) =>
      sql.write(() => {
        for (const { looks, ...one } of health) put.run({ tenant, host, ...one, failure: one.failure, looks: toJson(looks) });
      }),
  };
}
