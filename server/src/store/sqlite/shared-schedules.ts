import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { PageRequest } from '../page.ts';
import type { SharedSchedule, SharedScheduleStore } from '../shared-schedules.ts';
import { counted, foldName, json, toJson } from './columns.ts';
import { createWatchMover } from './fires.ts';
import { createNamePage, cutPage, joinConditions } from './lists/keyset.ts';
import { storedSchedule } from './plan-rows.ts';
import { refuseInUse, refuseUpdate } from './sources.ts';
import type { Params, Sql } from './statements.ts';

const SHARED = `s.id, s.tenant_id AS tenant, s.name, s.name_key AS nameKey, s.description, s.schedule, s.version,
  s.created_at AS createdAt, s.updated_at AS updatedAt`;
const sharedRow = z.object({
  id: idSchema('schedule'),
  tenant: idSchema('tenant'),
  name: z.string(),
  nameKey: z.string(),
  description: z.string(),
  schedule: json(storedSchedule),
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
});

/** Plans of one of them. */
const OF_SCHEDULE = 'plans p INDEXED BY plans_by_shared_schedule WHERE p.shared_schedule_id = @id AND p.tenant_id = @tenant';

/** The row without the column that only the order of lists needs. */
function toShared({ nameKey: _order, ...shared }: z.infer<typeof sharedRow>): SharedSchedule {
  return shared;
}

function buildSharedList(filter: { search?: string | undefined }, page: PageRequest): { text: string; params: Params } {
  const text = `SELECT ${SHARED} FROM shared_schedules s
WHERE ${joinConditions([
    's.tenant_id = @tenant',
    filter.search !== undefined && 'instr(s.name_key, @search) > 0',
    page.after !== undefined && '(s.name_key, s.id) > (@afterKey, @afterId)',
  ])}
ORDER BY s.name_key, s.id LIMIT @pageLimit`;
  const search = filter.search === undefined ? undefined : foldName(filter.search);
  return { text, params: { search, ...createNamePage(page) } };
}

function toParams(shared: SharedSchedule): Params {
  return { ...shared, nameKey: foldName(shared.name), schedule: toJson(shared.schedule) };
}

function prepareSharedSchedules(sql: Sql) {
  return {
    insert: sql.change(`INSERT INTO shared_schedules
      (id, tenant_id, name, name_key, description, schedule, version, created_at, updated_at)
      VALUES (@id, @tenant, @name, @nameKey, @description, @schedule, @version, @createdAt, @updatedAt)`),
    update: sql.change(`UPDATE shared_schedules SET name = @name, name_key = @nameKey, description = @description,
      schedule = @schedule, version = version + 1, updated_at = @updatedAt
      WHERE tenant_id = @tenant AND id = @id AND version = @expectedVersion`),
    // A schedule owes nothing for the time before it was made.
    movePlans: sql.change(`UPDATE plans SET schedule = @schedule, effective_from = @updatedAt, version = version + 1,
      updated_at = @updatedAt WHERE id IN (SELECT p.id FROM ${OF_SCHEDULE}) AND schedule IS NOT @schedule`),
    find: sql.select(`SELECT ${SHARED} FROM shared_schedules s WHERE s.tenant_id = @tenant AND s.id = @id`, sharedRow),
    // The plus keeps SQLite from walking all of the tenant in the order of names for the few that are asked for.
    some: sql.select(
      `SELECT ${SHARED} FROM shared_schedules s WHERE +s.tenant_id = @tenant AND s.id IN (SELECT value FROM json_each(@ids))
       ORDER BY s.name_key, s.id`,
      sharedRow,
    ),
    count: sql.select('SELECT count(*) AS count FROM shared_schedules WHERE tenant_id = @tenant', counted),
    users: sql.select(`SELECT p.name FROM ${OF_SCHEDULE} ORDER BY p.name_key LIMIT 20`, z.object({ name: z.string() })),
    countPlans: sql.select(
      `SELECT p.shared_schedule_id AS schedule, count(*) AS count FROM plans p INDEXED BY plans_by_shared_schedule
       WHERE p.shared_schedule_id IN (SELECT value FROM json_each(@ids)) AND p.tenant_id = @tenant GROUP BY p.shared_schedule_id`,
      z.object({ schedule: idSchema('schedule'), count: z.int() }),
    ),
    hosts: sql.select(
      `SELECT DISTINCT s.host_id AS host FROM plan_sources ps JOIN sources s ON s.id = ps.source_id
       WHERE ps.plan_id IN (SELECT p.id FROM ${OF_SCHEDULE}) ORDER BY s.host_id`,
      z.object({ host: idSchema('host') }),
    ),
    remove: sql.change('DELETE FROM shared_schedules WHERE tenant_id = @tenant AND id = @id'),
  };
}

export function createSharedSchedules(sql: Sql): SharedScheduleStore {
  const rows = prepareSharedSchedules(sql);
  const moveWatches = createWatchMover(sql);
  return {
    insertSharedSchedule: (shared) => sql.write(() => void rows.insert.run(toParams(shared))),
    updateSharedSchedule: (shared, expectedVersion) =>
      sql.write(() => {
        const { tenant, id, updatedAt } = shared;
        const params = toParams(shared);
        if (rows.update.run({ ...params, expectedVersion }) === 0)
          refuseUpdate('shared schedule', rows.find.find({ tenant, id }));
        const moved = rows.movePlans.run({ tenant, id, updatedAt, schedule: toJson(shared.schedule) });
        if (moved > 0) moveWatches({ tenant, schedule: id, effectiveFrom: updatedAt });
      }),
    findSharedSchedule: (tenant, id) =>
      sql.read(() => {
        const found = rows.find.find({ tenant, id });
        return found && toShared(found);
      }),
    findSharedSchedules: (tenant, ids) => sql.read(() => rows.some.list({ tenant, ids: toJson(ids) }).map(toShared)),
    listSharedSchedules: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params } = buildSharedList(filter, page);
        const found = sql.select(text, sharedRow).list({ ...params, tenant });
        const cut = cutPage(found, page, (shared) => [shared.nameKey, shared.id]);
        return { ...cut, rows: cut.rows.map(toShared) };
      }),
    countSharedSchedules: (tenant) => sql.read(() => rows.count.find({ tenant })?.count ?? 0),
    countPlansOfSharedSchedules: (tenant, ids) =>
      sql.read(() => {
        const counts = rows.countPlans.list({ tenant, ids: toJson(ids) });
        return new Map(counts.map(({ schedule, count }) => [schedule, count]));
      }),
    listHostsOfSharedSchedule: (tenant, id) => sql.read(() => rows.hosts.list({ tenant, id }).map(({ host }) => host)),
    deleteSharedSchedule: (tenant, id) =>
      sql.write(() => {
        if (!rows.find.find({ tenant, id })) throw new AppError('not_found', 'there is no such shared schedule');
        refuseInUse('shared schedule', rows.users.list({ tenant, id }));
        rows.remove.run({ tenant, id });
      }),
  };
}
