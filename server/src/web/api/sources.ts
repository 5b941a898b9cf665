/** End-points about sources: kept, tested from their host, discovered on a server connection. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { SOURCE_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { SOURCE_HEALTH_STATES } from '@holdfast/shared/domain/source-health.ts';
import { COUNTS } from '@holdfast/shared/limits.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import { createTestedSource, updateTestedSource } from '../../core/adapters/tested-saves.ts';
import { adoptDiscovered } from '../../core/sources/adoption.ts';
import { findSourceHealth } from '../../core/sources/source-health.ts';
import { deleteSource, discoverSources, getSource, listSources, testSource } from '../../core/sources/sources.ts';
import { findStoredPage, listJudgedSources } from '../../core/sources/sources-by-status.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { describeCatalogKind } from './catalog-endpoints.ts';
import {
  adapterInput,
  adapterKindInput,
  configShape,
  flagInput,
  idParams,
  instantSchema,
  keptInput,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  sortFields,
  toSortedRequest,
} from './shapes/shapes.ts';
import {
  getSourceDetail,
  listSourceDetails,
  sourceDetailShape,
  sourceShape,
  statusSchema,
  toSourceDetail,
  toSourceShape,
} from './shapes/source-shape.ts';

const ADOPT_MAX = 200;

const healthShape = nameShape(
  'SourceHealth',
  z.strictObject({
    state: z
      .enum([...SOURCE_HEALTH_STATES, 'unknown'])
      .meta({ description: '`offline` after three failures in a row; `unknown` where nobody looked lately' }),
    since: instantSchema.optional().meta({ description: 'Since when it is so' }),
    lookedAt: instantSchema.optional(),
    failures: z.int().min(0).optional().meta({ description: 'Looks in a row that failed' }),
    latencyMs: z.int().min(0).optional().meta({ description: 'How long the newest look took' }),
    failure: z.string().optional().meta({ description: 'Why the newest look failed' }),
    looks: z
      .array(z.strictObject({ at: instantSchema, state: z.enum(SOURCE_HEALTH_STATES), latencyMs: z.int().min(0) }))
      .meta({ description: 'Of the last hours, oldest first' }),
  }),
);

const testResultShape = nameShape('SourceTestResult', REQUESTS['source.test'].result);

const discoveredShape = nameShape(
  'DiscoveredSource',
  z.strictObject({
    name: z.string(),
    sizeBytes: z.int().min(0).optional(),
    known: z
      .strictObject({ id: idSchema('source'), name: z.string() })
      .optional()
      .meta({ description: 'The source that protects it already' }),
    config: configShape.meta({ description: 'The config of a new source for it' }),
  }),
);

/** A source that may not be saved yet; `base` lends the secrets that were left empty. */
const draftInput = z.strictObject({
  host: idSchema('host'),
  ...adapterInput,
  base: idSchema('source').optional().meta({ description: 'A saved source whose secrets stand in for those left out' }),
});

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/sources',
  scope: 'read',
  summary: 'Lists sources, by name unless another order is asked for, each with whether it is protected, and why.',
  tag: 'sources',
  query: z.strictObject({
    ...pageFields,
    search: searchInput.optional(),
    host: idSchema('host').optional(),
    kind: adapterKindInput.optional(),
    status: statusSchema.optional().meta({ description: 'Only sources that stand so now' }),
    enabled: flagInput.optional().meta({ description: 'Only those that are switched on, or off' }),
    withoutPlan: flagInput.optional().meta({ description: 'Only sources that are in no enabled plan' }),
    ...sortFields(SOURCE_ORDERS, 'they go by name'),
  }),
  reply: listOf(sourceDetailShape),
  async handle(context, caller, { query }) {
    const { search, host, kind, enabled, withoutPlan, status } = query;
    const filter = { search, host, kind, enabled, withoutPlan };
    const wanted = toSortedRequest(query);
    const stored = status === undefined ? findStoredPage(wanted) : undefined;
    if (stored !== undefined) {
      const page = await listSources(context, caller, filter, stored);
      return { data: await listSourceDetails(context, caller, page.rows), next: page.next };
    }
    const page = await listJudgedSources(context, caller, { ...filter, status }, wanted);
    return { data: page.rows.map((row) => toSourceDetail(row.source, row)), next: page.next };
  },
});

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/sources/:id',
  scope: 'read',
  summary: 'One source: whether it is protected and why, what it is measured by, its newest good backup and newest attempt.',
  tag: 'sources',
  params: idParams('source'),
  reply: sourceDetailShape,
  async handle(context, caller, { params }) {
    const source = await getSource(context, caller, params.id);
    return { data: await getSourceDetail(context, caller, source), version: source.version };
  },
});

const sources = describeCatalogKind('source', 'sources', 'configure', sourceShape, toSourceShape);

/** Its host is asked before anything is saved. */
const testedInput = z.boolean().optional().meta({
  description:
    'True: it is tested from its host first, and nothing is saved unless it works (`DATABASE_ERROR`, or `TOOL_FAILED` for files, with the tool’s own words)',
});

const createEndpoint = sources.create(
  'Adds a source to a host; its config and secrets are checked by the adapter of its kind, and tried out with `tested`.',
  z.strictObject({
    host: idSchema('host'),
    name: nameSchema,
    ...adapterInput,
    enabled: z.boolean().default(true),
    tested: testedInput,
  }),
  createTestedSource,
);
const patchEndpoint = sources.update(
  'Changes a source; its host and its kind stay. A given config replaces the old one as a whole.',
  z.strictObject({ ...keptInput, enabled: z.boolean().optional(), tested: testedInput }),
  updateTestedSource,
);
const deleteEndpoint = sources.delete(
  'Takes a source off; its runs and snapshots stay. Refused while a plan uses it.',
  deleteSource,
);

const testEndpoint = defineEndpoint({
  method: 'post',
  path: '/sources/:id/test',
  scope: 'configure',
  summary: 'Connects to a saved source from its host and returns what the tool said.',
  tag: 'sources',
  params: idParams('source'),
  reply: testResultShape,
  handle: async (context, caller, { params }) => ({ data: await testSource(context, caller, { source: params.id }) }),
});

const testDraftEndpoint = defineEndpoint({
  method: 'post',
  path: '/sources/test',
  scope: 'configure',
  summary: 'Connects to a source that is not saved, from the host it names.',
  tag: 'sources',
  body: draftInput,
  reply: testResultShape,
  handle: async (context, caller, { body }) => ({ data: await testSource(context, caller, body) }),
});

const healthEndpoint = defineEndpoint({
  method: 'get',
  path: '/sources/:id/health',
  scope: 'read',
  summary: 'Whether a source answers its host, which looks at it every few minutes.',
  tag: 'sources',
  params: idParams('source'),
  reply: healthShape,
  async handle(context, caller, { params }) {
    await getSource(context, caller, params.id);
    const health = await findSourceHealth(context, caller, params.id);
    if (health === undefined) return { data: { state: 'unknown' as const, looks: [] } };
    const { source: _source, toldAt: _toldAt, looks, ...shown } = health;
    return { data: { ...shown, looks: [...looks] } };
  },
});

const discoverEndpoint = defineEndpoint({
  method: 'post',
  path: '/sources/:id/discover',
  scope: 'configure',
  summary: 'Lists the databases on the server connection of a saved source, and which are protected already.',
  tag: 'sources',
  params: idParams('source'),
  reply: listOf(discoveredShape),
  handle: async (context, caller, { params }) => ({ data: await discoverSources(context, caller, { source: params.id }) }),
});

const discoverDraftEndpoint = defineEndpoint({
  method: 'post',
  path: '/sources/discover',
  scope: 'configure',
  summary: 'Lists the databases on a server connection that is not saved.',
  tag: 'sources',
  body: draftInput,
  reply: listOf(discoveredShape),
  handle: async (context, caller, { body }) => ({ data: await discoverSources(context, caller, body) }),
});

const adoptEndpoint = defineEndpoint({
  method: 'post',
  path: '/sources/:id/adopt',
  scope: 'configure',
  summary:
    'Makes sources of discovered databases, with the secrets of the source they were found through; with `tested`, only where all of them work.',
  tag: 'sources',
  params: idParams('source'),
  body: z.strictObject({
    databases: z
      .array(z.strictObject({ database: z.string().min(1).max(255), name: nameSchema }))
      .min(1)
      .max(Math.min(ADOPT_MAX, COUNTS.discovered)),
    tested: testedInput,
  }),
  reply: listOf(sourceShape),
  status: 201,
  handle: async (context, caller, { params, body }) => ({
    data: (await adoptDiscovered(context, caller, { source: params.id }, body.databases, body)).map(toSourceShape),
  }),
});

export const SOURCE_ENDPOINTS: readonly ApiEndpoint[] = [
  listEndpoint,
  testDraftEndpoint,
  discoverDraftEndpoint,
  createEndpoint,
  getEndpoint,
  patchEndpoint,
  deleteEndpoint,
  testEndpoint,
  healthEndpoint,
  discoverEndpoint,
  adoptEndpoint,
];
