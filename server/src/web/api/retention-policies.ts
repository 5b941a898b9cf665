/** End-points about retention: policies, and what a plan's would do next. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import { describeFreeze, describeKeep, describeRemove } from '@holdfast/shared/domain/retention-words.ts';
import * as z from 'zod';
import { descriptionSchema } from '../../core/names.ts';
import { createPolicy, deletePolicy, getPolicy, listPolicies, updatePolicy } from '../../core/retention/retention-policies.ts';
import { type PreviewedBackup, previewRetention, type SourcePreview } from '../../core/retention/retention-preview.ts';
import type { Policy } from '../../store/policies.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { describeCatalogKind } from './catalog-endpoints.ts';
import {
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  toPageReply,
  toPageRequest,
  versionSchema,
} from './shapes/shapes.ts';

const policyShape = nameShape(
  'RetentionPolicy',
  z.strictObject({
    id: idSchema('policy'),
    name: z.string(),
    description: z.string(),
    policy: retentionPolicySchema,
    version: versionSchema,
    createdAt: instantSchema.meta({ description: 'Epoch milliseconds, UTC; 0 for the one that comes with the installation' }),
    updatedAt: instantSchema,
  }),
);

function toPolicyShape({ tenant: _tenant, ...shown }: Policy): z.infer<typeof policyShape> {
  return shown;
}

const previewShape = nameShape(
  'RetentionPreview',
  z.strictObject({
    plan: idSchema('plan'),
    repository: idSchema('repository'),
    policy: idSchema('policy')
      .optional()
      .meta({ description: 'Of the plan, or of its copies; left out: there is none, and everything is kept' }),
    at: instantSchema,
    problem: z.string().optional().meta({ description: 'Why there is no preview' }),
    sources: listOf(
      z.strictObject({
        source: idSchema('source'),
        host: idSchema('host'),
        keeps: z.int().min(0),
        removes: z.int().min(0).meta({ description: 'What one step would remove' }),
        frozen: z.string().optional().meta({ description: 'Why nothing is removed for now' }),
        needsPerson: z.boolean().meta({ description: 'More than half would go in one step, which waits for a person' }),
        backups: listOf(
          z.strictObject({
            snapshot: idSchema('snapshot'),
            engineIds: listOf(z.string()).meta({ description: 'All that stays or goes together' }),
            createdAt: instantSchema,
            verdict: z.enum(['keep', 'remove']),
            because: listOf(z.string()),
          }),
        ),
      }),
    ),
  }),
);

function toBackupShape({ decision, snapshot, engineIds }: PreviewedBackup) {
  const because =
    decision.verdict === 'remove' ? [describeRemove(decision.because)] : decision.because.map((reason) => describeKeep(reason));
  return { snapshot: snapshot.id, engineIds, createdAt: snapshot.createdAt, verdict: decision.verdict, because };
}

function toSourceShape({ source, host, kept, removed, frozen, needsPerson, backups }: SourcePreview) {
  return {
    source,
    host,
    keeps: kept,
    removes: removed,
    ...(frozen === undefined ? {} : { frozen: describeFreeze(frozen) }),
    needsPerson,
    backups: backups.map(toBackupShape),
  };
}

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/retention-policies',
  scope: 'read',
  summary: 'Lists retention policies by name.',
  tag: 'retention-policies',
  query: z.strictObject({ ...pageFields, search: searchInput.optional() }),
  reply: listOf(policyShape),
  async handle(context, caller, { query }) {
    const { search } = query;
    return toPageReply(await listPolicies(context, caller, { search }, toPageRequest(query)), toPolicyShape);
  },
});

const policies = describeCatalogKind('policy', 'retention-policies', 'configure', policyShape, toPolicyShape);

const getEndpoint = policies.get('One retention policy.', getPolicy);
const createEndpoint = policies.create(
  'Adds a retention policy: how long snapshots are kept. Numbers that are left out are 0, which is no rule.',
  z.strictObject({ name: nameSchema, description: descriptionSchema.default(''), policy: retentionPolicySchema }),
  createPolicy,
);
const patchEndpoint = policies.update(
  'Changes a policy for all plans that use it. Given rules replace the old ones as a whole.',
  z.strictObject({
    name: nameSchema.optional(),
    description: descriptionSchema.optional(),
    policy: retentionPolicySchema.optional(),
  }),
  updatePolicy,
);
const deleteEndpoint = policies.delete('Deletes a policy; refused while plans use it.', deletePolicy);

const previewEndpoint = defineEndpoint({
  method: 'get',
  path: '/plans/:id/retention',
  scope: 'read',
  summary: 'What stays and what goes when the next clean run of a plan ends, each with its reason.',
  tag: 'plans',
  params: idParams('plan'),
  query: z.strictObject({
    repository: idSchema('repository')
      .optional()
      .meta({ description: 'The second repository of the plan, for its copies; left out: its own' }),
  }),
  reply: previewShape,
  async handle(context, caller, { params, query }) {
    const found = await previewRetention(context, caller, params.id, query.repository);
    const { plan, repository, policy, sources, problem } = found;
    const at = context.clock.now();
    return { data: { plan: plan.id, repository, policy: policy?.id, at, problem, sources: sources.map(toSourceShape) } };
  },
});

export const RETENTION_ENDPOINTS: readonly ApiEndpoint[] = [
  listEndpoint,
  createEndpoint,
  getEndpoint,
  patchEndpoint,
  deleteEndpoint,
  previewEndpoint,
];
