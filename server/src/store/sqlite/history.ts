import { setImmediate as giveWay } from 'node:timers/promises';
import { idSchema, type TenantId } from '@holdfast/shared/domain/ids.ts';
import { RUN_KINDS, RUN_STATES } from '@holdfast/shared/domain/run.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';
import * as z from 'zod';
import type { HistoryStore, ProtectionDay, RepositoryAdded, RunCount } from '../history.ts';
import { json, optional } from './columns.ts';
import { idOf, numberOf } from './id-numbers.ts';
import { KIND_AND_STATE, readKindAndState } from './lists/facets.ts';
import type { Sql } from './statements.ts';

const HOURS_A_DAY = 24;
/** What is left of a time beside its whole days is summed up row by row, this much of it in one step. */
const STEP_MS = 15 * MINUTE_MS;

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

/** The whole UTC days of a time, and what is left of it at both ends, in epoch milliseconds. */
function splitTime(from: number, to: number) {
  const [fromDay, toDay] = [Math.ceil(from / DAY_MS), Math.floor(to / DAY_MS)];
  if (fromDay >= toDay) return { fromDay, toDay: fromDay, ends: [[from, to]] as const };
  const ends = [
    [from, fromDay * DAY_MS],
    [toDay * DAY_MS, to],
  ] as const;
  return { fromDay, toDay, ends };
}

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
    const { fromDay, toDay, ends } = splitTime(from, to);
    const sums = new Map<string, RunCount>();
    const parts = [...kept.list({ tenant, fromDay, toDay }), ...ends.flatMap(([begin, end]) => count(tenant, begin, end))];
    for (const part of parts) {
      const key = `${part.kind} ${part.state}`;
      sums.set(key, { ...part, count: part.count + (sums.get(key)?.count ?? 0) });
    }
    return [...sums.values()].filter((sum) => sum.count > 0);
  };
}

/** Sums over whole days as they are kept, and over the rows of what is left, in reads of their own: a night's rows are thousands. */
function createSums(sql: Sql) {
  const read = z.object({ bytes: z.int() });
  const keptRead = sql.select(
    `SELECT coalesce(sum(bytes), 0) AS bytes FROM run_days
     WHERE tenant_id = @tenant AND day >= @fromDay AND day < @toDay AND kind = 'backup'`,
    read,
  );
  const restRead = sql.select(
    `SELECT coalesce(sum(bytes), 0) AS bytes FROM runs INDEXED BY runs_by_time
     WHERE tenant_no = ${numberOf('@tenant')} AND created_at >= @begin AND created_at < @end AND kind = 'backup'`,
    read,
  );
  const added = z.object({ repository: idSchema('repository'), snapshots: z.int(), addedBytes: z.int() });
  const keptAdded = sql.select(
    `SELECT repository_id AS repository, sum(count) AS snapshots, sum(added_bytes) AS addedBytes FROM snapshot_days
     WHERE tenant_id = @tenant AND day >= @fromDay AND day < @toDay GROUP BY repository_id HAVING sum(count) > 0`,
    added,
  );
  const restAdded = sql.select(
    `SELECT ${idOf('repository_no')} AS repository, count(*) AS snapshots, sum(coalesce(added_bytes, size_bytes)) AS addedBytes
     FROM snapshots INDEXED BY snapshots_by_time WHERE tenant_no = ${numberOf('@tenant')} AND role = 'data' AND created_at >= @begin
       AND created_at < @end AND adopted_at IS NULL GROUP BY repository_no`,
    added,
  );
  async function inSteps<T>(from: number, to: number, step: (begin: number, end: number) => T): Promise<T[]> {
    const steps: T[] = [];
    for (const [first, last] of splitTime(from, to).ends)
      for (let begin = first; begin < last; begin += STEP_MS) {
        steps.push(await sql.read(() => step(begin, Math.min(last, begin + STEP_MS))));
        await giveWay();
      }
    return steps;
  }
  return {
    async sumRead(tenant: TenantId, from: number, to: number): Promise<number> {
      const { fromDay, toDay } = splitTime(from, to);
      const whole = await sql.read(() => keptRead.find({ tenant, fromDay, toDay })?.bytes ?? 0);
      const rest = await inSteps(from, to, (begin, end) => restRead.find({ tenant, begin, end })?.bytes ?? 0);
      return rest.reduce((sum, bytes) => sum + bytes, whole);
    },
    async sumAdded(tenant: TenantId, from: number, to: number): Promise<readonly RepositoryAdded[]> {
      const { fromDay, toDay } = splitTime(from, to);
      const whole = await sql.read(() => keptAdded.list({ tenant, fromDay, toDay }));
      const rest = await inSteps(from, to, (begin, end) => restAdded.list({ tenant, begin, end }));
      const sums = new Map<string, RepositoryAdded>();
      for (const part of [...whole, ...rest.flat()]) {
        const { snapshots = 0, addedBytes = 0 } = sums.get(part.repository) ?? {};
        sums.set(part.repository, {
          repository: part.repository,
          snapshots: snapshots + part.snapshots,
          addedBytes: addedBytes + part.addedBytes,
        });
      }
      return [...sums.values()];
    },
  };
}

/** The newest measurement before `until`, as `[at, bytes]` in JSON; `order` is that of time. Two steps through an index. */
function sayMeasured(repository: string, until: string, order: 'ASC' | 'DESC' = 'DESC'): string {
  const of = (table: string) =>
    `SELECT * FROM (SELECT measured_at, size_bytes FROM ${table} WHERE tenant_id = @tenant AND repository_id = ${repository}
       AND measured_at < ${until} ORDER BY measured_at ${order} LIMIT 1)`;
  return `FROM (${of('repository_sizes')} UNION ALL ${of('repository_measurements')}) ORDER BY measured_at ${order} LIMIT 1`;
}

const SOME = 'SELECT id, name FROM repositories WHERE tenant_id = @tenant AND id > @after ORDER BY id LIMIT @limit';

function createSizes(sql: Sql): Pick<HistoryStore, 'listGrowth' | 'sumSizes'> {
  const measured = z.tuple([z.int(), z.int()]).transform(([at, sizeBytes]) => ({ at, sizeBytes }));
  const pair = (until: string, order?: 'ASC') =>
    `SELECT json_array(measured_at, size_bytes) ${sayMeasured('r.id', until, order)}`;
  const growth = sql.select(
    `SELECT r.id AS repository, r.name AS name, (${pair('@to')}) AS last,
       coalesce((${pair('@from')}), (${pair('@to', 'ASC')})) AS first
     FROM (${SOME}) AS r`,
    z.object({
      repository: idSchema('repository'),
      name: z.string(),
      last: optional(json(measured)),
      first: optional(json(measured)),
    }),
  );
  const some = sql.select(SOME, z.object({ id: idSchema('repository') }));
  const sizes = sql.select(
    `SELECT at, sum(sizeBytes) AS sizeBytes FROM (
       SELECT i.value AS at, (SELECT size_bytes ${sayMeasured('r.id', 'i.value + 1')}) AS sizeBytes
       FROM (${SOME}) AS r, json_each(@instants) AS i)
     WHERE sizeBytes IS NOT NULL GROUP BY at`,
    z.object({ at: z.int(), sizeBytes: z.int() }),
  );
  return {
    listGrowth: (tenant, { from, to }, { after = '', limit }) =>
      sql.read(() => {
        const rows = growth.list({ tenant, from, to, after, limit });
        const told = rows.flatMap(({ repository, name, first, last }) =>
          first === undefined || last === undefined ? [] : [{ repository, name, first, last }],
        );
        return { rows: told, next: rows.length < limit ? undefined : rows.at(-1)?.repository };
      }),
    sumSizes: (tenant, instants, { after = '', limit }) =>
      sql.read(() => {
        const ids = some.list({ tenant, after, limit });
        const found = sizes.list({ tenant, after, limit, instants: JSON.stringify(instants) });
        return { sizes: found, next: ids.length < limit ? undefined : ids.at(-1)?.id };
      }),
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
  const countRuns = createRunCounts(sql);
  const runDays = sql.select(
    `SELECT day, kind, state, count, bytes FROM run_days WHERE tenant_id = @tenant AND day >= @fromDay AND day < @toDay AND count > 0
     ORDER BY day, kind, state`,
    z.object({ day: z.int(), kind: z.enum(RUN_KINDS), state: z.enum(RUN_STATES), count: z.int(), bytes: z.int() }),
  );
  const addedDays = sql.select(
    `SELECT day, sum(count) AS snapshots, sum(added_bytes) AS addedBytes FROM snapshot_days
     WHERE tenant_id = @tenant AND day >= @fromDay AND day < @toDay GROUP BY day HAVING sum(count) > 0 ORDER BY day`,
    z.object({ day: z.int(), snapshots: z.int(), addedBytes: z.int() }),
  );
  return {
    ...createSums(sql),
    ...createSizes(sql),
    listAddedDays: (tenant, fromDay, toDay) => sql.read(() => addedDays.list({ tenant, fromDay, toDay })),
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
