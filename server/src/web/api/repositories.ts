/** End-points about repositories: kept, tested and created from a host. */
import { findRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { configSchema, nameSchema } from '@holdfast/shared/domain/plan.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import { z } from 'zod';
import {
  createRepository,
  deleteRepository,
  getRepository,
  initRepository,
  listRepositories,
  testRepository,
  updateRepository,
} from '../../core/repositories.ts';
import type { Repository } from '../../store/catalog.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import {
  adapterKindInput,
  configShape,
  deletedShape,
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  secretsInput,
  secretsShape,
  toPageReply,
  toPageRequest,
  toSecretsView,
  versionSchema,
} from './shapes.ts';

const repositoryShape = nameShape(
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
    version: versionSchema,
    createdAt: instantSchema,
    updatedAt: instantSchema,
  }),
);

export function toRepositoryShape(repository: Repository): z.infer<typeof repositoryShape> {
  const { id, name, kind, config, secrets, engineId, testedFrom, version, createdAt, updatedAt } = repository;
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
  summary: 'Lists repositories by name.',
  tag: 'repositories',
  query: z.strictObject({ ...pageFields, search: searchInput.optional(), kind: adapterKindInput.optional() }),
  reply: listOf(repositoryShape),
  async handle(context, caller, { query }) {
    const { search, kind } = query;
    return toPageReply(await listRepositories(context, caller, { search, kind }, toPageRequest(query)), toRepositoryShape);
  },
});

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/repositories/:id',
  summary: 'One repository.',
  tag: 'repositories',
  params: idParams('repository'),
  reply: repositoryShape,
  async handle(context, caller, { params }) {
    const repository = await getRepository(context, caller, params.id);
    return { data: toRepositoryShape(repository), version: repository.version };
  },
});

const createEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories',
  summary: 'Adds a repository; nothing is created in its storage until `init` is asked for.',
  tag: 'repositories',
  body: z.strictObject({
    name: nameSchema,
    kind: adapterKindInput,
    config: configSchema,
    secrets: secretsInput.default({}),
  }),
  reply: repositoryShape,
  status: 201,
  async handle(context, caller, { body }) {
    const repository = await createRepository(context, caller, body);
    return { data: toRepositoryShape(repository), version: repository.version };
  },
});

const patchEndpoint = defineEndpoint({
  method: 'patch',
  path: '/repositories/:id',
  summary: 'Changes a repository; its kind stays. A given config replaces the old one as a whole.',
  tag: 'repositories',
  params: idParams('repository'),
  body: z.strictObject({
    name: nameSchema.optional(),
    config: configSchema.optional(),
    secrets: secretsInput.optional(),
  }),
  reply: repositoryShape,
  async handle(context, caller, { params, body, facts }) {
    const repository = await updateRepository(context, caller, params.id, body, facts.ifMatch);
    return { data: toRepositoryShape(repository), version: repository.version };
  },
});

const deleteEndpoint = defineEndpoint({
  method: 'delete',
  path: '/repositories/:id',
  summary: 'Forgets a repository here; what lies in it is not touched. Refused while a plan or a listed snapshot needs it.',
  tag: 'repositories',
  params: idParams('repository'),
  reply: deletedShape('repository'),
  async handle(context, caller, { params }) {
    await deleteRepository(context, caller, params.id);
    return { data: { id: params.id, deleted: true as const } };
  },
});

const testEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/test',
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
  summary: 'Opens a repository that is not saved, from a host, read-only.',
  tag: 'repositories',
  body: fromHostInput.extend({
    kind: adapterKindInput,
    config: configSchema,
    secrets: secretsInput.default({}),
    base: idSchema('repository').optional().meta({ description: 'A saved repository whose secrets stand in for those left out' }),
  }),
  reply: testResultShape,
  handle: async (context, caller, { body }) => ({ data: await testRepository(context, caller, body) }),
});

const initEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/init',
  summary: 'Creates the repository in its storage, from a host; refused where there is one already.',
  tag: 'repositories',
  params: idParams('repository'),
  body: fromHostInput,
  reply: initialisedShape,
  status: 201,
  async handle(context, caller, { params, body }) {
    const { engineId } = await initRepository(context, caller, { repository: params.id, host: body.host });
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
