/** End-points about restores: runs that bring a snapshot back. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { startRestore } from '../../core/restores.ts';
import { getRunDetail, listRuns } from '../../core/runs.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { runDetailShape, runFilterFields, runShape, toRunDetailShape, toRunFilter, toRunShape } from './runs.ts';
import { idParams, listOf, pageFields, toPageReply, toPageRequest } from './shapes.ts';

const noControl = /^[^\u0000-\u001f\u007f]*$/u;

/** Like the target a host is told, but strict: a misspelt field is refused instead of ignored. */
const targetInput = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('directory'),
    path: z
      .string()
      .max(TEXT.pathChars)
      .startsWith('/', 'must be an absolute path')
      .regex(noControl, 'must be one line without control characters')
      .meta({ description: 'An absolute path that does not exist or is empty' }),
  }),
  z.strictObject({
    kind: z.literal('database'),
    source: idSchema('source').meta({ description: 'The source whose server connection is used' }),
    database: z
      .string()
      .min(1)
      .max(255)
      .regex(noControl, 'must be one line without control characters')
      .meta({ description: 'The name of a database that does not exist' }),
  }),
]);

const startEndpoint = defineEndpoint({
  method: 'post',
  path: '/restores',
  summary: 'Starts a restore; the host refuses a target that exists and is not empty.',
  tag: 'restores',
  body: z.strictObject({
    snapshot: idSchema('snapshot'),
    host: idSchema('host').meta({ description: 'The host that reads the snapshot and writes the target' }),
    target: targetInput,
  }),
  reply: runShape,
  status: 202,
  handle: async (context, caller, { body }) => ({ data: toRunShape(await startRestore(context, caller, body)) }),
});

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/restores',
  summary: 'Lists restores, newest first.',
  tag: 'restores',
  query: z.strictObject({ ...pageFields, ...runFilterFields }),
  reply: listOf(runShape),
  handle: async (context, caller, { query }) =>
    toPageReply(await listRuns(context, caller, { ...toRunFilter(query), kind: 'restore' }, toPageRequest(query)), toRunShape),
});

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/restores/:id',
  summary: 'One restore, as a run with its parts and stages.',
  tag: 'restores',
  params: idParams('run'),
  reply: runDetailShape,
  async handle(context, caller, { params }) {
    const detail = await getRunDetail(context, caller, params.id);
    if (detail.run.kind !== 'restore') throw new AppError('not_found', 'there is no such restore');
    return { data: toRunDetailShape(detail) };
  },
});

export const RESTORE_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint, startEndpoint, getEndpoint];
