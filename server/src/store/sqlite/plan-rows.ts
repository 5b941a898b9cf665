/** The row of a plan. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { planOptionsSchema } from '@holdfast/shared/domain/plan.ts';
import { cronSchema } from '@holdfast/shared/domain/schedule.ts';
import * as z from 'zod';
import { flag, json, optional } from './columns.ts';

export const PLAN_COLUMNS = `p.id, p.tenant_id AS tenant, p.name, p.name_key AS nameKey, p.repository_id AS repository, p.schedule,
  p.shared_schedule_id AS sharedSchedule, p.enabled, p.options, p.retention_policy_id AS retentionPolicy, p.copy_repository_id AS copyRepository, p.copy_policy_id AS copyPolicy,
  p.effective_from AS effectiveFrom, p.version, p.created_at AS createdAt, p.updated_at AS updatedAt`;
/** The zone was known when the plan was saved; a runtime with another zone database must still be able to list the plan. */
export const storedSchedule = z.object({ cron: cronSchema, zone: z.string() });
export const planRow = z.object({
  id: idSchema('plan'),
  tenant: idSchema('tenant'),
  name: z.string(),
  nameKey: z.string(),
  repository: idSchema('repository'),
  schedule: optional(json(storedSchedule)),
  sharedSchedule: optional(idSchema('schedule')),
  enabled: flag,
  options: json(planOptionsSchema),
  retentionPolicy: optional(idSchema('policy')),
  copyRepository: optional(idSchema('repository')),
  copyPolicy: optional(idSchema('policy')),
  effectiveFrom: z.int(),
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
});
export type PlanRow = z.infer<typeof planRow>;
