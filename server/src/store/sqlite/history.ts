import { idSchema, type TenantId } from '@holdfast/shared/domain/ids.ts';
import { RUN_KINDS, RUN_STATES } from '@holdfast/shared/domain/run.ts';
import { DAY_MS, HOUR_MS } from '@holdfast/shared/durations.ts';
import * as z from 'zod';
import type { HistoryStore, ProtectionDay, RunCount, SizeThen } from '../history.ts';
import { numberOf } from './id-numbers.ts';
import { KIND_AND_STATE, readKindAndState } from './lists/facets.ts';
import type { Sql } from './statements.ts';

const HOURS_A_DAY = 24;

const dayRow = z
  .object({
    day: z.int(),
    looks: z.int(),
    protected: z.int(),
    atRisk: z.int(),
    unprotected: z.int(),
    unknown: z.int(),
    paused: z.int(),
  })
  .transform(({ day, looks, atRisk, ...counts }): ProtectionDay => ({ day, looks, counts: { ...counts, at_risk: atRisk } }));

/** Whole days are kept counted; what is left of a time at both of its ends is counted in the index alone. Runs in a caller's read. */
function createRunCounts(sql: Sql) {
  const kept = sql.select(
    `SELECT kind, state, sum(count) AS count FROM run_days WHERE tenant_id = @tenant AND day >= @fromDay AND day < @toDay
     GROUP BY kind, state`,
    z.object({ kind: z.enum(RUN_KINDS), state: z.enum(RUN_STATES), count: z.int() }),
  );
  const counted = sql.select(
    `SELECT ${KIND_AND_STATE} AS digest, count(*) AS count FROM runs INDEXED BY runs_by_time
     WHERE tenant_no = ${numberOf('@tenant')} AND created_at >= @from AND created_at < @to GROUP BY 1`,
    z.object({ digest: z.int(), count: z.int() }),
  );
  const count = (tenant: TenantId, from: number, to: number): RunCount[] =>
    from >= to
      ? []
      : counted.list({ tenant, from, to }).flatMap((row) => {
          const known = readKindAndState(row.digest, RUN_KINDS, RUN_STATES);
          return known === undefined ? [] : [{ ...known, count: row.count }];
        });
  return (tenant: TenantId, from: number, to: number): readonly RunCount[] => {
    const [fromDay, toDay] = [Math.ceil(from / DAY_MS), Math.floor(to / DAY_MS)];
    if (fromDay >= toDay) return count(tenant, from, to);
    const sums = new Map<string, RunCount>();
    const parts = [
      ...count(tenant, from, fromDay * DAY_MS),
      ...kept.list({ tenant, fromDay, toDay }),
      ...count(tenant, toDay * DAY_MS, to),
    ];
    for (const part of parts) {
      const key = `${part.kind} ${part.state}`;
      sums.set(key, { ...part, count: part.count + (sums.get(key)?.count ?? 0) });
    }
    return [...sums.values()].filter((sum) => sum.count > 0);
  };
}

export function createHistory(sql: Sql): HistoryStore {
  const record =
    sql.change(`INSERT INTO protection_days (tenant_id, day, looks, last_hour, protected, at_risk, unprotected, unknown, paused)
    VALUES (@tenant, @day, 1, @hour, @protected, @atRisk, @unprotected, @unknown, @paused)
    ON CONFLICT (tenant_id, day) DO UPDATE SET looks = looks + 1, last_hour = excluded.last_hour,
      protected = protected + excluded.protected, at_risk = at_risk + excluded.at_risk,
      unprotected = unprotected + excluded.unprotected, unknown = unknown + excluded.unknown, paused = paused + excluded.paused
    WHERE last_hour < excluded.last_hour`);
  const days = sql.select(
    `SELECT day, looks, protected, at_risk AS atRisk, unprotected, unknown, paused FROM protection_days
     WHERE tenant_id = @tenant AND day >= @fromDay AND day < @toDay ORDER BY day`,
    dayRow as z.ZodType<ProtectionDay>,
  );
  const newest = (table: string): string =>
    `SELECT * FROM (SELECT measured_at, size_bytes FROM ${table} WHERE tenant_id = @tenant AND repository_id = r.value AND measured_at <= i.value
       ORDER BY measured_at DESC LIMIT 1)`;
  const sizes = sql.select(
    `SELECT repository, at, sizeBytes FROM (
       SELECT r.value AS repository, i.value AS at, (
         SELECT size_bytes FROM (${newest('repository_sizes')} UNION ALL ${newest('repository_measurements')})
         ORDER BY measured_at DESC LIMIT 1) AS sizeBytes
       FROM json_each(@repositories) AS r, json_each(@instants) AS i)
     WHERE sizeBytes IS NOT NULL`,
    z.object({ repository: idSchema('repository'), at: z.int(), sizeBytes: z.int() }) as z.ZodType<SizeThen>,
  );
  const countRuns = createRunCounts(sql);
  const runDays = sql.select(
    `SELECT day, kind, state, count FROM run_days WHERE tenant_id = @tenant AND day >= @fromDay AND day < @toDay AND count > 0
     ORDER BY day, kind, state`,
    z.object({ day: z.int(), kind: z.enum(RUN_KINDS), state: z.enum(RUN_STATES), count: z.int() }),
  );
  return {
    listSizesAt: (tenant, repositories, instants) =>
      sql.read(() => sizes.list({ tenant, repositories: JSON.stringify(repositories), instants: JSON.stringify(instants) })),
    recordProtection: (tenant, at, { at_risk: atRisk, ...counts }) =>
      sql.write(() => {
        const hour = Math.floor(at / HOUR_MS);
        record.run({ tenant, day: Math.floor(hour / HOURS_A_DAY), hour, atRisk, ...counts });
      }),
    listProtectionDays: (tenant, fromDay, toDay) => sql.read(() => days.list({ tenant, fromDay, toDay })),
    listRunDays: (tenant, fromDay, toDay) => sql.read(() => runDays.list({ tenant, fromDay, toDay })),
    countRuns: (tenant, from, to) => sql.read(() => countRuns(tenant, from, to)),
  };
}
