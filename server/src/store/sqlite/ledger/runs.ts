/** The runs of the ledger, as they are read. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { RUN_KINDS, RUN_STATES, type RunState, STAGES } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { Run, RunAttempt, RunStage, RunStore } from '../../runs.ts';
import { counted, flag, json, optional, storedFailure } from '../columns.ts';
import { numberOf } from '../id-numbers.ts';
import { createFoundRuns } from '../lists/found-runs.ts';
import { cutPage } from '../lists/keyset.ts';
import { createSortedRuns } from '../lists/sorted-runs.ts';
import type { Sql } from '../statements.ts';
import { createRunRows, RUN_COLUMNS, runRow } from './run-rows.ts';
import { buildRunList } from './run-walk.ts';

const attemptRow = z
  .object({
    run: idSchema('run'),
    attempt: z.int(),
    failedAt: z.int(),
    failure: json(storedFailure),
    retryAt: z.int(),
    sources: optional(json(z.array(idSchema('source')))),
  })
  .transform(({ sources, ...row }): RunAttempt => ({ ...row, ...(sources === undefined ? {} : { sources }) }));
const stageRow = z
  .object({
    run: idSchema('run'),
    source: z.string(),
    stage: z.enum(STAGES),
    startedAt: z.int(),
    endedAt: optional(z.int()),
    ok: optional(flag),
  })
  .transform((row): RunStage => ({ ...row, source: row.source === '' ? undefined : idSchema('source').parse(row.source) }));

function prepareLists(sql: Sql) {
  return {
    find: sql.select(`SELECT ${RUN_COLUMNS} FROM runs r WHERE r.id = @id AND r.tenant_no = ${numberOf('@tenant')}`, runRow),
    stages: sql.select(
      `SELECT run_id AS run, source_id AS source, stage, started_at AS startedAt, ended_at AS endedAt, ok FROM run_stages
       WHERE run_id = @id AND tenant_id = @tenant`,
      stageRow,
    ),
    attempts: sql.select(
      `SELECT run_id AS run, attempt, failed_at AS failedAt, failure, retry_at AS retryAt, sources FROM run_attempts
       WHERE run_id = @id AND tenant_id = @tenant ORDER BY attempt`,
      attemptRow,
    ),
    countByState: sql.select(
      `SELECT count(*) AS count FROM runs INDEXED BY runs_by_state
       WHERE tenant_no = ${numberOf('@tenant')} AND state = @state AND created_at >= @since`,
      counted,
    ),
    totals: sql.select(
      'SELECT kind, state, count, taken_back AS takenBack FROM run_totals WHERE tenant_id = @tenant ORDER BY kind, state',
      z.object({ kind: z.enum(RUN_KINDS), state: z.enum(RUN_STATES), count: z.int(), takenBack: z.int() }),
    ),
  };
}

export function createRuns(sql: Sql): RunStore {
  const lists = prepareLists(sql);
  const rows = createRunRows(sql);
  const listFound = createFoundRuns(sql);
  const listSorted = createSortedRuns(sql, (tenant, filter, page) => {
    const { text, params } = buildRunList(filter, page);
    const found: Run[] = sql.select(text, runRow).list({ ...params, tenant });
    return cutPage(found, page, (run) => [run.createdAt, run.id]);
  });
  return {
    findRun: (tenant, id) => sql.read(() => lists.find.find({ tenant, id })),
    listParts: (tenant, id) => sql.read(() => (lists.find.find({ tenant, id }) ? rows.listParts(id) : [])),
    listPartsOf: (tenant, runs) => sql.read(() => rows.listPartsOf(tenant, runs)),
    listStages: (tenant, id) =>
      sql.read(() =>
        lists.stages
          .list({ tenant, id })
          .sort((a, b) => a.startedAt - b.startedAt || STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage)),
      ),
    listAttempts: (tenant, id) => sql.read(() => lists.attempts.list({ tenant, id })),
    listRuns: (tenant, filter, page) =>
      sql.read(() =>
        filter.search === undefined ? listSorted(tenant, filter, page) : listFound(tenant, filter, filter.search, page),
      ),
    lastRunOfPlans: (tenant, plans) =>
      sql.read(() =>
        [...new Set(plans)].flatMap((plan) => {
          const { text, params } = buildRunList({ plan, kind: 'backup' }, { limit: 1 });
          return sql.select(text, runRow).find({ ...params, tenant }) ?? [];
        }),
      ),
    countRunsByState: (tenant, since) =>
      sql.read(() => {
        const count = (state: RunState) => lists.countByState.find({ tenant, state, since })?.count ?? 0;
        return Object.fromEntries(RUN_STATES.map((state) => [state, count(state)])) as Record<RunState, number>;
      }),
    listRunTotals: (tenant) => sql.read(() => lists.totals.list({ tenant })),
  };
}
