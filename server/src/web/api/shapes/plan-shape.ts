/** What the API shows of a plan. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { planOptionsSchema } from '@holdfast/shared/domain/plan.ts';
import * as z from 'zod';
import type { Plan } from '../../../store/plans.ts';
import { instantSchema, listOf, nameShape, versionSchema } from './shapes.ts';

export const planShape = nameShape(
  'Plan',
  z.strictObject({
    id: idSchema('plan'),
    name: z.string(),
    repository: idSchema('repository'),
    sources: listOf(idSchema('source')),
    schedule: z
      .strictObject({ cron: z.string(), zone: z.string() })
      .optional()
      .meta({ description: 'Without one the plan runs only by hand' }),
    sharedSchedule: idSchema('schedule')
      .optional()
      .meta({ description: 'Where the schedule comes from; without one it is the plan’s own' }),
    enabled: z.boolean(),
    options: planOptionsSchema,
    retentionPolicy: idSchema('policy').optional().meta({ description: 'Without one everything is kept' }),
    copyRepository: idSchema('repository').optional().meta({ description: 'Each clean backup is copied there' }),
    copyPolicy: idSchema('policy').optional().meta({ description: 'How long copies are kept; without one for ever' }),
    effectiveFromAt: instantSchema.meta({ description: 'Fires before this instant are not this plan’s; epoch milliseconds' }),
    version: versionSchema,
    createdAt: instantSchema,
    updatedAt: instantSchema,
  }),
);

/** The fields of the shape, by the names of a plan but for one. */
export function toPlanShape({ tenant, effectiveFrom, ...shown }: Plan): z.infer<typeof planShape> {
  return { ...shown, effectiveFromAt: effectiveFrom };
}
