/** End-points about runs: watched, read, cancelled. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { RUN_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { checkScopeSchema } from '@holdfast/shared/domain/maintenance.ts';
import { restoreOptionsSchema } from '@holdfast/shared/domain/restore.ts';
import {
  evidenceSchema,
  failureSchema,
  LOG_LEVELS,
  type LogLevel,
  logLineSchema,
  RUN_KINDS,
  RUN_STATES,
  STAGES,
  TRIGGERS,
} from '@holdfast/shared/domain/run.ts';
import { LOG } from '@holdfast/shared/limits.ts';
import { restoreTargetSchema } from '@holdfast/shared/protocol/events.ts';
import * as z from 'zod';
import { cancelRun, getRunDetail, listRuns, type RunDetail, readRunLog } from '../../core/runs/runs.ts';
import type { Run, RunFilter, RunPart, RunStage } from '../../store/runs.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { LOG_FORMATS, renderLog } from './log-format.ts';
import { runStateInput } from './run-state.ts';
import {
  flagInput,
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  sortFields,
  toPageReply,
  toSortedRequest,
} from './shapes/shapes.ts';
import { snapshotShape, toSnapshotShape } from './snapshots.ts';

const LOG_LINES = 500;

export const runShape = nameShape(
  'Run',
  z.strictObject({
    id: idSchema('run'),
    host: idSchema('host'),
    kind: z.enum(RUN_KINDS),
    trigger: z.enum(TRIGGERS),
    state: z.enum(RUN_STATES),
    plan: idSchema('plan').optional(),
    repository: idSchema('repository'),
    fireAt: instantSchema.optional(),
    skipped: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'Older fires of its plan that it stands for as well, because nothing ran for them' }),
    createdAt: instantSchema,
    startedAt: instantSchema.optional(),
    finishedAt: instantSchema.optional(),
    durationMs: z.int().min(0).optional(),
    receivedAt: instantSchema,
    reportedAt: instantSchema.optional(),
    bytes: z.int().min(0),
    failure: failureSchema.optional(),
    evidence: listOf(evidenceSchema),
    snapshot: idSchema('snapshot').optional().meta({ description: 'What a restore reads' }),
    target: restoreTargetSchema.optional(),
    options: restoreOptionsSchema.optional().meta({ description: 'How a restore goes about it, where anything was wished' }),
    scope: checkScopeSchema.optional().meta({ description: 'What a check reads' }),
    from: idSchema('repository').optional().meta({ description: 'Where a copy takes its snapshots from' }),
    follows: idSchema('run').optional().meta({ description: 'The run that this one follows by itself' }),
    requestedBy: z.string().optional(),
    request: z
      .string()
      .optional()
      .meta({ description: 'The id of the request that ordered it, as the server’s log and the audit name it' }),
    logLines: z.int().min(0).meta({ description: 'Lines the run wrote' }),
    logLinesLeftOut: z.int().min(1).optional().meta({ description: 'Of these, lines above a limit that were not kept' }),
    logRemoval: z
      .strictObject({ at: instantSchema, afterDays: z.int().min(0) })
      .optional()
      .meta({ description: 'Set when the log was removed because its time was over' }),
  }),
);

export function toRunShape(run: Run): z.infer<typeof runShape> {
  const { tenant: _tenant, ...shown } = run;
  return shown;
}

const partShape = nameShape(
  'RunPart',
  z.strictObject({
    source: idSchema('source'),
    state: z.enum(RUN_STATES),
    failure: failureSchema.optional(),
    warnings: listOf(z.string()),
    bytes: z.int().min(0),
    durationMs: z.int().min(0).optional(),
  }),
);

const stageShape = nameShape(
  'RunStage',
  z.strictObject({
    source: idSchema('source').optional(),
    stage: z.enum(STAGES),
    startedAt: instantSchema,
    endedAt: instantSchema.optional(),
    ok: z.boolean().optional(),
  }),
);

const attemptShape = nameShape(
  'RunAttempt',
  z.strictObject({
    attempt: z.int().min(1),
    failedAt: instantSchema,
    failure: failureSchema,
    retryAt: instantSchema.meta({ description: 'When the next attempt was, or is, due' }),
    sources: listOf(idSchema('source'))
      .optional()
      .meta({ description: 'What the next attempt tries again; left out by agents of earlier versions' }),
  }),
);

export const runDetailShape = nameShape(
  'RunDetail',
  runShape.extend({
    parts: listOf(partShape),
    stages: listOf(stageShape),
    attempts: listOf(attemptShape).meta({ description: 'Failed attempts before the last one' }),
    snapshots: listOf(snapshotShape),
    cancelledBy: z.string().optional().meta({ description: 'Who asked for its end, where somebody did' }),
  }),
);

function toPartShape({ source, state, failure, warnings, bytes, durationMs }: RunPart): z.infer<typeof partShape> {
  return { source, state, failure, warnings, bytes, durationMs };
}

function toStageShape({ source, stage, startedAt, endedAt, ok }: RunStage): z.infer<typeof stageShape> {
  return { source, stage, startedAt, endedAt, ok };
}

export function toRunDetailShape({
  run,
  parts,
  stages,
  attempts,
  snapshots,
  cancelledBy,
}: RunDetail): z.infer<typeof runDetailShape> {
  return {
    ...toRunShape(run),
    parts: parts.map(toPartShape),
    stages: stages.map(toStageShape),
    attempts: attempts.map(({ run: _run, ...attempt }) => attempt),
    snapshots: snapshots.map(toSnapshotShape),
    ...(cancelledBy === undefined ? {} : { cancelledBy }),
  };
}

/** Filters that lists of runs have, whatever their kind. */
export const runFilterFields = {
  state: runStateInput.optional(),
  active: flagInput.optional().meta({ description: 'Only runs that have not ended' }),
  host: idSchema('host').optional(),
  plan: idSchema('plan').optional(),
  source: idSchema('source').optional(),
  repository: idSchema('repository').optional(),
  since: z.coerce.number().int().min(0).optional().meta({ description: 'Created at or after; epoch milliseconds' }),
  until: z.coerce.number().int().min(0).optional().meta({ description: 'Created before; epoch milliseconds' }),
  trigger: z.enum(TRIGGERS).optional().meta({ description: 'What made it begin' }),
  requestedBy: z.string().min(1).max(200).optional().meta({ description: 'Who asked for it, by name; exact' }),
};

export function toRunFilter(query: z.infer<z.ZodObject<typeof runFilterFields>>): RunFilter {
  const { state, active, host, plan, source, repository, since, until, trigger, requestedBy } = query;
  return { state, active, host, plan, source, repository, since, until, trigger, requestedBy };
}

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/runs',
  scope: 'read',
  summary: 'Lists runs, newest first unless another order is asked for.',
  tag: 'runs',
  query: z.strictObject({
    ...pageFields,
    ...runFilterFields,
    ...sortFields(RUN_ORDERS, 'the newest come first'),
    kind: z.enum(RUN_KINDS).optional(),
    search: searchInput.optional().meta({
      description:
        'Part of the name of its host, its plan, its repository or a source, part of what it failed with (from three letters on), or how the id of the run, of its snapshot or of its request begins. Goes with the order `created` alone; see `meta.passedOver`',
    }),
  }),
  reply: listOf(runShape),
  handle: async (context, caller, { query }) =>
    toPageReply(
      await listRuns(context, caller, { ...toRunFilter(query), kind: query.kind, search: query.search }, toSortedRequest(query)),
      toRunShape,
    ),
});

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/runs/:id',
  scope: 'read',
  summary: 'One run with its parts, stages and snapshots.',
  tag: 'runs',
  params: idParams('run'),
  reply: runDetailShape,
  handle: async (context, caller, { params }) => ({
    data: toRunDetailShape(await getRunDetail(context, caller, params.id)),
  }),
});

const logShape = nameShape(
  'RunLog',
  z.strictObject({
    lines: listOf(logLineSchema).optional().meta({ description: 'With format=lines' }),
    text: z.string().optional().meta({ description: 'With format=txt or format=ndjson' }),
    lastLine: z.int().min(0).meta({ description: 'Number of the last line shown; send it as `after` for what follows' }),
  }),
);

/** `warn,error`: the levels shown, exactly these. */
const levelsInput = z
  .string()
  .regex(new RegExp(`^(${LOG_LEVELS.join('|')})(,(${LOG_LEVELS.join('|')}))*$`, 'u'), `must be of ${LOG_LEVELS.join(', ')}`)
  .transform((text) => [...new Set(text.split(','))] as LogLevel[]);

const logEndpoint = defineEndpoint({
  method: 'get',
  path: '/runs/:id/log',
  scope: 'read',
  summary:
    'Lines of the log of a run, in order, with a line of its own where some were not kept; `meta.next` is the `after` of the next page while there may be more.',
  tag: 'runs',
  params: idParams('run'),
  query: z.strictObject({
    after: z.coerce.number().int().min(0).default(0).meta({ description: 'Only lines after this number' }),
    limit: z.coerce.number().int().min(1).max(LOG.pageLines).default(LOG_LINES),
    level: levelsInput.optional().meta({ description: 'One level or several with commas; exactly these are shown' }),
    search: searchInput.optional(),
    format: z.enum(LOG_FORMATS).default('lines'),
  }),
  reply: logShape,
  async handle(context, caller, { params, query }) {
    const { after, limit, level, search, format } = query;
    const lines = await readRunLog(context, caller, params.id, { after, limit, levels: level, search });
    const lastLine = lines.at(-1)?.n ?? after;
    const data = format === 'lines' ? { lines, lastLine } : { text: renderLog(lines, format), lastLine };
    return { data, next: lines.length < limit ? undefined : String(lastLine) };
  },
});

const cancelEndpoint = defineEndpoint({
  method: 'post',
  path: '/runs/:id/cancel',
  scope: 'operate',
  summary: 'Asks for the end of a run; refused when it has ended.',
  tag: 'runs',
  params: idParams('run'),
  reply: runShape,
  status: 202,
  handle: async (context, caller, { params }) => ({ data: toRunShape(await cancelRun(context, caller, params.id)) }),
});

export const RUN_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint, getEndpoint, logEndpoint, cancelEndpoint];
