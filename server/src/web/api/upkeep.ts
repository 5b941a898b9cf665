/** End-points about the upkeep of repositories: checks, prunes, sizes over time, and the credential that may remove. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { checkScopeSchema, DEFAULT_MAX_UNUSED_PERCENT, maxUnusedPercentSchema } from '@holdfast/shared/domain/maintenance.ts';
import { configSchema } from '@holdfast/shared/domain/plan.ts';
import * as z from 'zod';
import { removeAdminCredential, setAdminCredential } from '../../core/repositories/admin-credential.ts';
import { readUpkeep, startCheck, startPrune } from '../../core/repositories/maintenance.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { repositoryShape, toRepositoryShape } from './repositories.ts';
import { runShape, toRunShape } from './runs.ts';
import { idParams, instantSchema, listOf, nameShape, secretsInput } from './shapes/shapes.ts';

const hostInput = idSchema('host').meta({ description: 'The host that does it' });

const sizeShape = nameShape(
  'RepositorySize',
  z.strictObject({
    run: idSchema('run')
      .optional()
      .meta({ description: 'The check or prune after which it was measured; missing where only the size was asked for' }),
    measuredAt: instantSchema,
    sizeBytes: z.int().min(0).meta({ description: 'What the data that snapshots need takes in storage' }),
    uncompressedBytes: z.int().min(0).optional().meta({ description: 'The same before it was compressed' }),
    snapshots: z.int().min(0),
    restoreBytes: z.int().min(0).meta({ description: 'What restores of all snapshots listed then would give back together' }),
  }),
);

const upkeepShape = nameShape(
  'RepositoryUpkeep',
  z.strictObject({
    checks: listOf(runShape).meta({ description: 'Newest first' }),
    prunes: listOf(runShape).meta({ description: 'Newest first' }),
    sizes: listOf(sizeShape).meta({ description: 'Oldest first' }),
  }),
);

const upkeepEndpoint = defineEndpoint({
  method: 'get',
  path: '/repositories/:id/upkeep',
  scope: 'read',
  summary: 'Checks and prunes of a repository, and its size over time.',
  tag: 'repositories',
  params: idParams('repository'),
  reply: upkeepShape,
  async handle(context, caller, { params }) {
    const { checks, prunes, sizes } = await readUpkeep(context, caller, params.id);
    const measured = sizes.map(({ run, ...size }) => (run === undefined ? size : { run, ...size }));
    return { data: { checks: checks.map(toRunShape), prunes: prunes.map(toRunShape), sizes: measured } };
  },
});

const [structure, part, everything] = checkScopeSchema.options;
/** Like the scope a host is told, but strict: a misspelt field is refused instead of ignored. */
const scopeInput = z.discriminatedUnion('kind', [structure.strict(), part.strict(), everything.strict()]);

const checkEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/check',
  scope: 'operate',
  summary: 'Looks for damage from a host: the structure alone, a part of the data as well, or everything.',
  tag: 'repositories',
  params: idParams('repository'),
  body: z.strictObject({ host: hostInput, scope: scopeInput.default({ kind: 'structure' }) }),
  reply: runShape,
  status: 202,
  handle: async (context, caller, { params, body }) => ({
    data: toRunShape(await startCheck(context, caller, params.id, body)),
  }),
});

const pruneEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/prune',
  scope: 'configure',
  summary: 'Removes from a host what no snapshot needs any more, through the admin credential where there is one.',
  tag: 'repositories',
  params: idParams('repository'),
  body: z.strictObject({
    host: hostInput,
    maxUnusedPercent: maxUnusedPercentSchema
      .default(DEFAULT_MAX_UNUSED_PERCENT)
      .meta({ description: 'Unused data that may stay, in percent of what is used' }),
    understood: z.boolean().default(false).meta({
      description: 'Also while runs are under way in the repository: the prune waits for them, and backups wait for it',
    }),
  }),
  reply: runShape,
  status: 202,
  handle: async (context, caller, { params, body }) => ({
    data: toRunShape(await startPrune(context, caller, params.id, body)),
  }),
});

const setAdminEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/admin-credential',
  guarded: true,
  scope: 'configure',
  summary:
    'Gives the repository a credential that may remove, or changes it. A setting left out is the everyday one, a secret left out stays.',
  tag: 'repositories',
  params: idParams('repository'),
  body: z.strictObject({ config: configSchema.default({}), secrets: secretsInput.default({}) }),
  reply: repositoryShape,
  async handle(context, caller, { params, body, facts }) {
    const repository = await setAdminCredential(context, caller, params.id, body, facts.ifMatch);
    return { data: toRepositoryShape(repository), version: repository.version };
  },
});

const removeAdminEndpoint = defineEndpoint({
  method: 'delete',
  path: '/repositories/:id/admin-credential',
  scope: 'configure',
  summary: 'Forgets the credential that may remove; hosts remove with the everyday one again.',
  tag: 'repositories',
  params: idParams('repository'),
  reply: repositoryShape,
  async handle(context, caller, { params }) {
    const repository = await removeAdminCredential(context, caller, params.id);
    return { data: toRepositoryShape(repository), version: repository.version };
  },
});

export const UPKEEP_ENDPOINTS: readonly ApiEndpoint[] = [
  upkeepEndpoint,
  checkEndpoint,
  pruneEndpoint,
  setAdminEndpoint,
  removeAdminEndpoint,
];
