/** End-points about who may ask: the caller itself, people, and the keys of programs. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import * as z from 'zod';
import { listUsers } from '../../core/accounts.ts';
import { createFieldsError } from '../../core/adapter-input.ts';
import { createApiKey, listApiKeys, revokeApiKey } from '../../core/api-keys.ts';
import { demand, isAllowed, PERMISSIONS } from '../../core/caller.ts';
import type { ApiKey, User } from '../../store/people.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { idParams, instantSchema, keyByAge, keyByName, listOf, nameShape, pageFields, toHeldPage } from './shapes.ts';

const ROLE_NAMES = ['admin', 'operator', 'viewer'] as const;

const callerShape = nameShape(
  'Caller',
  z.strictObject({
    actor: z.strictObject({ kind: z.enum(['user', 'api_key', 'host', 'system', 'cli']), id: z.string(), name: z.string() }),
    role: z.enum(ROLE_NAMES),
    permissions: listOf(z.enum(PERMISSIONS)),
  }),
);

const userShape = nameShape(
  'User',
  z.strictObject({
    id: idSchema('user'),
    name: z.string(),
    role: z.enum(ROLE_NAMES),
    disabled: z.boolean(),
    zone: z.string().optional(),
    createdAt: instantSchema,
  }),
);

function toUserShape({ id, name, role, disabled, zone, createdAt }: User): z.infer<typeof userShape> {
  return { id, name, role, disabled, zone, createdAt };
}

const apiKeyShape = nameShape(
  'ApiKey',
  z.strictObject({
    id: idSchema('apiKey'),
    name: z.string(),
    role: z.enum(ROLE_NAMES),
    createdAt: instantSchema,
    expiresAt: instantSchema.optional(),
    lastUsedAt: instantSchema.optional(),
    revokedAt: instantSchema.optional(),
  }),
);

function toApiKeyShape(key: ApiKey): z.infer<typeof apiKeyShape> {
  const { id, name, role, createdAt, expiresAt, lastUsedAt, revokedAt } = key;
  return { id, name, role, createdAt, expiresAt, lastUsedAt, revokedAt };
}

const meEndpoint = defineEndpoint({
  method: 'get',
  path: '/me',
  summary: 'Who asks, in which role, and what that role may do.',
  tag: 'people',
  reply: callerShape,
  async handle(_context, caller) {
    demand(caller, 'view');
    const { kind, id, name } = caller.actor;
    const permissions = PERMISSIONS.filter((permission) => isAllowed(caller, permission));
    return { data: { actor: { kind, id, name }, role: caller.role, permissions } };
  },
});

const usersEndpoint = defineEndpoint({
  method: 'get',
  path: '/users',
  summary: 'Lists the people who may sign in.',
  tag: 'people',
  query: z.strictObject({ ...pageFields }),
  reply: listOf(userShape),
  handle: async (context, caller, { query }) => toHeldPage(await listUsers(context, caller), query, keyByName, toUserShape),
});

const listKeysEndpoint = defineEndpoint({
  method: 'get',
  path: '/api-keys',
  summary: 'Lists API keys, without the keys themselves.',
  tag: 'people',
  query: z.strictObject({ ...pageFields }),
  reply: listOf(apiKeyShape),
  handle: async (context, caller, { query }) => toHeldPage(await listApiKeys(context, caller), query, keyByAge, toApiKeyShape),
});

const createKeyEndpoint = defineEndpoint({
  method: 'post',
  path: '/api-keys',
  summary: 'Makes an API key; it is shown once.',
  tag: 'people',
  body: z.strictObject({
    name: nameSchema,
    role: z.enum(ROLE_NAMES),
    expiresAt: instantSchema.optional().meta({ description: 'Until it is revoked when left out; epoch milliseconds' }),
  }),
  reply: nameShape(
    'NewApiKey',
    apiKeyShape.extend({ token: z.string().meta({ description: 'The key itself, shown this once' }) }),
  ),
  status: 201,
  async handle(context, caller, { body }) {
    demand(caller, 'people.manage');
    if (body.expiresAt !== undefined && body.expiresAt <= context.clock.now())
      throw createFieldsError({ expiresAt: 'expiresAt: must lie in the future' });
    const { token, key } = await createApiKey(context, caller, body);
    return { data: { ...toApiKeyShape(key), token } };
  },
});

const revokeKeyEndpoint = defineEndpoint({
  method: 'post',
  path: '/api-keys/:id/revoke',
  summary: 'Ends an API key at once.',
  tag: 'people',
  params: idParams('apiKey'),
  reply: z.strictObject({ id: idSchema('apiKey'), revoked: z.literal(true) }),
  async handle(context, caller, { params }) {
    await revokeApiKey(context, caller, params.id);
    return { data: { id: params.id, revoked: true as const } };
  },
});

export const PEOPLE_ENDPOINTS: readonly ApiEndpoint[] = [
  meEndpoint,
  usersEndpoint,
  listKeysEndpoint,
  createKeyEndpoint,
  revokeKeyEndpoint,
];
