/** End-points about who may ask: the caller itself, people, and the keys of programs. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import * as z from 'zod';
import { createApiKey, listApiKeys, revokeApiKey } from '../../core/accounts/api-keys.ts';
import {
  changePerson,
  createPerson,
  findPersonState,
  getPerson,
  type IssuedLink,
  issuePasswordLink,
  listPeople,
} from '../../core/accounts/people.ts';
import { findPersonVersion } from '../../core/accounts/person-version.ts';
import { SCOPES } from '../../core/accounts/scopes.ts';
import { demand, isAllowed, listScopes, PERMISSIONS } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { ApiKey, Person } from '../../store/people.ts';
import { type ApiEndpoint, type ApiReply, defineEndpoint } from '../http/route.ts';
import { createUrls } from '../urls.ts';
import {
  idParams,
  instantSchema,
  keyByAge,
  keyByName,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  toHeldPage,
} from './shapes/shapes.ts';

const ROLE_NAMES = ['admin', 'operator', 'viewer'] as const;

const callerShape = nameShape(
  'Caller',
  z.strictObject({
    actor: z.strictObject({ kind: z.enum(['user', 'api_key', 'host', 'system', 'cli']), id: z.string(), name: z.string() }),
    role: z.enum(ROLE_NAMES).meta({ description: 'Of a key: the least role that may do all that its scopes allow' }),
    scopes: listOf(z.enum(SCOPES)),
    permissions: listOf(z.enum(PERMISSIONS)),
  }),
);

const userShape = nameShape(
  'User',
  z.strictObject({
    id: idSchema('user'),
    name: z.string(),
    role: z.enum(ROLE_NAMES),
    state: z
      .enum(['active', 'waiting', 'disabled'])
      .meta({ description: 'waiting: no password is chosen yet, so nobody can sign in' }),
    disabled: z.boolean(),
    zone: z.string().optional(),
    createdAt: instantSchema,
    lastLoginAt: instantSchema.optional(),
    linkExpiresAt: instantSchema
      .optional()
      .meta({ description: 'End of the address by which they may choose a password, while there is one' }),
  }),
);

function toUserShape({ user, lastLoginAt, linkExpiresAt }: Person): z.infer<typeof userShape> {
  const { id, name, role, disabled, zone, createdAt } = user;
  return { id, name, role, state: findPersonState(user), disabled, zone, createdAt, lastLoginAt, linkExpiresAt };
}

function toUserReply(person: Person): ApiReply<z.infer<typeof userShape>> {
  return { data: toUserShape(person), version: findPersonVersion(person.user) };
}

const linkShape = nameShape(
  'PasswordLink',
  z.strictObject({
    url: z.string().meta({ description: 'Where the person chooses their password, once; shown this once' }),
    expiresAt: instantSchema,
  }),
);

function toLinkShape({ baseUrl }: Pick<CoreContext, 'baseUrl'>, { token, expiresAt }: IssuedLink): z.infer<typeof linkShape> {
  return { url: `${baseUrl}${createUrls('').choosePassword({ token })}`, expiresAt };
}

const apiKeyShape = nameShape(
  'ApiKey',
  z.strictObject({
    id: idSchema('apiKey'),
    name: z.string(),
    scopes: listOf(z.enum(SCOPES)),
    createdAt: instantSchema,
    expiresAt: instantSchema.optional(),
    lastUsedAt: instantSchema.optional(),
    revokedAt: instantSchema.optional(),
  }),
);

function toApiKeyShape(key: ApiKey): z.infer<typeof apiKeyShape> {
  const { id, name, scopes, createdAt, expiresAt, lastUsedAt, revokedAt } = key;
  return { id, name, scopes, createdAt, expiresAt, lastUsedAt, revokedAt };
}

const meEndpoint = defineEndpoint({
  method: 'get',
  path: '/me',
  scope: 'read',
  summary: 'Who asks, and what they may do.',
  tag: 'people',
  reply: callerShape,
  async handle(_context, caller) {
    demand(caller, 'view');
    const { kind, id, name } = caller.actor;
    const permissions = PERMISSIONS.filter((permission) => isAllowed(caller, permission));
    return { data: { actor: { kind, id, name }, role: caller.role, scopes: listScopes(caller), permissions } };
  },
});

const usersEndpoint = defineEndpoint({
  method: 'get',
  path: '/users',
  scope: 'admin',
  summary: 'Lists the people who may sign in.',
  tag: 'people',
  query: z.strictObject({ ...pageFields, search: searchInput.optional().meta({ description: 'Part of the name' }) }),
  reply: listOf(userShape),
  async handle(context, caller, { query }) {
    const people = await listPeople(context, caller, { search: query.search });
    return toHeldPage(people, query, ({ user }) => keyByName(user), toUserShape);
  },
});

const userEndpoint = defineEndpoint({
  method: 'get',
  path: '/users/:id',
  versioned: true,
  scope: 'admin',
  summary: 'One of the people who may sign in.',
  tag: 'people',
  params: idParams('user'),
  reply: userShape,
  handle: async (context, caller, { params }) => toUserReply(await getPerson(context, caller, params.id)),
});

const createUserEndpoint = defineEndpoint({
  method: 'post',
  path: '/users',
  scope: 'admin',
  summary: 'Makes a person, with the address at which they choose their own password; it is shown once.',
  tag: 'people',
  body: z.strictObject({ name: nameSchema, role: z.enum(ROLE_NAMES) }),
  reply: nameShape('NewUser', userShape.extend({ link: linkShape })),
  status: 201,
  async handle(context, caller, { body }) {
    const { user, link } = await createPerson(context, caller, body);
    const made = toUserShape(await getPerson(context, caller, user.id));
    return { data: { ...made, link: toLinkShape(context, link) } };
  },
});

const changeUserEndpoint = defineEndpoint({
  method: 'patch',
  path: '/users/:id',
  versioned: true,
  guarded: true,
  scope: 'admin',
  summary: 'Changes a role, or disables or enables; the last administrator who can sign in stays one.',
  tag: 'people',
  params: idParams('user'),
  body: z.strictObject({
    role: z.enum(ROLE_NAMES).optional(),
    disabled: z.boolean().optional().meta({ description: 'true ends all their sessions and their link at once' }),
  }),
  reply: userShape,
  async handle(context, caller, { params, body, facts }) {
    await changePerson(context, caller, params.id, body, facts.ifMatch);
    return toUserReply(await getPerson(context, caller, params.id));
  },
});

const linkUserEndpoint = defineEndpoint({
  method: 'post',
  path: '/users/:id/link',
  scope: 'admin',
  summary: 'A new address at which a person chooses a password; it is shown once, and an older one ends.',
  tag: 'people',
  params: idParams('user'),
  reply: linkShape,
  status: 201,
  async handle(context, caller, { params }) {
    const { link } = await issuePasswordLink(context, caller, params.id);
    return { data: toLinkShape(context, link) };
  },
});

const listKeysEndpoint = defineEndpoint({
  method: 'get',
  path: '/api-keys',
  scope: 'admin',
  summary: 'Lists API keys, without the keys themselves.',
  tag: 'people',
  query: z.strictObject({ ...pageFields }),
  reply: listOf(apiKeyShape),
  handle: async (context, caller, { query }) => toHeldPage(await listApiKeys(context, caller), query, keyByAge, toApiKeyShape),
});

const createKeyEndpoint = defineEndpoint({
  method: 'post',
  path: '/api-keys',
  scope: 'admin',
  summary: 'Makes an API key; it is shown once.',
  tag: 'people',
  body: z.strictObject({
    name: nameSchema,
    scopes: z
      .array(z.enum(SCOPES))
      .max(SCOPES.length)
      .optional()
      .meta({ description: 'What it may do; reading is part of each, and all there is when this is left out' }),
    role: z.enum(ROLE_NAMES).optional().meta({ description: 'All that this role may do, instead of `scopes`' }),
    expiresAt: instantSchema.optional().meta({ description: 'Until it is revoked when left out; epoch milliseconds' }),
  }),
  reply: nameShape(
    'NewApiKey',
    apiKeyShape.extend({ token: z.string().meta({ description: 'The key itself, shown this once' }) }),
  ),
  status: 201,
  async handle(context, caller, { body }) {
    const { token, key } = await createApiKey(context, caller, body);
    return { data: { ...toApiKeyShape(key), token } };
  },
});

const revokeKeyEndpoint = defineEndpoint({
  method: 'post',
  path: '/api-keys/:id/revoke',
  scope: 'admin',
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
  createUserEndpoint,
  userEndpoint,
  changeUserEndpoint,
  linkUserEndpoint,
  listKeysEndpoint,
  createKeyEndpoint,
  revokeKeyEndpoint,
];
