/** End-points about hosts that wait at the door, and the tokens that let hosts in by themselves. */
import { type AnnouncementId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { ENROLMENT, TEXT } from '@holdfast/shared/limits.ts';
import { hostFactsSchema } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import type { Caller } from '../../core/caller.ts';
import { approveHost, createEnrolmentToken, deleteEnrolmentToken, listEnrolmentTokens } from '../../core/hosts/enrolment.ts';
import { toHostView } from '../../core/hosts/hosts.ts';
import {
  listPendingHosts,
  listRejectedHosts,
  type PendingHost,
  rejectHost,
  takeBackRejection,
} from '../../core/hosts/pending-hosts.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { Announcement, EnrolmentToken } from '../../store/hosts.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { hostShape, secretsModeShape, toHostShape } from './shapes/host-shape.ts';
import {
  deletedShape,
  idParams,
  instantSchema,
  keyByAge,
  listOf,
  nameShape,
  pageFields,
  tagsInput,
  tagsShape,
  toHeldPage,
} from './shapes/shapes.ts';

/** A token for automation may live longer than one typed by hand, but not for ever. */
const TOKEN_LIFE_MAX_MS = 90 * 24 * 60 * 60 * 1000;

const nameTakerShape = nameShape(
  'NameTaker',
  z
    .discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('host'),
        id: idSchema('host'),
        name: z.string(),
        by: z.enum(['name', 'hostname']).meta({ description: 'It has this name here, or only calls itself so as well' }),
      }),
      z.strictObject({ kind: z.literal('announcement') }),
    ])
    .meta({ description: 'A host that has the name already, or another announcement that waits beside this one' }),
);

const pendingShape = nameShape(
  'PendingHost',
  z.strictObject({
    id: idSchema('announcement'),
    hostname: z.string(),
    fingerprint: z.string().meta({ description: 'Compare it with what the agent printed before you approve' }),
    facts: hostFactsSchema,
    address: z.string(),
    createdAt: instantSchema,
    expiresAt: instantSchema,
    nameTaken: z.boolean().meta({ description: 'Another host or announcement has this name: compare with care' }),
    nameTakenBy: nameTakerShape.optional(),
  }),
);

function toPendingShape(pending: PendingHost): z.infer<typeof pendingShape> {
  const { id, hostname, fingerprint, facts, address, createdAt, expiresAt, nameTakenBy: taker } = pending;
  const nameTakenBy = taker?.kind === 'host' ? { kind: taker.kind, ...taker.host, by: taker.by } : taker;
  return { id, hostname, fingerprint, facts, address, createdAt, expiresAt, nameTaken: taker !== undefined, nameTakenBy };
}

const enrolmentTokenShape = nameShape(
  'EnrolmentToken',
  z.strictObject({
    id: idSchema('enrolmentToken'),
    note: z.string(),
    tags: tagsShape,
    hostname: z.string().optional().meta({ description: 'Only a host that calls itself so may use it' }),
    paths: z.array(z.string()).meta({ description: 'Of the first source that each host gets' }),
    plan: idSchema('plan').optional().meta({ description: 'Takes that source' }),
    usesLeft: z.int().min(0),
    createdAt: instantSchema,
    expiresAt: instantSchema,
  }),
);

function toEnrolmentTokenShape(row: EnrolmentToken): z.infer<typeof enrolmentTokenShape> {
  const { id, note, tags, hostname, paths, plan, usesLeft, createdAt, expiresAt } = row;
  return { id, note, tags, hostname, paths: [...paths], plan, usesLeft, createdAt, expiresAt };
}

const newEnrolmentTokenShape = nameShape(
  'NewEnrolmentToken',
  enrolmentTokenShape.extend({ token: z.string().meta({ description: 'The token itself, shown this once' }) }),
);

const rejectedShape = nameShape(
  'RejectedHost',
  z.strictObject({
    id: idSchema('announcement'),
    hostname: z.string(),
    fingerprint: z.string(),
    address: z.string(),
    state: z.literal('rejected'),
    message: z.string().meta({ description: 'What its agent was told' }),
    createdAt: instantSchema,
    expiresAt: instantSchema.meta({ description: 'Until then these keys are answered so, unless it is taken back' }),
  }),
);

function toRejectedShape({ id, hostname, fingerprint, address, rejection, createdAt, expiresAt }: Announcement) {
  const message = rejection ?? '';
  return { id, hostname, fingerprint, address, state: 'rejected' as const, message, createdAt, expiresAt };
}

const listPendingEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts/pending',
  scope: 'read',
  summary: 'Lists hosts that announced themselves and wait for approval.',
  tag: 'enrolment',
  query: z.strictObject({ ...pageFields }),
  reply: listOf(pendingShape),
  handle: async (context, caller, { query }) =>
    toHeldPage(await listPendingHosts(context, caller), query, keyByAge, toPendingShape),
});

const approval = {
  method: 'post',
  scope: 'admin',
  summary: 'Lets an announced host in, after its fingerprint was compared.',
  tag: 'enrolment',
  params: idParams('announcement'),
  body: z.strictObject({ name: nameSchema, tags: tagsInput.default([]), secretsMode: secretsModeShape.default('kept') }),
  reply: hostShape,
  status: 201,
} as const;
const approve = async (context: CoreContext, caller: Caller, id: AnnouncementId, body: z.infer<typeof approval.body>) => ({
  data: toHostShape(toHostView(context, await approveHost(context, caller, id, body))),
});

const approveEndpoint = defineEndpoint({
  ...approval,
  path: '/hosts/pending/:id/approve',
  handle: (context, caller, { params, body }) => approve(context, caller, params.id, body),
});

/** Scripts that know hosts alone reach those that wait by the same words. */
const approveAmongHostsEndpoint = defineEndpoint({
  ...approval,
  path: '/hosts/:id/approve',
  summary: 'Lets an announced host in, by the id of its announcement; the same as under `/hosts/pending`.',
  handle: (context, caller, { params, body }) => approve(context, caller, params.id, body),
});

const rejection = {
  method: 'post',
  scope: 'admin',
  summary: 'Turns an announced host away; it is told the message, and so are its keys until the announcement expires.',
  tag: 'enrolment',
  params: idParams('announcement'),
  body: z.strictObject({ message: z.string().trim().min(1).max(500).default('rejected by the operator') }),
  reply: rejectedShape,
} as const;
const reject = async (context: CoreContext, caller: Caller, id: AnnouncementId, message: string) => ({
  data: toRejectedShape(await rejectHost(context, caller, id, message)),
});

const rejectEndpoint = defineEndpoint({
  ...rejection,
  path: '/hosts/pending/:id/reject',
  handle: (context, caller, { params, body }) => reject(context, caller, params.id, body.message),
});

const rejectAmongHostsEndpoint = defineEndpoint({
  ...rejection,
  path: '/hosts/:id/reject',
  summary: 'Turns an announced host away, by the id of its announcement; the same as under `/hosts/pending`.',
  handle: (context, caller, { params, body }) => reject(context, caller, params.id, body.message),
});

const listRejectedEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts/rejected',
  scope: 'read',
  summary: 'Lists hosts that were turned away, as long as that stands.',
  tag: 'enrolment',
  query: z.strictObject({ ...pageFields }),
  reply: listOf(rejectedShape),
  handle: async (context, caller, { query }) =>
    toHeldPage(await listRejectedHosts(context, caller), query, keyByAge, toRejectedShape),
});

const takeBackEndpoint = defineEndpoint({
  method: 'post',
  path: '/hosts/rejected/:id/take-back',
  scope: 'admin',
  summary: 'Takes a rejection back: the host waits for approval again. Its agent has ended and must be started again.',
  tag: 'enrolment',
  params: idParams('announcement'),
  reply: z.strictObject({
    id: idSchema('announcement'),
    hostname: z.string(),
    state: z.literal('pending'),
    expiresAt: instantSchema,
  }),
  async handle(context, caller, { params }) {
    const { id, hostname, expiresAt } = await takeBackRejection(context, caller, params.id);
    return { data: { id, hostname, state: 'pending' as const, expiresAt } };
  },
});

const listTokensEndpoint = defineEndpoint({
  method: 'get',
  path: '/enrolment-tokens',
  scope: 'admin',
  summary: 'Lists enrolment tokens that still work, without the tokens themselves.',
  tag: 'enrolment',
  query: z.strictObject({ ...pageFields }),
  reply: listOf(enrolmentTokenShape),
  handle: async (context, caller, { query }) =>
    toHeldPage(await listEnrolmentTokens(context, caller), query, keyByAge, toEnrolmentTokenShape),
});

const createTokenEndpoint = defineEndpoint({
  method: 'post',
  path: '/enrolment-tokens',
  scope: 'admin',
  summary: 'Makes a token with which hosts are approved by themselves; it is shown once.',
  tag: 'enrolment',
  body: z.strictObject({
    note: z.string().trim().max(TEXT.nameChars).default(''),
    tags: tagsInput.default([]),
    hostname: z.string().trim().min(1).max(ENROLMENT.hostnameChars).optional(),
    paths: z.array(z.string().max(TEXT.pathChars)).max(ENROLMENT.firstPaths).default([]),
    plan: idSchema('plan').optional(),
    uses: z.int().min(1).max(ENROLMENT.tokenMaxUses).default(1),
    lifeMs: z.int().min(1000).max(TOKEN_LIFE_MAX_MS).default(ENROLMENT.tokenLifeMs),
  }),
  reply: newEnrolmentTokenShape,
  status: 201,
  async handle(context, caller, { body }) {
    const { token, row } = await createEnrolmentToken(context, caller, body);
    return { data: { ...toEnrolmentTokenShape(row), token } };
  },
});

const deleteTokenEndpoint = defineEndpoint({
  method: 'delete',
  path: '/enrolment-tokens/:id',
  scope: 'admin',
  summary: 'Deletes an enrolment token; hosts it let in stay.',
  tag: 'enrolment',
  params: idParams('enrolmentToken'),
  reply: deletedShape('enrolmentToken'),
  async handle(context, caller, { params }) {
    await deleteEnrolmentToken(context, caller, params.id);
    return { data: { id: params.id, deleted: true as const } };
  },
});

export const ENROLMENT_ENDPOINTS: readonly ApiEndpoint[] = [
  listPendingEndpoint,
  approveEndpoint,
  rejectEndpoint,
  approveAmongHostsEndpoint,
  rejectAmongHostsEndpoint,
  listRejectedEndpoint,
  takeBackEndpoint,
  listTokensEndpoint,
  createTokenEndpoint,
  deleteTokenEndpoint,
];
