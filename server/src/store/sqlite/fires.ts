import { idSchema, type PlanId, type ScheduleId, type TenantId } from '@holdfast/shared/domain/ids.ts';
import { planOptionsSchema } from '@holdfast/shared/domain/plan.ts';
import { cronSchema } from '@holdfast/shared/domain/schedule.ts';
import * as z from 'zod';
import {
  type FireRun,
  type FireStore,
  type FireWatch,
  MISSED_STATES,
  type MissedFilter,
  type MissedFire,
  type OpenMiss,
} from '../fires.ts';
import { HOST_STATES } from '../hosts.ts';
import type { PageRequest } from '../page.ts';
import { flag, json, optional, toJson } from './columns.ts';
import { numberOf } from './id-numbers.ts';
import { createTimePage, cutPage, joinConditions } from './lists/keyset.ts';
import type { Params, Sql } from './statements.ts';

const watchRow: z.ZodType<FireWatch> = z.object({
  tenant: idSchema('tenant'),
  plan: idSchema('plan'),
  host: idSchema('host'),
  settledThrough: z.int(),
  planName: z.string(),
  planVersion: z.int(),
  enabled: flag,
  schedule: optional(json(z.object({ cron: cronSchema, zone: z.string() }))),
  options: json(planOptionsSchema),
  effectiveFrom: z.int(),
  hostState: z.enum(HOST_STATES),
  hostSkewMs: optional(z.int()),
  isInStep: flag,
  hasSources: flag,
});
const fireRunRow: z.ZodType<FireRun> = z.object({ id: idSchema('run'), fireAt: z.int(), createdAt: z.int() });
const missedRow: z.ZodType<MissedFire> = z.object({
  tenant: idSchema('tenant'),
  plan: idSchema('plan'),
  host: idSchema('host'),
  fireAt: z.int(),
  dueAt: z.int(),
  deadlineAt: z.int(),
  notedAt: z.int(),
  state: z.enum(MISSED_STATES),
  settledAt: optional(z.int()),
  run: optional(idSchema('run')),
  passedAt: optional(z.int()),
});
const openRow: z.ZodType<OpenMiss> = z.object({
  plan: idSchema('plan'),
  host: idSchema('host'),
  count: z.int(),
  newestAt: z.int(),
});

const MISSED = `m.tenant_id AS tenant, m.plan_id AS plan, m.host_id AS host, m.fire_at AS fireAt, m.due_at AS dueAt,
  m.deadline_at AS deadlineAt, m.noted_at AS notedAt, m.state, m.settled_at AS settledAt, m.run_id AS run, m.passed_at AS passedAt`;
const OPEN = "m.state = 'missed' AND m.passed_at IS NULL";
const OPEN_MISSES = `SELECT m.plan_id AS plan, m.host_id AS host, count(*) AS count, max(m.fire_at) AS newestAt
  FROM missed_fires m INDEXED BY missed_fires_open WHERE m.tenant_id = @tenant AND ${OPEN}`;

function buildMissedList(filter: MissedFilter, page: PageRequest): { text: string; params: Params } {
  const text = `SELECT ${MISSED} FROM missed_fires m
WHERE ${joinConditions([
    'm.tenant_id = @tenant',
    filter.plan !== undefined && 'm.plan_id = @plan',
    filter.host !== undefined && 'm.host_id = @host',
    filter.open === true && OPEN,
    filter.open === false && `NOT (${OPEN})`,
    page.after !== undefined && '(m.fire_at, m.plan_id || m.host_id) < (@afterKey, @afterId)',
  ])}
ORDER BY m.fire_at DESC, m.plan_id || m.host_id DESC LIMIT @pageLimit`;
  return { text, params: { plan: filter.plan, host: filter.host, ...createTimePage(page) } };
}

/** Runs of a plan. */
const OF_PLAN = `tenant_no = ${numberOf('@tenant')} AND plan_no = ${numberOf('@plan')}`;

function prepareFires(sql: Sql) {
  return {
    due: sql.select(
      `SELECT w.tenant_id AS tenant, w.plan_id AS plan, w.host_id AS host, w.settled_through AS settledThrough,
         p.name AS planName, p.version AS planVersion, p.enabled, p.schedule, p.options, p.effective_from AS effectiveFrom,
         h.state AS hostState, h.skew_ms AS hostSkewMs, h.acknowledged_spec_version >= h.spec_version AS isInStep,
         EXISTS (SELECT 1 FROM plan_sources ps JOIN sources s ON s.id = ps.source_id
           WHERE ps.plan_id = w.plan_id AND s.host_id = w.host_id AND s.enabled = 1) AS hasSources
       FROM fire_watches w INDEXED BY fire_watches_by_look
       JOIN plans p ON p.id = w.plan_id JOIN hosts h ON h.id = w.host_id
       WHERE w.look_at <= @now ORDER BY w.look_at, w.plan_id, w.host_id LIMIT @limit`,
      watchRow,
    ),
    runs: sql.select(
      `SELECT id, fire_at AS fireAt, created_at AS createdAt FROM runs INDEXED BY runs_by_fire
       WHERE ${OF_PLAN} AND host_no = ${numberOf('@host')} AND fire_at >= @from
       ORDER BY fire_at, created_at, id LIMIT @limit`,
      fireRunRow,
    ),
    move: sql.change(`UPDATE fire_watches SET settled_through = max(settled_through, @settledThrough), look_at = @lookAt
      WHERE plan_id = @plan AND host_id = @host AND tenant_id = @tenant
        AND (SELECT version FROM plans WHERE id = @plan) = @planVersion`),
    // Looked at once more inside the transaction: a run may have been told between the look and now.
    note: sql.change(`INSERT INTO missed_fires
        (plan_id, host_id, fire_at, tenant_id, due_at, deadline_at, catch_up, noted_at, state, passed_at)
      SELECT @plan, @host, @fireAt, @tenant, @dueAt, @deadlineAt, @catchUp, @notedAt, 'missed',
        CASE WHEN EXISTS (SELECT 1 FROM runs INDEXED BY runs_by_plan WHERE ${OF_PLAN}
          AND created_at >= @fireAt AND host_no = ${numberOf('@host')} AND kind = 'backup' AND state = 'succeeded') THEN @notedAt END
      WHERE NOT EXISTS (SELECT 1 FROM runs INDEXED BY runs_by_fire WHERE ${OF_PLAN}
          AND host_no = ${numberOf('@host')} AND fire_at = @fireAt)
        AND NOT (@catchUp = 1 AND EXISTS (SELECT 1 FROM runs INDEXED BY runs_by_fire WHERE ${OF_PLAN}
          AND host_no = ${numberOf('@host')} AND fire_at > @fireAt AND created_at <= @deadlineAt))
      ON CONFLICT (plan_id, host_id, fire_at) DO NOTHING`),
    openOfAll: sql.select(
      `${OPEN_MISSES} GROUP BY m.plan_id, m.host_id ORDER BY newestAt DESC, plan, host LIMIT @limit`,
      openRow,
    ),
    openOfPlans: sql.select(
      `${OPEN_MISSES} AND m.plan_id IN (SELECT value FROM json_each(@plans))
       GROUP BY m.plan_id, m.host_id ORDER BY newestAt DESC, plan, host LIMIT @limit`,
      openRow,
    ),
    prune: sql.change(`DELETE FROM missed_fires WHERE (plan_id, host_id, fire_at) IN (
      SELECT plan_id, host_id, fire_at FROM missed_fires WHERE noted_at < @before ORDER BY noted_at LIMIT @limit)`),
  };
}

export function createFires(sql: Sql): FireStore {
  const rows = prepareFires(sql);
  return {
    listDueWatches: (now, limit) => sql.read(() => rows.due.list({ now, limit })),
    listFireRuns: ({ tenant, plan, host }, from, limit) => sql.read(() => rows.runs.list({ tenant, plan, host, from, limit })),
    settleFires: (verdicts, notedAt) =>
      sql.write(() =>
        verdicts.flatMap(({ missed, ...verdict }) => {
          if (rows.move.run(verdict) === 0) return [];
          const { plan, host, tenant, catchUp } = verdict;
          return missed
            .filter((fire) => rows.note.run({ ...fire, plan, host, tenant, catchUp, notedAt }) > 0)
            .map(({ fireAt }) => ({ plan, host, fireAt }));
        }),
      ),
    listMissedFires: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params } = buildMissedList(filter, page);
        const found = sql.select(text, missedRow).list({ ...params, tenant });
        return cutPage(found, page, (row) => [row.fireAt, `${row.plan}${row.host}`]);
      }),
    listOpenMisses: (tenant, { plans }, limit) =>
      sql.read(() =>
        plans === undefined
          ? rows.openOfAll.list({ tenant, limit })
          : rows.openOfPlans.list({ tenant, plans: toJson(plans), limit }),
      ),
    pruneMissedFires: (before, limit) => sql.write(() => rows.prune.run({ before, limit })),
  };
}

/** The watches of all plans of a shared schedule owe nothing from before it moved; runs inside the transaction that moves them. */
export function createWatchMover(sql: Sql): (of: { tenant: TenantId; schedule: ScheduleId; effectiveFrom: number }) => void {
  const move = sql.change(`UPDATE fire_watches SET look_at = 0, settled_through = max(settled_through, @effectiveFrom - 1)
    WHERE plan_id IN (SELECT p.id FROM plans p INDEXED BY plans_by_shared_schedule
      WHERE p.shared_schedule_id = @schedule AND p.tenant_id = @tenant)`);
  return (of) => void move.run(of);
}

/** Keeps the watches of a plan in step with it, inside the transaction that stores it. */
export function createWatchKeeper(
  sql: Sql,
): (plan: { id: PlanId; tenant: TenantId; effectiveFrom: number; updatedAt: number }) => void {
  const drop = sql.change(`DELETE FROM fire_watches WHERE plan_id = @plan AND host_id NOT IN (
    SELECT s.host_id FROM plan_sources ps JOIN sources s ON s.id = ps.source_id WHERE ps.plan_id = @plan)`);
  // A host that is new to the plan owes nothing from before; a rescheduled plan owes nothing from before that.
  const put = sql.change(`INSERT INTO fire_watches (plan_id, host_id, tenant_id, settled_through, look_at)
    SELECT DISTINCT @plan, s.host_id, @tenant, @joinedAt - 1, 0
    FROM plan_sources ps JOIN sources s ON s.id = ps.source_id WHERE ps.plan_id = @plan
    ON CONFLICT (plan_id, host_id) DO UPDATE SET look_at = 0, settled_through = max(settled_through, @effectiveFrom - 1)`);
  return ({ id: plan, tenant, effectiveFrom, updatedAt }) => {
    drop.run({ plan });
    put.run({ plan, tenant, effectiveFrom, joinedAt: Math.max(effectiveFrom, updatedAt) });
  };
}
