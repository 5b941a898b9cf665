/** End-points about repositories: kept, tested and created from a host. */
import { findRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { REPOSITORY_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { nameSchema, runsAtOnceSchema } from '@holdfast/shared/domain/plan.ts';
import { REPOSITORY_STANDINGS } from '@holdfast/shared/domain/repository-standing.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import { createTestedRepository, updateTestedRepository } from '../../core/adapters/tested-saves.ts';
import {
  deleteRepository,
  getRepository,
  initRepository,
  listRepositories,
  testRepository,
} from '../../core/repositories/repositories.ts';
import type { Repository } from '../../store/repositories.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { describeCatalogKind } from './catalog-endpoints.ts';
import {
  adapterInput,
  adapterKindInput,
  configShape,
  idParams,
  instantSchema,
  keptInput,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  secretsShape,
  sortFields,
  toPageReply,
  toSecretsView,
  toSortedRequest,
  versionSchema,
} from './shapes/shapes.ts';

const RUNS_AT_ONCE = 'Runs of one host that may use it at the same time; left out: as many as the host runs';

const passwordProofShape = z.strictObject({ at: instantSchema, by: z.string(), host: idSchema('host') }).meta({
  description:
    'When somebody last opened it with the password from a copy outside Holdfast, who, and from which host; left out: never, or not with its present password',
});

const sealedCopyShape = z
  .strictObject({ madeAt: instantSchema, keyProof: z.strictObject({ at: instantSchema, by: z.string() }).optional() })
  .meta({
    description:
      'What opens it, as it is now, is sealed to the recovery key since then; `keyProof`: when somebody last showed that they have that key. Left out: it is not sealed',
  });

export const repositoryShape = nameShape(
  'Repository',
  z.strictObject({
    id: idSchema('repository'),
    name: z.string(),
    kind: z.string(),
    description: z.string().meta({ description: 'Where it is, in one line' }),
    config: configShape,
    secrets: secretsShape,
    engineId: z.string().optional().meta({ description: 'The engine’s own id, pinned when a host first opened or made it' }),
    testedFrom: idSchema('host').optional(),
    runsAtOnce: z.int().optional().meta({ description: RUNS_AT_ONCE }),
    passwordProof: passwordProofShape.optional(),
    sealedCopy: sealedCopyShape.optional(),
    admin: z
      .strictObject({ config: configShape, secrets: secretsShape })
      .optional()
      .meta({ description: 'What differs in the credential that may remove; hosts get it with an order alone' }),
    version: versionSchema,
    createdAt: instantSchema,
    updatedAt: instantSchema,
  }),
);

export function toRepositoryShape(repository: Repository): z.infer<typeof repositoryShape> {
  const {
    id,
    name,
    kind,
    config,
    secrets,
    engineId,
    testedFrom,
    runsAtOnce,
    passwordProof,
    sealedCopy,
    admin,
    version,
    createdAt,
    updatedAt,
  } = repository;
  const description = findRepositoryAdapter(kind)?.describe(config) ?? '';
  return {
    id,
    name,
    kind,
    description,
    config,
    secrets: toSecretsView(secrets),
    engineId,
    testedFrom,
    runsAtOnce,
    passwordProof,
    sealedCopy,
    ...(admin ? { admin: { config: admin.config, secrets: toSecretsView(admin.secrets) } } : {}),
    version,
    createdAt,
    updatedAt,
  };
}

const testResultShape = nameShape('RepositoryTestResult', REQUESTS['repository.test'].result);
const initialisedShape = nameShape('InitialisedRepository', z.strictObject({ id: idSchema('repository'), engineId: z.string() }));

/** The host from which the repository is reached. */
const fromHostInput = z.strictObject({ host: idSchema('host').meta({ description: 'The host that asks' }) });

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/repositories',
  scope: 'read',
  summary: 'Lists repositories, by name unless another order is asked for.',
  tag: 'repositories',
  query: z.strictObject({
    ...pageFields,
    search: searchInput.optional(),
    kind: adapterKindInput.optional(),
    standing: z.enum(REPOSITORY_STANDINGS).optional().meta({
      description:
        '`critical` and `warning`: an alert about it; `unopened`: by no host; `quiet`: nothing has shown for long that it works',
    }),
    ...sortFields(REPOSITORY_ORDERS, 'they go by name'),
  }),
  reply: listOf(repositoryShape),
  async handle(context, caller, { query }) {
    const { search, kind, standing } = query;
    const found = await listRepositories(context, caller, { search, kind, standing }, toSortedRequest(query));
    return toPageReply(found, toRepositoryShape);
  },
});

const repositories = describeCatalogKind('repository', 'repositories', 'configure', repositoryShape, toRepositoryShape);

/** The host that is asked before anything is saved. */
const testedFromInput = idSchema('host').optional().meta({
  description:
    'This host opens it first, and nothing is saved when it cannot (`S3_ERROR`, or `TOOL_FAILED` for any other kind, with the tool’s own words); a new one need not be there yet',
});

const getEndpoint = repositories.get('One repository.', getRepository);
const createEndpoint = repositories.create(
  'Adds a repository; nothing is created in its storage until `init` is asked for.',
  z.strictObject({
    name: nameSchema,
    ...adapterInput,
    runsAtOnce: runsAtOnceSchema.optional().meta({ description: RUNS_AT_ONCE }),
    testedFrom: testedFromInput,
  }),
  createTestedRepository,
);
const patchEndpoint = repositories.update(
  'Changes a repository; its kind stays. A given config replaces the old one as a whole.',
  z.strictObject({
    ...keptInput,
    runsAtOnce: runsAtOnceSchema
      .nullable()
      .optional()
      .meta({ description: `${RUNS_AT_ONCE}; null takes the limit away` }),
    testedFrom: testedFromInput,
  }),
  updateTestedRepository,
);
const deleteEndpoint = repositories.delete(
  'Removes a repository from this server; what lies in it is not touched. Refused while a plan or a listed snapshot needs it.',
  deleteRepository,
);

const testEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/test',
  scope: 'configure',
  summary: 'Opens a saved repository from a host, read-only; the first answer pins its engine id.',
  tag: 'repositories',
  params: idParams('repository'),
  body: fromHostInput,
  reply: testResultShape,
  handle: async (context, caller, { params, body }) => ({
    data: await testRepository(context, caller, { repository: params.id, host: body.host }),
  }),
});

const testDraftEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/test',
  scope: 'configure',
  summary: 'Opens a repository that is not saved, from a host, read-only.',
  tag: 'repositories',
  body: fromHostInput.extend({
    ...adapterInput,
    base: idSchema('repository').optional().meta({ description: 'A saved repository whose secrets stand in for those left out' }),
  }),
  reply: testResultShape,
  handle: async (context, caller, { body }) => ({ data: await testRepository(context, caller, body) }),
});

const initEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/init',
  scope: 'configure',
  summary: 'Creates the repository in its storage, from a host; refused where there is one already.',
  tag: 'repositories',
  params: idParams('repository'),
  body: fromHostInput.extend({
    like: idSchema('repository').optional().meta({
      description: 'It cuts files as this one does, so that what is copied between them is shared; the host must reach both',
    }),
  }),
  reply: initialisedShape,
  status: 201,
  async handle(context, caller, { params, body }) {
    const { engineId } = await initRepository(context, caller, { repository: params.id, ...body });
    return { data: { id: params.id, engineId } };
  },
});

export const REPOSITORY_ENDPOINTS: readonly ApiEndpoint[] = [
  listEndpoint,
  testDraftEndpoint,
  createEndpoint,
  getEndpoint,
  patchEndpoint,
  deleteEndpoint,
  testEndpoint,
  initEndpoint,
];
