/** Fires that did not happen when they should have. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import { listMissedFires } from '../../core/plans/missed-fires.ts';
import type { MissedFire, MissedState } from '../../store/fires.ts';
import { defineEndpoint } from '../http/route.ts';
import {
  flagInput,
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  toPageReply,
  toPageRequest,
} from './shapes/shapes.ts';

const STATES = ['missed', 'late', 'reported'] as const satisfies readonly MissedState[];

const missedFireShape = nameShape(
  'MissedFire',
  z.strictObject({
    plan: idSchema('plan'),
    host: idSchema('host'),
    fireAt: instantSchema.meta({ description: 'The instant on the plan’s schedule; epoch milliseconds, UTC' }),
    dueAt: instantSchema.meta({ description: 'When the run was to begin, spread and blackout windows included' }),
    deadlineAt: instantSchema.meta({ description: 'The end of the grace' }),
    notedAt: instantSchema,
    state: z.enum(STATES).meta({
      description:
        '`missed`: nothing ran for it; `late`: a later run, begun within the grace, stands for it; `reported`: it ran, and the host told so later',
    }),
    run: idSchema('run').optional().meta({ description: 'The run that settled it' }),
    settledAt: instantSchema.optional(),
    passedAt: instantSchema.optional().meta({
      description:
        'When a later clean run of the plan on this host made it good; without it and still `missed`, the fire is owed',
    }),
  }),
);

function toMissedFireShape(fire: MissedFire): z.infer<typeof missedFireShape> {
  const { tenant: _tenant, ...shown } = fire;
  return shown;
}

export const MISSED_FIRES_ENDPOINT = defineEndpoint({
  method: 'get',
  path: '/plans/:id/missed-fires',
  scope: 'read',
  summary: 'Fires of a plan for which nothing ran within their grace, newest first.',
  tag: 'plans',
  params: idParams('plan'),
  query: z.strictObject({
    ...pageFields,
    host: idSchema('host').optional(),
    open: flagInput.optional().meta({ description: 'Only those still owed, or only those settled' }),
  }),
  reply: listOf(missedFireShape),
  async handle(context, caller, { params, query }) {
    const filter = { plan: params.id, host: query.host, open: query.open };
    return toPageReply(await listMissedFires(context, caller, filter, toPageRequest(query)), toMissedFireShape);
  },
});
