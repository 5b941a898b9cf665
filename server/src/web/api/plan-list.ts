/** The list of plans. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { PLAN_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { tagSchema } from '@holdfast/shared/domain/plan.ts';
import * as z from 'zod';
import { listPlans } from '../../core/plans/plans.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { createNextFire } from '../next-fire.ts';
import type { FireCalendar } from './fire-calendar.ts';
import { planShape, toPlanShape } from './shapes/plan-shape.ts';
import { flagInput, listOf, pageFields, searchInput, sortFields, toPageReply, toSortedRequest } from './shapes/shapes.ts';

/** The list, given what knows when schedules are due. */
export function createPlanListEndpoint(calendar: FireCalendar): ApiEndpoint {
  return defineEndpoint({
    method: 'get',
    path: '/plans',
    scope: 'read',
    summary: 'Lists plans, by name unless another order is asked for.',
    tag: 'plans',
    query: z.strictObject({
      ...pageFields,
      search: searchInput.optional(),
      source: idSchema('source').optional(),
      host: idSchema('host').optional(),
      repository: idSchema('repository').optional(),
      enabled: flagInput.optional(),
      tag: tagSchema.optional().meta({ description: 'With a source on a host that has this tag' }),
      retentionPolicy: idSchema('policy').optional(),
      sharedSchedule: idSchema('schedule').optional(),
      ...sortFields(PLAN_ORDERS, 'they go by name'),
    }),
    reply: listOf(planShape),
    async handle(context, caller, { query }) {
      const { search, source, host, repository, enabled, retentionPolicy, sharedSchedule, tag } = query;
      const filter = { search, source, host, repository, enabled, retentionPolicy, sharedSchedule, tag };
      const page = { ...toSortedRequest(query), nextFire: createNextFire(calendar, context.clock.now()) };
      return toPageReply(await listPlans(context, caller, filter, page), toPlanShape);
    },
  });
}
