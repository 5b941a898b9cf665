/** The rows of runs and parts, and the one way in which their states move. Everything here runs in a caller's transaction. */
import {
  type HostId,
  idSchema,
  type PlanId,
  type RepositoryId,
  type RunId,
  type SourceId,
  type TenantId,
} from '@holdfast/shared/domain/ids.ts';
import { checkScopeSchema } from '@holdfast/shared/domain/maintenance.ts';
import { restoreOptionsSchema } from '@holdfast/shared/domain/restore.ts';
import {
  canMove,
  type Evidence,
  type Failure,
  isTerminal,
  RUN_KINDS,
  RUN_STATES,
  type RunKind,
  type RunState,
  type TerminalState,
  TRIGGERS,
} from '@holdfast/shared/domain/run.ts';
import { restoreTargetSchema } from '@holdfast/shared/protocol/events.ts';
import * as z from 'zod';
import type { Run, RunPart } from '../../runs.ts';
import { json, optional, storedEvidence, storedFailure, toJson } from '../columns.ts';
import { createIdNumbers, idOf, numberOf, runNumberOf } from '../id-numbers.ts';
import { computeFacets } from '../lists/facets.ts';
import type { Sql } from '../statements.ts';

export const RUN_COLUMNS = `r.id, ${idOf('r.tenant_no')} AS tenant, ${idOf('r.host_no')} AS host, r.kind, r.cause AS trigger_, r.state, ${idOf('r.plan_no')} AS plan,
  ${idOf('r.repository_no')} AS repository, r.fire_at AS fireAt, r.skipped_fires AS skipped, r.created_at AS createdAt, r.started_at AS startedAt,
  r.finished_at AS finishedAt, r.duration_ms AS durationMs, r.received_at AS receivedAt, r.reported_at AS reportedAt, r.bytes,
  r.failure, r.evidence, r.snapshot_id AS snapshot, r.target, r.options, r.scope,
  r.from_repository_id AS from_, r.follows_run_id AS follows, r.requested_by AS requestedBy, r.request_id AS request, r.log_lines AS logLines,
  nullif(r.log_left_out, 0) AS logLinesLeftOut, r.log_removed_at AS logRemovedAt, r.log_kept_days AS logKeptDays`;
export const runRow = z
  .object({
    id: idSchema('run'),
    tenant: idSchema('tenant'),
    host: idSchema('host'),
    kind: z.enum(RUN_KINDS),
    trigger_: z.enum(TRIGGERS),
    state: z.enum(RUN_STATES),
    plan: optional(idSchema('plan')),
    repository: idSchema('repository'),
    fireAt: optional(z.int()),
    skipped: optional(z.int()),
    createdAt: z.int(),
    startedAt: optional(z.int()),
    finishedAt: optional(z.int()),
    durationMs: optional(z.int()),
    receivedAt: z.int(),
    reportedAt: optional(z.int()),
    bytes: z.int(),
    failure: optional(json(storedFailure)),
    evidence: json(storedEvidence),
    snapshot: optional(idSchema('snapshot')),
    target: optional(json(restoreTargetSchema)),
    options: optional(json(restoreOptionsSchema)),
    scope: optional(json(checkScopeSchema)),
    from_: optional(idSchema('repository')),
    follows: optional(idSchema('run')),
    requestedBy: optional(z.string()),
    request: optional(z.string()),
    logLines: z.int(),
    logLinesLeftOut: optional(z.int()),
    logRemovedAt: optional(z.int()),
    logKeptDays: optional(z.int()),
  })
  .transform(
    ({
      trigger_,
      from_,
      follows,
      options,
      scope,
      request,
      skipped,
      logLinesLeftOut,
      logRemovedAt,
      logKeptDays,
      ...run
    }): Run => ({
      ...run,
      trigger: trigger_,
      ...(request === undefined ? {} : { request }),
      ...(options === undefined ? {} : { options }),
      ...(skipped === undefined ? {} : { skipped }),
      ...(scope === undefined ? {} : { scope }),
      ...(from_ === undefined ? {} : { from: from_ }),
      ...(follows === undefined ? {} : { follows }),
      ...(logLinesLeftOut === undefined ? {} : { logLinesLeftOut }),
      ...(logRemovedAt === undefined ? {} : { logRemoval: { at: logRemovedAt, afterDays: logKeptDays ?? 0 } }),
    }),
  );

const RUN_OF_PART = '(SELECT told.id FROM runs told WHERE told.no = run_no)';
const OF_RUN = `run_no = ${runNumberOf('@run')}`;
const PART = `${RUN_OF_PART} AS run, ${idOf('source_no')} AS source, state, failure, warnings, bytes, duration_ms AS durationMs`;
const partRow: z.ZodType<RunPart> = z.object({
  run: idSchema('run'),
  source: idSchema('source'),
  state: z.enum(RUN_STATES),
  failure: optional(json(storedFailure)),
  warnings: json(z.array(z.string())),
  bytes: z.int(),
  durationMs: optional(z.int()),
});

/** What a transition needs to know of a run; `state` follows the row. */
export interface RunHead {
  id: RunId;
  tenant: TenantId;
  host: HostId;
  kind: RunKind;
  state: RunState;
  plan?: PlanId | undefined;
  repository: RepositoryId;
  createdAt: number;
}

/** What an end leaves in the row; instants are epoch milliseconds. */
export interface RunEnd {
  finishedAt: number;
  reportedAt: number;
  failure?: Failure | undefined;
  evidence?: readonly Evidence[] | undefined;
  bytes?: number | undefined;
  durationMs?: number | undefined;
  logLines?: number | undefined;
}

const headRow: z.ZodType<RunHead> = z.object({
  id: idSchema('run'),
  tenant: idSchema('tenant'),
  host: idSchema('host'),
  kind: z.enum(RUN_KINDS),
  state: z.enum(RUN_STATES),
  plan: optional(idSchema('plan')),
  repository: idSchema('repository'),
  createdAt: z.int(),
});

function prepareRows(sql: Sql) {
  return {
    insert:
      sql.change(`INSERT INTO runs (id, tenant_no, host_no, kind, cause, state, plan_no, repository_no, fire_at, skipped_fires, created_at,
        started_at, finished_at, duration_ms, received_at, reported_at, bytes, failure, evidence, snapshot_id, target, options, scope,
        from_repository_id, follows_run_id, requested_by, request_id, facets, log_lines, log_last_n, log_bytes, log_left_out)
      VALUES (@id, ${numberOf('@tenant')}, ${numberOf('@host')}, @kind, @trigger, @state, ${numberOf('@plan')},
        ${numberOf('@repository')}, @fireAt, @skipped, @createdAt, @startedAt, @finishedAt,
        @durationMs, @receivedAt, @reportedAt, @bytes, @failure, @evidence, @snapshot, @target, @options, @scope, @from, @follows,
        @requestedBy, @request, @facets, @logLines,
        0, 0, 0)`),
    head: sql.select(
      `SELECT r.id, ${idOf('r.tenant_no')} AS tenant, ${idOf('r.host_no')} AS host, r.kind, r.state, ${idOf('r.plan_no')} AS plan,
         ${idOf('r.repository_no')} AS repository, r.created_at AS createdAt FROM runs r WHERE r.id = @id`,
      headRow,
    ),
    move: sql.change('UPDATE runs SET state = @to, facets = @facets WHERE id = @id AND state = @from'),
    start: sql.change('UPDATE runs SET started_at = coalesce(started_at, @at) WHERE id = @id'),
    // Only a host says how long a run or part took: an end without a duration is one the server presumed.
    reopen: sql.change(`UPDATE runs SET state = 'queued', facets = @facets, finished_at = NULL, reported_at = NULL, failure = NULL
      WHERE id = @id AND state = @from AND duration_ms IS NULL`),
    resume:
      sql.change(`UPDATE runs SET state = 'running', facets = @facets, finished_at = NULL, reported_at = NULL, failure = NULL
      WHERE id = @id AND state = @from AND duration_ms IS NULL AND started_at IS NOT NULL`),
    reopenParts: sql.change(`UPDATE run_parts SET state = 'queued', failure = NULL, warnings = '[]', ended_at = NULL
      WHERE ${OF_RUN} AND duration_ms IS NULL`),
    end: sql.change(`UPDATE runs SET finished_at = @finishedAt, reported_at = @reportedAt, failure = @failure,
      evidence = coalesce(@evidence, evidence), bytes = coalesce(@bytes, bytes), duration_ms = coalesce(@durationMs, duration_ms),
      log_lines = max(log_lines, coalesce(@logLines, 0)) WHERE id = @id`),
    count: sql.change(`INSERT INTO run_totals (tenant_id, kind, state, count) VALUES (@tenant, @kind, @state, 1)
      ON CONFLICT (tenant_id, kind, state) DO UPDATE SET count = count + 1`),
    takeBack: sql.change(`UPDATE run_totals SET taken_back = taken_back + 1
      WHERE tenant_id = @tenant AND kind = @kind AND state = @state`),
    insertPart:
      sql.change(`INSERT INTO run_parts (run_no, source_no, tenant_no, position, state, warnings, bytes, kind, created_at, facets)
      SELECT ${runNumberOf('@run')}, ${numberOf('@source')}, ${numberOf('@tenant')}, coalesce(max(position), -1) + 1, 'queued', '[]', 0,
        @kind, @createdAt, @facets
      FROM run_parts WHERE ${OF_RUN}
      ON CONFLICT (run_no, source_no) DO NOTHING`),
    // The plus keeps SQLite from walking every part of the tenant by the index that begins with it.
    partsOf: sql.select(
      `SELECT ${PART} FROM run_parts WHERE run_no IN (SELECT told.no FROM json_each(@runs) listed JOIN runs told ON told.id = listed.value)
         AND +tenant_no = ${numberOf('@tenant')}
       ORDER BY run, position`,
      partRow,
    ),
    listParts: sql.select(`SELECT ${PART} FROM run_parts WHERE ${OF_RUN} ORDER BY position`, partRow),
    part: sql.select(`SELECT ${PART} FROM run_parts WHERE ${OF_RUN} AND source_no = ${numberOf('@source')}`, partRow),
    partFacets: sql.change(`UPDATE run_parts SET facets = @facets WHERE ${OF_RUN}`),
    movePart: sql.change(
      `UPDATE run_parts SET state = @to WHERE ${OF_RUN} AND source_no = ${numberOf('@source')} AND state = @from`,
    ),
    endPart: sql.change(`UPDATE run_parts SET state = @state, failure = @failure, warnings = @warnings, bytes = @bytes,
      duration_ms = @durationMs, ended_at = @endedAt WHERE ${OF_RUN} AND source_no = ${numberOf('@source')}
      AND state IN ('queued', 'running', 'finalizing')`),
  };
}

export interface RunRows {
  findHead(id: RunId): RunHead | undefined;
  insert(run: Run, sources: readonly SourceId[]): RunHead;
  /** Adds the parts that are not there yet; true when there were any. */
  addParts(head: RunHead, sources: readonly SourceId[]): boolean;
  listParts(run: RunId): RunPart[];
  /** Of those runs that are the tenant's. */
  listPartsOf(tenant: TenantId, runs: readonly RunId[]): RunPart[];
  findPart(run: RunId, source: SourceId): RunPart | undefined;
  /** Moves a run that has not ended to running or finalizing; false when it may not go there. */
  advance(head: RunHead, to: 'running' | 'finalizing', at: number): boolean;
  /** Ends a run, counts it, and ends its open parts as `openParts` says; false when it may not end so. */
  finish(
    head: RunHead,
    to: TerminalState,
    end: RunEnd,
    openParts: { state: TerminalState; failure?: Failure | undefined },
  ): boolean;
  /**
   * Takes back an end that the server presumed (an order nobody answered, a run its host seemed to have forgotten), because its
   * host tells of the run after all. False for a run that has not ended, or whose host told its end. The totals count it as taken back.
   */
  reopen(head: RunHead): boolean;
  /** The same of a run that had begun, because its host goes on telling of it: it runs again. False also for a run that never began. */
  resume(head: RunHead): boolean;
  startPart(run: RunId, source: SourceId): boolean;
  /** Ends a part once. */
  endPart(run: RunId, part: Omit<RunPart, 'run' | 'state'> & { state: TerminalState }, at: number): boolean;
}

export function createRunRows(sql: Sql): RunRows {
  const rows = prepareRows(sql);
  const number = createIdNumbers(sql);

  const move = (head: RunHead, to: RunState): boolean => {
    if (!canMove(head.state, to)) return false;
    const facets = computeFacets({ ...head, state: to });
    if (rows.move.run({ id: head.id, from: head.state, to, facets }) === 0) return false;
    rows.partFacets.run({ run: head.id, facets });
    head.state = to;
    return true;
  };
  const takeBack = (head: RunHead, to: 'queued' | 'running'): boolean => {
    if (!isTerminal(head.state)) return false;
    const facets = computeFacets({ ...head, state: to });
    const change = to === 'queued' ? rows.reopen : rows.resume;
    if (change.run({ id: head.id, from: head.state, facets }) === 0) return false;
    rows.takeBack.run({ tenant: head.tenant, kind: head.kind, state: head.state });
    rows.reopenParts.run({ run: head.id });
    rows.partFacets.run({ run: head.id, facets });
    head.state = to;
    return true;
  };
  const addParts = (head: RunHead, sources: readonly SourceId[]): boolean => {
    const { id: run, tenant, kind, createdAt } = head;
    const facets = computeFacets(head);
    number(...sources);
    let added = 0;
    for (const source of sources) added += rows.insertPart.run({ run, source, tenant, kind, createdAt, facets });
    return added > 0;
  };
  const endPart: RunRows['endPart'] = (run, part, at) =>
    rows.endPart.run({
      run,
      source: part.source,
      state: part.state,
      failure: toJson(part.failure),
      warnings: toJson(part.warnings),
      bytes: part.bytes,
      durationMs: part.durationMs,
      endedAt: at,
    }) > 0;

  return {
    findHead: (id) => rows.head.find({ id }),
    insert(run, sources) {
      const { id, tenant, host, kind, state, plan, repository, createdAt } = run;
      const head: RunHead = { id, tenant, host, kind, state, plan, repository, createdAt };
      const { logRemoval: _none, ...columns } = run;
      number(tenant, host, plan, repository);
      rows.insert.run({
        ...columns,
        failure: toJson(run.failure),
        evidence: toJson(run.evidence),
        target: toJson(run.target),
        options: toJson(run.options),
        scope: toJson(run.scope),
        facets: computeFacets(head),
      });
      addParts(head, sources);
      return head;
    },
    addParts,
    listParts: (run) => rows.listParts.list({ run }),
    listPartsOf: (tenant, runs) => rows.partsOf.list({ tenant, runs: toJson(runs) }),
    findPart: (run, source) => rows.part.find({ run, source }),
    advance(head, to, at) {
      if (!move(head, to)) return false;
      if (to === 'running') rows.start.run({ id: head.id, at });
      return true;
    },
    finish(head, to, end, openParts) {
      if (!move(head, to)) return false;
      rows.end.run({ ...end, id: head.id, failure: toJson(end.failure), evidence: toJson(end.evidence) });
      rows.count.run({ tenant: head.tenant, kind: head.kind, state: to });
      for (const part of rows.listParts.list({ run: head.id })) {
        if (!isTerminal(part.state)) endPart(head.id, { ...part, ...openParts }, end.finishedAt);
      }
      return true;
    },
    reopen: (head) => takeBack(head, 'queued'),
    resume: (head) => takeBack(head, 'running'),
    startPart: (run, source) => rows.movePart.run({ run, source, from: 'queued', to: 'running' }) > 0,
    endPart,
  };
}
