/** End-points about the locks of a repository: who holds them, and taking them away. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { HOLDER_STATES, lockIdSchema, repositoryLockSchema } from '@holdfast/shared/domain/lock.ts';
import { LOCKS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { lookAtLocks, startUnlock } from '../../core/repositories/locks.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { runShape, toRunShape } from './runs.ts';
import { idParams, nameShape } from './shapes/shapes.ts';

const host = idSchema('host').meta({ description: 'The host that opens the repository' });

const lockShape = nameShape(
  'Lock',
  z.strictObject({
    ...repositoryLockSchema.shape,
    holder: z
      .strictObject({ host: idSchema('host'), name: z.string(), state: z.enum([...HOLDER_STATES, 'unasked']) })
      .optional()
      .meta({
        description: 'What the host that the lock names says of that process; left out where no host of that name is known',
      }),
    isProvenGone: z
      .boolean()
      .meta({ description: 'The host that took it says that the process is gone: nobody needs it any more' }),
  }),
);

const lookEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/locks',
  scope: 'configure',
  summary: 'Asks a host which locks lie in a repository, and the hosts that took them whether their holders are still there.',
  tag: 'repositories',
  params: idParams('repository'),
  body: z.strictObject({ host }),
  reply: z.strictObject({ locks: z.array(lockShape) }),
  handle: async (context, caller, { params, body }) => ({
    data: { locks: [...(await lookAtLocks(context, caller, { repository: params.id, host: body.host }))] },
  }),
});

const clearEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/locks/clear',
  scope: 'configure',
  summary:
    'Takes locks away, in a run of its own. Refused while a holder is not proven gone, unless by force, and when others lie there by now.',
  tag: 'repositories',
  params: idParams('repository'),
  body: z.strictObject({
    host,
    ids: z.array(lockIdSchema).min(1).max(LOCKS.listed).meta({ description: 'All locks that were seen' }),
    isForced: z.boolean().optional().meta({ description: 'Also those whose holder may still be at work; left out: no' }),
  }),
  reply: nameShape(
    'StartedUnlock',
    z.strictObject({ run: runShape.optional().meta({ description: 'Left out where none of the locks was there any more' }) }),
  ),
  status: 202,
  async handle(context, caller, { params, body }) {
    const run = await startUnlock(context, caller, { repository: params.id, ...body, isForced: body.isForced ?? false });
    return { data: run ? { run: toRunShape(run) } : {} };
  },
});

export const LOCK_ENDPOINTS: readonly ApiEndpoint[] = [lookEndpoint, clearEndpoint];
