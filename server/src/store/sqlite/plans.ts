import { idSchema, type TenantId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { Plan, PlanStore } from '../plans.ts';
import { counted, foldName, toJson } from './columns.ts';
import { createWatchKeeper } from './fires.ts';
import { createSortedPlans } from './lists/sorted-plans.ts';
import { PLAN_COLUMNS, type PlanRow, planRow } from './plan-rows.ts';
import { refuseUpdate } from './sources.ts';
import type { Params, Sql } from './statements.ts';

const memberRow = z.object({ plan: idSchema('plan'), source: idSchema('source') });
const hostIdRow = z.object({ host: idSchema('host') });

function toParams(plan: Plan): Params {
  const { sources: _members, ...columns } = plan;
  return { ...columns, nameKey: foldName(plan.name), schedule: toJson(plan.schedule), options: toJson(plan.options) };
}

/** What a shared schedule says as the plan is stored counts, not what it said when the plan was read. */
const SCHEDULE =
  'coalesce((SELECT s.schedule FROM shared_schedules s WHERE s.tenant_id = @tenant AND s.id = @sharedSchedule), @schedule)';

function preparePlans(sql: Sql) {
  return {
    insert: sql.change(`INSERT INTO plans
      (id, tenant_id, name, name_key, repository_id, schedule, shared_schedule_id, enabled, options, retention_policy_id, copy_repository_id,
       copy_policy_id, effective_from, version, created_at, updated_at)
      VALUES (@id, @tenant, @name, @nameKey, @repository, ${SCHEDULE}, @sharedSchedule, @enabled, @options, @retentionPolicy,
        @copyRepository, @copyPolicy, @effectiveFrom, @version,
        @createdAt, @updatedAt)`),
    update: sql.change(`UPDATE plans SET name = @name, name_key = @nameKey, repository_id = @repository, schedule = ${SCHEDULE},
      shared_schedule_id = @sharedSchedule, enabled = @enabled, options = @options, retention_policy_id = @retentionPolicy, copy_repository_id = @copyRepository,
      copy_policy_id = @copyPolicy, effective_from = @effectiveFrom, version = version + 1, updated_at = @updatedAt
      WHERE tenant_id = @tenant AND id = @id AND version = @expectedVersion`),
    find: sql.select(`SELECT ${PLAN_COLUMNS} FROM plans p WHERE p.tenant_id = @tenant AND p.id = @id`, planRow),
    ofHost: sql.select(
      `SELECT ${PLAN_COLUMNS} FROM plans p WHERE +p.tenant_id = @tenant AND p.id IN (
         SELECT ps.plan_id FROM sources s INDEXED BY sources_by_host CROSS JOIN plan_sources ps ON ps.tenant_id = s.tenant_id AND ps.source_id = s.id
         WHERE s.tenant_id = @tenant AND s.host_id = @host)
       ORDER BY p.name_key, p.id`,
      planRow,
    ),
    // The plus keeps SQLite from walking all of the tenant in the order of names for the few that are asked for.
    some: sql.select(
      `SELECT ${PLAN_COLUMNS} FROM plans p WHERE +p.tenant_id = @tenant AND p.id IN (SELECT value FROM json_each(@ids))
       ORDER BY p.name_key, p.id`,
      planRow,
    ),
    ofHosts: sql.select(
      `SELECT ${PLAN_COLUMNS} FROM plans p WHERE +p.tenant_id = @tenant AND p.id IN (
         SELECT ps.plan_id FROM sources s INDEXED BY sources_by_host CROSS JOIN plan_sources ps ON ps.tenant_id = s.tenant_id AND ps.source_id = s.id
         WHERE s.tenant_id = @tenant AND s.host_id IN (SELECT value FROM json_each(@hosts)))
       ORDER BY p.name_key, p.id`,
      planRow,
    ),
    ofSources: sql.select(
      `SELECT ${PLAN_COLUMNS} FROM plans p WHERE +p.tenant_id = @tenant AND p.id IN (
         SELECT ps.plan_id FROM plan_sources ps
         WHERE ps.tenant_id = @tenant AND ps.source_id IN (SELECT value FROM json_each(@sources)))
       ORDER BY p.name_key, p.id`,
      planRow,
    ),
    countOf: sql.select(
      `SELECT repository_id AS repository, count(*) AS count FROM plans
       WHERE tenant_id = @tenant AND repository_id IN (SELECT value FROM json_each(@repositories)) GROUP BY repository_id`,
      z.object({ repository: idSchema('repository'), count: z.int() }),
    ),
    members: sql.select(
      `SELECT plan_id AS plan, source_id AS source FROM plan_sources
       WHERE plan_id IN (SELECT value FROM json_each(@plans)) ORDER BY plan_id, position`,
      memberRow,
    ),
    addMember: sql.change(`INSERT INTO plan_sources (plan_id, position, tenant_id, source_id)
      VALUES (@plan, @position, @tenant, @source)`),
    dropMembers: sql.change('DELETE FROM plan_sources WHERE plan_id = @plan'),
    count: sql.select('SELECT count(*) AS count FROM plans WHERE tenant_id = @tenant', counted),
    remove: sql.change('DELETE FROM plans WHERE tenant_id = @tenant AND id = @id'),
    hostsOfRepository: sql.select(
      `SELECT DISTINCT s.host_id AS host FROM plans p JOIN plan_sources ps ON ps.plan_id = p.id
       JOIN sources s ON s.id = ps.source_id WHERE p.id IN (
         SELECT id FROM plans WHERE tenant_id = @tenant AND repository_id = @id
         UNION ALL SELECT id FROM plans WHERE tenant_id = @tenant AND copy_repository_id = @id)
       ORDER BY s.host_id`,
      hostIdRow,
    ),
    hostsOfPlan: sql.select(
      `SELECT DISTINCT s.host_id AS host FROM plan_sources ps JOIN sources s ON s.id = ps.source_id
       WHERE +ps.tenant_id = @tenant AND ps.plan_id = @id ORDER BY s.host_id`,
      hostIdRow,
    ),
  };
}

export function createPlans(sql: Sql): PlanStore {
  const rows = preparePlans(sql);
  const listSorted = createSortedPlans(sql);
  const withSources = (plans: readonly PlanRow[]): Plan[] => {
    const members = Map.groupBy(rows.members.list({ plans: toJson(plans.map((plan) => plan.id)) }), (member) => member.plan);
    return plans.map(({ nameKey: _order, ...plan }) => ({
      ...plan,
      sources: (members.get(plan.id) ?? []).map((member) => member.source),
    }));
  };
  const keepWatches = createWatchKeeper(sql);
  const putMembers = (tenant: TenantId, plan: Plan) => {
    rows.dropMembers.run({ plan: plan.id });
    for (const [position, source] of plan.sources.entries()) rows.addMember.run({ plan: plan.id, position, tenant, source });
    keepWatches(plan);
  };
  return {
    insertPlan: (plan) =>
      sql.write(() => {
        rows.insert.run(toParams(plan));
        putMembers(plan.tenant, plan);
      }),
    updatePlan: (plan, expectedVersion) =>
      sql.write(() => {
        if (rows.update.run({ ...toParams(plan), expectedVersion }) === 0) {
          refuseUpdate('plan', rows.find.find({ tenant: plan.tenant, id: plan.id }));
        }
        putMembers(plan.tenant, plan);
      }),
    findPlan: (tenant, id) =>
      sql.read(() => {
        const found = rows.find.find({ tenant, id });
        return found && withSources([found])[0];
      }),
    findPlans: (tenant, ids) => sql.read(() => withSources(rows.some.list({ tenant, ids: toJson(ids) }))),
    listPlans: (tenant, filter, page) =>
      sql.read(() => {
        const cut = listSorted(tenant, filter, page);
        return { ...cut, rows: withSources(cut.rows) };
      }),
    listPlansOfHost: (tenant, host) => sql.read(() => withSources(rows.ofHost.list({ tenant, host }))),
    listPlansOfHosts: (tenant, hosts) => sql.read(() => withSources(rows.ofHosts.list({ tenant, hosts: toJson(hosts) }))),
    listPlansOfSources: (tenant, sources) =>
      sql.read(() => withSources(rows.ofSources.list({ tenant, sources: toJson(sources) }))),
    countPlansOf: (tenant, repositories) =>
      sql.read(() => {
        const counts = rows.countOf.list({ tenant, repositories: toJson(repositories) });
        return new Map(counts.map(({ repository, count }) => [repository, count]));
      }),
    countPlans: (tenant) => sql.read(() => rows.count.find({ tenant })?.count ?? 0),
    deletePlan: (tenant, id) =>
      sql.write(() => {
        if (rows.remove.run({ tenant, id }) === 0) throw new AppError('not_found', 'there is no such plan');
      }),
    listHostsOfRepository: (tenant, id) => sql.read(() => rows.hostsOfRepository.list({ tenant, id }).map((row) => row.host)),
    listHostsOfPlan: (tenant, id) => sql.read(() => rows.hostsOfPlan.list({ tenant, id }).map((row) => row.host)),
  };
}
