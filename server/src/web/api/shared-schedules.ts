/** End-points about shared schedules: when plans are due, under a name that several of them use. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { scheduleSchema } from '@holdfast/shared/domain/schedule.ts';
import * as z from 'zod';
import { descriptionSchema } from '../../core/names.ts';
import {
  createSharedSchedule,
  deleteSharedSchedule,
  getSharedSchedule,
  listSharedSchedules,
  updateSharedSchedule,
} from '../../core/plans/shared-schedules.ts';
import type { SharedSchedule } from '../../store/shared-schedules.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { describeCatalogKind } from './catalog-endpoints.ts';
import type { FireCalendar } from './fire-calendar.ts';
import { createScheduleGate } from './schedule-gate.ts';
import {
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  toPageReply,
  toPageRequest,
  versionSchema,
} from './shapes/shapes.ts';

const sharedShape = nameShape(
  'SharedSchedule',
  z.strictObject({
    id: idSchema('schedule'),
    name: z.string(),
    description: z.string(),
    schedule: z.strictObject({ cron: z.string(), zone: z.string() }),
    version: versionSchema,
    createdAt: instantSchema,
    updatedAt: instantSchema,
  }),
);

function toSharedShape({ tenant: _tenant, ...shown }: SharedSchedule): z.infer<typeof sharedShape> {
  return shown;
}

const shared = describeCatalogKind('schedule', 'shared-schedules', 'configure', sharedShape, toSharedShape);

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/shared-schedules',
  scope: 'read',
  summary: 'Lists shared schedules by name.',
  tag: 'shared-schedules',
  query: z.strictObject({ ...pageFields, search: searchInput.optional() }),
  reply: listOf(sharedShape),
  async handle(context, caller, { query }) {
    const { search } = query;
    return toPageReply(await listSharedSchedules(context, caller, { search }, toPageRequest(query)), toSharedShape);
  },
});

/** The end-points, given what knows the calendar. */
export function createSharedScheduleEndpoints(calendar: FireCalendar): readonly ApiEndpoint[] {
  const admit = createScheduleGate(calendar);
  return [
    listEndpoint,
    shared.create(
      'Adds a shared schedule, which plans then name in place of one of their own.',
      z.strictObject({ name: nameSchema, description: descriptionSchema.default(''), schedule: scheduleSchema }),
      async (context, caller, input) => {
        admit(context, caller, input.schedule);
        return await createSharedSchedule(context, caller, input);
      },
    ),
    shared.get('One shared schedule.', getSharedSchedule),
    shared.update(
      'Changes a shared schedule for all plans that use it: each is due at the new times from then on, as a new version of the plan.',
      z.strictObject({
        name: nameSchema.optional(),
        description: descriptionSchema.optional(),
        schedule: scheduleSchema.optional(),
      }),
      async (context, caller, id, change, expectedVersion) => {
        admit(context, caller, change.schedule);
        return await updateSharedSchedule(context, caller, id, change, expectedVersion);
      },
    ),
    shared.delete('Deletes a shared schedule; refused while plans use it.', deleteSharedSchedule),
  ];
}
