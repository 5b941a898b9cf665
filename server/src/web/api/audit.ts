/** The end-point of the audit trail: who did what to what, from where. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import { listAudit } from '../../core/audit.ts';
import type { AuditRow } from '../../store/trail.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { instantSchema, listOf, nameShape, pageFields, toPageReply, toPageRequest } from './shapes/shapes.ts';

const ACTOR_KINDS = ['user', 'api_key', 'host', 'system', 'cli'] as const;

const auditShape = nameShape(
  'AuditRow',
  z.strictObject({
    id: idSchema('audit'),
    at: instantSchema,
    actor: z.strictObject({ kind: z.enum(ACTOR_KINDS), id: z.string(), name: z.string() }),
    action: z.string(),
    target: z.strictObject({ kind: z.string(), id: z.string(), name: z.string() }),
    address: z.string().optional(),
    requestId: z.string().optional(),
    change: z.record(z.string(), z.unknown()).readonly().optional().meta({ description: 'Public fields before and after' }),
  }),
);

function toAuditShape(row: AuditRow): z.infer<typeof auditShape> {
  const { id, at, actor, action, target, address, requestId, change } = row;
  return { id, at, actor, action, target, address, requestId, change };
}

const nameInput = z.string().min(1).max(120);

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/audit',
  scope: 'admin',
  summary: 'Lists who did what to what, newest first.',
  tag: 'audit',
  query: z.strictObject({
    ...pageFields,
    action: nameInput.optional().meta({ description: 'Such as plan.updated' }),
    target: nameInput.optional().meta({ description: 'Id of what was acted on' }),
    actor: nameInput.optional().meta({ description: 'Id of who acted' }),
  }),
  reply: listOf(auditShape),
  async handle(context, caller, { query }) {
    const { action, target, actor } = query;
    const page = await listAudit(context, caller, { action, target, actor }, toPageRequest(query));
    return toPageReply(page, toAuditShape);
  },
});

export const AUDIT_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint];
