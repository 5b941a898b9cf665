/** End-points about opening repositories without Holdfast: the recovery sheet, and the proof that somebody can. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import { provePassword } from '../../core/repositories/password-proof.ts';
import { type RecoverySheet, readRecoverySheet } from '../../core/repositories/recovery-sheet.ts';
import { formatRecoverySheet } from '../../core/repositories/recovery-text.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { idParams, instantSchema, nameShape } from './shapes/shapes.ts';

/** Longer than any password of restic's, with room for a file that holds one. */
const PASSWORD_CHARS = 8192;

const linesSchema = z.array(z.string()).meta({ description: 'For a POSIX shell' });

const sheetShape = nameShape(
  'RecoverySheet',
  z.strictObject({
    madeAt: instantSchema,
    recipient: z.string().optional().meta({ description: 'The recovery key; left out where none is set' }),
    text: z.string().meta({ description: 'All of it as plain text, to be printed' }),
    repositories: z.array(
      z.strictObject({
        id: idSchema('repository'),
        name: z.string(),
        where: z.string(),
        engineId: z.string().optional(),
        onHost: z.string().optional().meta({ description: 'The host on whose disk it lies' }),
        password: z.enum(['proven', 'old', 'never', 'unopened']).meta({
          description:
            'Whether somebody has shown within a quarter that it can be opened without Holdfast: with the password from a copy of their own, or with the recovery key that it is sealed to',
        }),
        provenAt: instantSchema.optional(),
        sealedAt: instantSchema
          .optional()
          .meta({ description: 'When what opens it, as it is now, was sealed to the recovery key' }),
        opening: linesSchema,
        blanks: z
          .array(z.strictObject({ word: z.string(), label: z.string() }))
          .meta({ description: 'Words in these lines that a person replaces by a secret' }),
        sources: z.array(
          z.strictObject({
            id: idSchema('source'),
            host: z.string(),
            name: z.string(),
            kind: z.string(),
            newest: z.strictObject({ engineId: z.string(), createdAt: instantSchema }).optional(),
            lines: linesSchema,
          }),
        ),
        more: z.int().meta({ description: 'Sources beyond those named' }),
      }),
    ),
  }),
);

function toSheetShape(sheet: RecoverySheet): z.infer<typeof sheetShape> {
  return {
    madeAt: sheet.madeAt,
    recipient: sheet.recipient,
    text: formatRecoverySheet(sheet),
    repositories: sheet.repositories.map(
      ({ id, name, where, engineId, onHost, password, proof, sealedAt, opening, blanks, sources, more }) => ({
        ...{
          id,
          name,
          where,
          engineId,
          onHost,
          password,
          provenAt: proof?.at,
          sealedAt,
          opening: [...opening],
          blanks: [...blanks],
          more,
        },
        sources: sources.map(({ lines, ...source }) => ({ ...source, lines: [...lines] })),
      }),
    ),
  };
}

const sheetEndpoint = defineEndpoint({
  method: 'get',
  path: '/recovery-sheet',
  scope: 'read',
  summary: 'What opens the repositories with restic alone: to be printed and kept elsewhere. No secret is in it.',
  tag: 'recovery',
  query: z.strictObject({
    repository: idSchema('repository').optional().meta({ description: 'This one alone; otherwise all, by name' }),
  }),
  reply: sheetShape,
  handle: async (context, caller, { query: { repository } }) => ({
    data: toSheetShape(await readRecoverySheet(context, caller, repository === undefined ? undefined : [repository])),
  }),
});

const proveEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/password-proof',
  scope: 'configure',
  summary: 'Opens a repository from a host with the password from a copy outside Holdfast, and keeps that it opened.',
  tag: 'recovery',
  params: idParams('repository'),
  body: z.strictObject({
    host: idSchema('host').meta({ description: 'The host that opens it' }),
    password: z.string().min(1).max(PASSWORD_CHARS).meta({ description: 'As it is kept elsewhere; it is stored nowhere' }),
  }),
  reply: nameShape(
    'PasswordProof',
    z.strictObject({ repository: idSchema('repository'), at: instantSchema, by: z.string(), host: idSchema('host') }),
  ),
  handle: async (context, caller, { params, body }) => ({
    data: { repository: params.id, ...(await provePassword(context, caller, params.id, body)) },
  }),
});

export const RECOVERY_ENDPOINTS: readonly ApiEndpoint[] = [sheetEndpoint, proveEndpoint];
