import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { PageRequest } from '../page.ts';
import type { Policy, PolicyStore } from '../policies.ts';
import { counted, foldName, json, toJson } from './columns.ts';
import { createNamePage, cutPage, joinConditions } from './lists/keyset.ts';
import { refuseInUse, refuseUpdate } from './sources.ts';
import type { Params, Sql } from './statements.ts';

const POLICY = `r.id, r.tenant_id AS tenant, r.name, r.name_key AS nameKey, r.description, r.policy, r.version,
  r.created_at AS createdAt, r.updated_at AS updatedAt`;
const policyRow = z.object({
  id: idSchema('policy'),
  tenant: idSchema('tenant'),
  name: z.string(),
  nameKey: z.string(),
  description: z.string(),
  policy: json(retentionPolicySchema),
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
});

/** The row without the column that only the order of lists needs. */
function toPolicy({ nameKey: _order, ...policy }: z.infer<typeof policyRow>): Policy {
  return policy;
}

function buildPolicyList(filter: { search?: string | undefined }, page: PageRequest): { text: string; params: Params } {
  const text = `SELECT ${POLICY} FROM retention_policies r
WHERE ${joinConditions([
    'r.tenant_id = @tenant',
    filter.search !== undefined && 'instr(r.name_key, @search) > 0',
    page.after !== undefined && '(r.name_key, r.id) > (@afterKey, @afterId)',
  ])}
ORDER BY r.name_key, r.id LIMIT @pageLimit`;
  const search = filter.search === undefined ? undefined : foldName(filter.search);
  return { text, params: { search, ...createNamePage(page) } };
}

function toParams(policy: Policy): Params {
  return { ...policy, nameKey: foldName(policy.name), policy: toJson(policy.policy) };
}

function preparePolicies(sql: Sql) {
  return {
    insert: sql.change(`INSERT INTO retention_policies
      (id, tenant_id, name, name_key, description, policy, version, created_at, updated_at)
      VALUES (@id, @tenant, @name, @nameKey, @description, @policy, @version, @createdAt, @updatedAt)`),
    update: sql.change(`UPDATE retention_policies SET name = @name, name_key = @nameKey, description = @description,
      policy = @policy, version = version + 1, updated_at = @updatedAt
      WHERE tenant_id = @tenant AND id = @id AND version = @expectedVersion`),
    find: sql.select(`SELECT ${POLICY} FROM retention_policies r WHERE r.tenant_id = @tenant AND r.id = @id`, policyRow),
    // The plus keeps SQLite from walking all of the tenant in the order of names for the few that are asked for.
    some: sql.select(
      `SELECT ${POLICY} FROM retention_policies r WHERE +r.tenant_id = @tenant AND r.id IN (SELECT value FROM json_each(@ids))
       ORDER BY r.name_key, r.id`,
      policyRow,
    ),
    count: sql.select('SELECT count(*) AS count FROM retention_policies WHERE tenant_id = @tenant', counted),
    users: sql.select(
      'SELECT name FROM plans WHERE tenant_id = @tenant AND (retention_policy_id = @id OR copy_policy_id = @id) ORDER BY name_key LIMIT 20',
      z.object({ name: z.string() }),
    ),
    countPlans: sql.select(
      `SELECT retention_policy_id AS policy, count(*) AS count FROM plans
       WHERE tenant_id = @tenant AND retention_policy_id IN (SELECT value FROM json_each(@ids)) GROUP BY retention_policy_id`,
      z.object({ policy: idSchema('policy'), count: z.int() }),
    ),
    hosts: sql.select(
      `SELECT DISTINCT s.host_id AS host FROM plans p JOIN plan_sources ps ON ps.plan_id = p.id
       JOIN sources s ON s.id = ps.source_id WHERE p.id IN (
         SELECT id FROM plans WHERE tenant_id = @tenant AND retention_policy_id = @id
         UNION ALL SELECT id FROM plans WHERE tenant_id = @tenant AND copy_policy_id = @id)
       ORDER BY s.host_id`,
      z.object({ host: idSchema('host') }),
    ),
    remove: sql.change('DELETE FROM retention_policies WHERE tenant_id = @tenant AND id = @id'),
  };
}

export function createPolicies(sql: Sql): PolicyStore {
  const rows = preparePolicies(sql);
  return {
    insertPolicy: (policy) => sql.write(() => void rows.insert.run(toParams(policy))),
    updatePolicy: (policy, expectedVersion) =>
      sql.write(() => {
        if (rows.update.run({ ...toParams(policy), expectedVersion }) > 0) return;
        refuseUpdate('policy', rows.find.find({ tenant: policy.tenant, id: policy.id }));
      }),
    findPolicy: (tenant, id) =>
      sql.read(() => {
        const found = rows.find.find({ tenant, id });
        return found && toPolicy(found);
      }),
    findPolicies: (tenant, ids) => sql.read(() => rows.some.list({ tenant, ids: toJson(ids) }).map(toPolicy)),
    listPolicies: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params } = buildPolicyList(filter, page);
        const found = sql.select(text, policyRow).list({ ...params, tenant });
        const cut = cutPage(found, page, (policy) => [policy.nameKey, policy.id]);
        return { ...cut, rows: cut.rows.map(toPolicy) };
      }),
    countPolicies: (tenant) => sql.read(() => rows.count.find({ tenant })?.count ?? 0),
    countPlansOfPolicies: (tenant, ids) =>
      sql.read(() => new Map(rows.countPlans.list({ tenant, ids: toJson(ids) }).map(({ policy, count }) => [policy, count]))),
    listHostsOfPolicy: (tenant, id) => sql.read(() => rows.hosts.list({ tenant, id }).map(({ host }) => host)),
    deletePolicy: (tenant, id) =>
      sql.write(() => {
        const found = rows.find.find({ tenant, id });
        if (!found) throw new AppError('not_found', 'there is no such policy');
        refuseInUse('policy', rows.users.list({ tenant, id }));
        rows.remove.run({ tenant, id });
      }),
  };
}
