/** The end-point for one look at everything. */
import * as z from 'zod';
import { summarizeFleet } from '../../core/fleet/summary.ts';
import { PROTECTION_STATUSES } from '../../core/protection/protection.ts';
import { defineEndpoint } from '../http/route.ts';
import { alertCountsShape } from './alerts.ts';
import { nameShape } from './shapes/shapes.ts';

const countSchema = z.int().min(0);

const summaryShape = nameShape(
  'FleetSummary',
  z.strictObject({
    sources: z.strictObject({
      total: countSchema,
      byStatus: z
        .record(z.enum(PROTECTION_STATUSES), countSchema)
        .meta({ description: 'By what each is judged as now; `GET /sources?status=…` lists them' }),
      withoutPlan: countSchema.meta({ description: 'Switched on, and in no plan that is' }),
    }),
    hosts: z.strictObject({
      total: countSchema,
      active: countSchema,
      online: countSchema.meta({ description: 'Connected, and heard of lately' }),
      degraded: countSchema.meta({ description: 'Of these, with something broken that endangers their backups' }),
      pending: countSchema.meta({ description: 'Wait for approval' }),
    }),
    plans: z.strictObject({ total: countSchema, enabled: countSchema }),
    repositories: countSchema,
    snapshots: countSchema,
    runs: z.strictObject({ active: countSchema, queued: countSchema }),
    alerts: alertCountsShape,
  }),
);

export const FLEET_SUMMARY_ENDPOINT = defineEndpoint({
  method: 'get',
  path: '/fleet/summary',
  scope: 'read',
  summary: 'The fleet in numbers: sources by whether they are protected, hosts, plans, runs and alerts.',
  tag: 'fleet',
  reply: summaryShape,
  handle: async (context, caller) => ({ data: await summarizeFleet(context, caller) }),
});
