/** The end-point of the audit trail: who did what to what, from where. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import { listAudit } from '../../core/audit.ts';
import { describeVerdict, verifyAudit } from '../../core/audit-chain.ts';
import type { AuditEntry } from '../../store/trail.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { instantSchema, listOf, nameShape, pageFields, toPageReply, toPageRequest } from './shapes/shapes.ts';

const ACTOR_KINDS = ['user', 'api_key', 'host', 'system', 'cli'] as const;

const auditShape = nameShape(
  'AuditRow',
  z.strictObject({
    id: idSchema('audit'),
    no: z.int().meta({ description: 'Place in the chain, from 1 without a gap' }),
    hash: z.string().meta({ description: 'SHA-256 of the entry and of the hash before it' }),
    at: instantSchema,
    actor: z.strictObject({ kind: z.enum(ACTOR_KINDS), id: z.string(), name: z.string() }),
    action: z.string(),
    target: z.strictObject({ kind: z.string(), id: z.string(), name: z.string() }),
    address: z.string().optional(),
    requestId: z.string().optional(),
    change: z.record(z.string(), z.unknown()).readonly().optional().meta({ description: 'Public fields before and after' }),
  }),
);

function toAuditShape(row: AuditEntry): z.infer<typeof auditShape> {
  const { id, no, hash, at, actor, action, target, address, requestId, change } = row;
  return { id, no, hash, at, actor, action, target, address, requestId, change };
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
    target: nameInput.optional().meta({ description: 'Id of what was acted on, or the whole name it had then' }),
    actor: nameInput.optional().meta({ description: 'Id of who acted' }),
    since: z.coerce.number().pipe(instantSchema).optional().meta({ description: 'From then on; epoch milliseconds' }),
    until: z.coerce.number().pipe(instantSchema).optional().meta({ description: 'Before then; epoch milliseconds' }),
  }),
  reply: listOf(auditShape),
  async handle(context, caller, { query }) {
    const { action, target, actor, since, until } = query;
    const page = await listAudit(context, caller, { action, target, actor, since, until }, toPageRequest(query));
    return toPageReply(page, toAuditShape);
  },
});

const verifyEndpoint = defineEndpoint({
  method: 'post',
  path: '/audit/verify',
  scope: 'admin',
  summary: 'Follows the chain of the audit from the first entry to the newest.',
  tag: 'audit',
  reply: nameShape(
    'AuditVerdict',
    z.strictObject({
      whole: z.boolean(),
      text: z.string().meta({ description: 'whole, 12 entries; or what is broken where' }),
      at: instantSchema,
      entries: z.int().meta({ description: 'Entries that fit, from the first on' }),
      hash: z.string().meta({ description: 'Of the last of them: noted elsewhere, it shows a chain that was written anew' }),
      fault: z
        .strictObject({ no: z.int(), why: z.enum(['changed', 'missing', 'cut', 'outside']) })
        .optional()
        .meta({ description: 'The first entry that does not fit' }),
    }),
  ),
  async handle(context, caller) {
    const verdict = await verifyAudit(context, caller);
    return { data: { whole: verdict.fault === undefined, text: describeVerdict(verdict), ...verdict } };
  },
});

export const AUDIT_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint, verifyEndpoint];
