import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { routineSchema } from '@holdfast/shared/domain/routine.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { RoutineStore, StoredRoutine } from '../routines.ts';
import { flag, json, optional, toJson } from './columns.ts';
import { numberOf } from './id-numbers.ts';
import { INSERT_ORDER } from './ledger/orders.ts';
import { createRunRows, RUN_COLUMNS, runRow } from './ledger/run-rows.ts';
import type { Sql } from './statements.ts';

const COLUMNS = `tenant_id AS tenant, repository_id AS repository, settings, since, maintainer_id AS maintainer,
  is_fixed AS isFixed, lease_until AS leaseUntil, turn`;
const routineRow = z.object({
  tenant: idSchema('tenant'),
  repository: idSchema('repository'),
  settings: json(routineSchema),
  since: z.int(),
  maintainer: optional(idSchema('host')),
  isFixed: flag,
  leaseUntil: z.int(),
  turn: z.int(),
});

function toRoutine({ maintainer, isFixed, leaseUntil, ...routine }: z.infer<typeof routineRow>): StoredRoutine {
  return { ...routine, lease: { host: maintainer, until: leaseUntil, isFixed } };
}

function prepareRoutines(sql: Sql) {
  return {
    some: sql.select(
      `SELECT ${COLUMNS} FROM routines WHERE tenant_id = @tenant AND repository_id IN (SELECT value FROM json_each(@repositories))`,
      routineRow,
    ),
    save: sql.change(`INSERT INTO routines (repository_id, tenant_id, settings, since, maintainer_id, is_fixed, lease_until)
      SELECT id, tenant_id, @settings, @since, @maintainer, @isFixed, @until FROM repositories
      WHERE id = @repository AND tenant_id = @tenant
      ON CONFLICT (repository_id) DO UPDATE SET settings = excluded.settings, maintainer_id = excluded.maintainer_id,
        is_fixed = excluded.is_fixed, lease_until = excluded.lease_until, turn = turn + 1, look_at = 0`),
    remove: sql.change('DELETE FROM routines WHERE tenant_id = @tenant AND repository_id = @repository'),
    renew: sql.change(`UPDATE routines SET maintainer_id = @maintainer, lease_until = @until
      WHERE tenant_id = @tenant AND repository_id = @repository AND is_fixed = 0`),
    toLook: sql.select(
      `SELECT ${COLUMNS} FROM routines INDEXED BY routines_to_look WHERE look_at <= @now ORDER BY look_at, repository_id LIMIT @limit`,
      routineRow,
    ),
    postpone: sql.change('UPDATE routines SET look_at = @until WHERE tenant_id = @tenant AND repository_id = @repository'),
    take: sql.change(`UPDATE routines SET turn = turn + 1
      WHERE tenant_id = @tenant AND repository_id = @repository AND turn = @turn`),
    insertOrder: sql.change(INSERT_ORDER),
    forgets: sql.select(
      `SELECT ${RUN_COLUMNS} FROM runs r INDEXED BY runs_forgetting
       WHERE r.tenant_no = ${numberOf('@tenant')} AND r.plan_no = ${numberOf('@plan')} AND r.kind = 'forget'
       ORDER BY r.created_at DESC, r.id DESC LIMIT @perPlan`,
      runRow,
    ),
  };
}

export function createRoutines(sql: Sql): RoutineStore {
  const rows = prepareRoutines(sql);
  const runs = createRunRows(sql);
  const list = (tenant: string, repositories: readonly string[]) =>
    rows.some.list({ tenant, repositories: toJson(repositories) }).map(toRoutine);
  return {
    findRoutine: (tenant, repository) => sql.read(() => list(tenant, [repository])[0]),
    listRoutines: (tenant, repositories) => sql.read(() => list(tenant, repositories)),
    saveRoutine: ({ tenant, repository, settings, since, lease }) =>
      sql.write(() => {
        const { host: maintainer, until, isFixed } = lease;
        const row = { tenant, repository, settings: toJson(settings), since, maintainer, until, isFixed };
        if (rows.save.run(row) === 0) throw new AppError('not_found', 'there is no such repository');
      }),
    deleteRoutine: (tenant, repository) => sql.write(() => void rows.remove.run({ tenant, repository })),
    renewLease: (tenant, repository, { host: maintainer, until }) =>
      sql.write(() => void rows.renew.run({ tenant, repository, maintainer, until })),
    listRoutinesToLook: (now, limit) => sql.read(() => rows.toLook.list({ now, limit }).map(toRoutine)),
    postponeLook: (tenant, repository, until) => sql.write(() => void rows.postpone.run({ tenant, repository, until })),
    placeTurn: ({ repository, turn }, run, order) =>
      sql.write(() => {
        if (rows.take.run({ tenant: run.tenant, repository, turn }) === 0) return false;
        runs.insert(run, []);
        rows.insertOrder.run({ ...order });
        return true;
      }),
    listForgets: (tenant, plans, perPlan) =>
      sql.read(() => plans.flatMap((plan) => rows.forgets.list({ tenant, plan, perPlan }))),
  };
}
