/** End-points of the recovery key, and of what is sealed to it. */
import * as z from 'zod';
import {
  askForRecoveryCode,
  findRecoveryKey,
  proveRecoveryKey,
  type RecoveryKeyView,
  removeRecoveryKey,
  sealRecoveryKit,
  setRecoveryKey,
} from '../../core/repositories/recovery-key.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { instantSchema, nameShape } from './shapes/shapes.ts';

/** A recipient of age has 62. */
const recipientSchema = z.string().trim().min(1).max(200);

const proofShape = nameShape('RecoveryKeyProof', z.strictObject({ at: instantSchema, by: z.string() }));

const keyShape = nameShape(
  'RecoveryKey',
  z.strictObject({
    recipient: z.string().meta({ description: '`age1…`; the secret half is kept nowhere here' }),
    setAt: instantSchema,
    setBy: z.string(),
    standing: z
      .enum(['proven', 'old', 'never'])
      .meta({ description: 'Whether somebody has shown within a quarter that they have the secret half' }),
    proof: proofShape.optional(),
    repositories: z.int().meta({ description: 'How many there are' }),
    sealed: z.int().meta({ description: 'Of how many what opens them is sealed to this key, as they are now' }),
  }),
);

function toKeyShape(key: RecoveryKeyView): z.infer<typeof keyShape> {
  const { recipient, setAt, setBy, standing, proof, repositories, sealed } = key;
  return { recipient, setAt, setBy, standing, proof, repositories, sealed };
}

const readEndpoint = defineEndpoint({
  method: 'get',
  path: '/recovery-key',
  scope: 'read',
  summary:
    'The key to which what opens the repositories is sealed, and whether somebody has shown that they have its secret half.',
  tag: 'recovery',
  reply: z.strictObject({ key: keyShape.optional().meta({ description: 'Left out where none is set' }) }),
  async handle(context, caller) {
    const key = await findRecoveryKey(context, caller);
    return { data: key === undefined ? {} : { key: toKeyShape(key) } };
  },
});

const setEndpoint = defineEndpoint({
  method: 'post',
  path: '/recovery-key',
  scope: 'admin',
  summary: 'Sets the recovery key, or replaces the one that is named, and seals what opens each repository to it.',
  tag: 'recovery',
  body: z.strictObject({
    recipient: recipientSchema.meta({ description: 'The public half of an X25519 key of age: `age1…`' }),
    replaces: recipientSchema.optional().meta({ description: 'The recipient that is there, where there is one' }),
  }),
  reply: keyShape,
  handle: async (context, caller, { body }) => ({ data: toKeyShape(await setRecoveryKey(context, caller, body)) }),
});

const removeEndpoint = defineEndpoint({
  method: 'delete',
  path: '/recovery-key',
  scope: 'admin',
  summary: 'Removes the recovery key that is named, and all that is sealed to it, here and on the hosts.',
  tag: 'recovery',
  query: z.strictObject({ recipient: recipientSchema.meta({ description: 'The recipient that is there' }) }),
  reply: z.strictObject({ removed: z.literal(true) }),
  async handle(context, caller, { query }) {
    await removeRecoveryKey(context, caller, query.recipient);
    return { data: { removed: true as const } };
  },
});

const codeEndpoint = defineEndpoint({
  method: 'post',
  path: '/recovery-key/code',
  scope: 'admin',
  summary: 'Seals a fresh code to the recovery key, to be opened with age and typed back within half an hour.',
  tag: 'recovery',
  status: 201,
  reply: nameShape(
    'RecoveryCode',
    z.strictObject({
      sealed: z.string().meta({ description: 'An armored age file' }),
      until: instantSchema,
      recipient: z.string(),
    }),
  ),
  handle: async (context, caller) => ({ data: await askForRecoveryCode(context, caller) }),
});

const proveEndpoint = defineEndpoint({
  method: 'post',
  path: '/recovery-key/proof',
  scope: 'admin',
  summary: 'Takes the code that was sealed last, and keeps that somebody has the secret half of the key.',
  tag: 'recovery',
  body: z.strictObject({
    code: z.string().min(1).max(200).meta({ description: 'Six groups; blanks, dashes and case do not matter' }),
  }),
  reply: proofShape,
  handle: async (context, caller, { body }) => ({ data: await proveRecoveryKey(context, caller, body.code) }),
});

const kitEndpoint = defineEndpoint({
  method: 'get',
  path: '/recovery-kit',
  scope: 'admin',
  summary:
    'The whole recovery kit with every password, as one age file that only the secret half of the recovery key opens; in the audit.',
  tag: 'recovery',
  reply: nameShape(
    'SealedKit',
    z.strictObject({
      madeAt: instantSchema,
      recipient: z.string(),
      sealed: z.string().meta({ description: 'An armored age file' }),
    }),
  ),
  handle: async (context, caller) => ({ data: await sealRecoveryKit(context, caller) }),
});

export const RECOVERY_KEY_ENDPOINTS: readonly ApiEndpoint[] = [
  readEndpoint,
  setEndpoint,
  removeEndpoint,
  codeEndpoint,
  proveEndpoint,
  kitEndpoint,
];
