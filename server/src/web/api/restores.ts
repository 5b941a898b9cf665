/** End-points about restores: runs that bring a snapshot back, or a dump file of a host. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { CHOSEN_TABLES, credentialSchema, RESTORE_JOBS, RESTORE_MODES, ROLE_CHOICES } from '@holdfast/shared/domain/restore.ts';
import { storedPathSchema } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import { createFieldsError } from '../../core/adapters/adapter-input.ts';
import type { Caller } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import { startDumpRestore } from '../../core/restores/dump-restores.ts';
import { lookAtRoles } from '../../core/restores/restore-roles.ts';
import { lookAtTarget } from '../../core/restores/restore-target.ts';
import { startRestore } from '../../core/restores/restores.ts';
import { getRunDetail, listRuns } from '../../core/runs/runs.ts';
import type { Run } from '../../store/runs.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { runDetailShape, runFilterFields, runShape, toRunDetailShape, toRunFilter, toRunShape } from './runs.ts';
import { downloadInput, littleRoomInput, privilegesInput, snapshotInput } from './shapes/restore-inputs.ts';
import { idParams, listOf, pageFields, toPageReply, toPageRequest } from './shapes/shapes.ts';

const noControl = /^[^\u0000-\u001f\u007f]*$/u;

const tableName = z.string().min(1).max(255);

/** Like the options a host is told, but strict. */
const optionsInput = z.strictObject({
  endSessions: z.boolean().optional().meta({ description: 'Ends other sessions in the target; without it they are a refusal' }),
  safetyBackup: z.boolean().optional().meta({ description: 'Backs up what would be overwritten first; on unless false' }),
  readFirst: z.boolean().optional().meta({ description: 'Reads the whole snapshot once before anything is made' }),
  acceptOlderServer: z.boolean().optional().meta({ description: 'Accepts a server older than the one that was dumped' }),
  owners: z.boolean().optional().meta({ description: 'Restores owners and grants; on unless false' }),
  acceptLittleRoom: littleRoomInput,
  keepPrivileges: privilegesInput,
  downloadKiBps: downloadInput,
  jobs: z.int().min(1).max(RESTORE_JOBS).optional().meta({
    description: 'Brings the dump to the host’s disk first and restores it through so many connections; left out: it streams',
  }),
  roles: z.enum(ROLE_CHOICES).optional().meta({
    description: 'Makes missing roles first: those that owners and grants name, or all that were stored; left out: none',
  }),
});

/** Both are hostile text, and the password is in no answer, log or row. */
const credentialInput = credentialSchema.meta({
  description:
    'Another user of the target’s database server than the connection’s own, for this call alone: sealed for the host, and kept nowhere',
});

/** Like the target a host is told, but strict: a misspelt field is refused instead of ignored. */
const targetInput = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('directory'),
    path: z
      .string()
      .max(TEXT.pathChars)
      .startsWith('/', 'must be an absolute path')
      .regex(noControl, 'must be one line without control characters')
      .meta({ description: 'An absolute path that does not exist or is empty' }),
  }),
  z.strictObject({
    kind: z.literal('database'),
    source: idSchema('source').meta({ description: 'The source whose server connection is used' }),
    database: z
      .string()
      .min(1)
      .max(255)
      .regex(noControl, 'must be one line without control characters')
      .meta({ description: 'The database that is restored into' }),
    mode: z.enum(RESTORE_MODES).optional().meta({
      description:
        'Left out: new. new and schema_only need a database that does not exist or is empty; clean, append and data_only need one that exists',
    }),
    tables: z
      .array(z.strictObject({ schema: tableName.optional(), name: tableName }))
      .min(1)
      .max(CHOSEN_TABLES)
      .optional()
      .meta({ description: 'Only for the mode tables' }),
  }),
]);

/** A dump file of the host, in place of a snapshot. */
const fileInput = z
  .strictObject({
    path: storedPathSchema.meta({ description: 'At or below a directory that the host offers' }),
    sizeBytes: z.int().min(0).optional().meta({ description: 'As it was when it was chosen; another one by now is refused' }),
    modifiedAt: z.int().optional().meta({ description: 'Its last change in epoch milliseconds, as it was when it was chosen' }),
  })
  .meta({ description: 'A dump file that lies on the host; in place of `snapshot`' });

const orderInput = z.strictObject({
  snapshot: snapshotInput.optional(),
  file: fileInput.optional(),
  host: idSchema('host').meta({ description: 'The host that reads the snapshot or the file and writes the target' }),
  target: targetInput,
  repository: idSchema('repository').optional().meta({
    description: 'Only with `file`: where the safety backup goes; left out: where plans store what the target’s server holds',
  }),
  options: optionsInput.optional(),
  credential: credentialInput.optional(),
  understood: z
    .boolean()
    .optional()
    .meta({ description: 'Consent to modify a database that exists; refused without it where the mode may do so' }),
  databaseName: z.string().max(255).optional().meta({
    description: 'The name of the database, once more; refused without it where the mode may modify one that exists',
  }),
});

async function startOrder(context: CoreContext, caller: Caller, order: z.infer<typeof orderInput>): Promise<Run> {
  const { snapshot, file, repository, target, ...rest } = order;
  if (file === undefined) {
    if (snapshot === undefined) throw createFieldsError({ snapshot: 'Snapshot: name one, or a file of the host' });
    if (repository !== undefined)
      throw createFieldsError({ repository: 'Repository: only for restores from a file; a snapshot’s own repository is used' });
    return startRestore(context, caller, { snapshot, target, ...rest });
  }
  if (snapshot !== undefined) throw createFieldsError({ file: 'File: name a snapshot or a file, not both' });
  if (target.kind !== 'database') throw createFieldsError({ 'target.kind': 'Target: a dump file is restored into a database' });
  return startDumpRestore(context, caller, { file, repository, target, ...rest });
}

const startEndpoint = defineEndpoint({
  method: 'post',
  path: '/restores',
  scope: 'restore',
  summary:
    'Starts a restore of a snapshot, or of a dump file of the host; without a mode a target that exists and is not empty is refused.',
  tag: 'restores',
  body: orderInput,
  reply: runShape,
  status: 202,
  handle: async (context, caller, { body }) => ({ data: toRunShape(await startOrder(context, caller, body)) }),
});

const lookEndpoint = defineEndpoint({
  method: 'post',
  path: '/restores/look',
  scope: 'restore',
  summary: 'Asks a host what stands at the target of a database restore.',
  tag: 'restores',
  body: z.strictObject({
    source: idSchema('source'),
    database: z.string().min(1).max(255).regex(noControl),
    credential: credentialInput.optional(),
  }),
  reply: REQUESTS['restore.look'].result,
  handle: async (context, caller, { body }) => ({ data: await lookAtTarget(context, caller, body, body.credential) }),
});

const rolesEndpoint = defineEndpoint({
  method: 'post',
  path: '/restores/roles',
  scope: 'restore',
  summary: 'Asks a host which roles a restore would make on a database server, and whether it may.',
  tag: 'restores',
  body: z.strictObject({
    snapshot: idSchema('snapshot'),
    source: idSchema('source').meta({ description: 'The source whose server connection is used' }),
    choice: z.enum(ROLE_CHOICES),
    credential: credentialInput.optional(),
  }),
  reply: REQUESTS['restore.roles'].result,
  handle: async (context, caller, { body }) => ({ data: await lookAtRoles(context, caller, body) }),
});

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/restores',
  scope: 'read',
  summary: 'Lists restores, newest first.',
  tag: 'restores',
  query: z.strictObject({ ...pageFields, ...runFilterFields }),
  reply: listOf(runShape),
  handle: async (context, caller, { query }) =>
    toPageReply(await listRuns(context, caller, { ...toRunFilter(query), kind: 'restore' }, toPageRequest(query)), toRunShape),
});

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/restores/:id',
  scope: 'read',
  summary: 'One restore, as a run with its parts and stages.',
  tag: 'restores',
  params: idParams('run'),
  reply: runDetailShape,
  async handle(context, caller, { params }) {
    const detail = await getRunDetail(context, caller, params.id);
    if (detail.run.kind !== 'restore') throw new AppError('not_found', 'there is no such restore');
    return { data: toRunDetailShape(detail) };
  },
});

export const RESTORE_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint, startEndpoint, lookEndpoint, rolesEndpoint, getEndpoint];
