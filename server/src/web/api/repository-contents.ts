/** End-points about what a repository really holds, whoever made it. A host answers while the caller waits. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { engineSnapshotIdSchema, SNAPSHOT_STATES, TAG_KEYS } from '@holdfast/shared/domain/snapshot.ts';
import { storedPathSchema } from '@holdfast/shared/domain/stored-path.ts';
import { CONTENTS, TEXT } from '@holdfast/shared/limits.ts';
import { treeListingSchema } from '@holdfast/shared/protocol/browse.ts';
import { storedSnapshotSchema } from '@holdfast/shared/protocol/contents.ts';
import * as z from 'zod';
import { adoptOrphan, listStoredDirectory, startOrphanDeletion } from '../../core/repositories/orphans.ts';
import {
  CONTENTS_STATES,
  type ContentsRow,
  chooseOpener,
  filterContents,
  lookAtContents,
} from '../../core/repositories/repository-contents.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { runShape, toRunShape } from './runs.ts';
import { idParams, listOf, nameShape, pageFields, toHeldPage } from './shapes/shapes.ts';
import { snapshotShape, toSnapshotShape } from './snapshots.ts';

const host = idSchema('host').meta({ description: 'The host that opens the repository' });
const opener = idSchema('host').optional().meta({ description: 'The host that opens it; left out: the one that did last' });
const stored = storedSnapshotSchema.shape;

const rowShape = nameShape(
  'StoredSnapshot',
  z.strictObject({
    engineId: engineSnapshotIdSchema,
    state: z.enum(CONTENTS_STATES).meta({
      description:
        '`known`: in the ledger and there. `missing`: in the ledger alone. `back`: there, although the ledger has it as gone. `untold`: a host may still tell of it. `orphan`: no run made it',
    }),
    createdAt: z.int().meta({ description: 'Epoch milliseconds, by the clock of the machine that made it' }),
    sizeBytes: z.int().min(0).optional(),
    hostname: stored.hostname.optional().meta({ description: 'As the snapshot says; left out where it is missing' }),
    tags: stored.tags.optional(),
    paths: stored.paths.optional().meta({ description: 'The first ones' }),
    pathCount: stored.pathCount.optional(),
    snapshot: idSchema('snapshot').optional().meta({ description: 'Its id in the ledger' }),
    ledgerState: z.enum(SNAPSHOT_STATES).optional(),
    isAdopted: z.boolean().optional(),
    madeBy: z
      .strictObject(Object.fromEntries(TAG_KEYS.map((key) => [key, z.string()])))
      .optional()
      .meta({ description: 'What the tags of a Holdfast, this one or another, say' }),
  }),
);

function toRowShape({ engineId, state, createdAt, sizeBytes, stored: told, known, tags }: ContentsRow): z.infer<typeof rowShape> {
  return {
    engineId,
    state,
    createdAt,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(told && { hostname: told.hostname, tags: told.tags, paths: told.paths, pathCount: told.pathCount }),
    ...(known && { snapshot: known.id, ledgerState: known.state, isAdopted: known.isAdopted }),
    ...(tags && { madeBy: { ...tags } }),
  };
}

/** Newest first, then by id: the order in which pages are cut. */
const keyOf = ({ createdAt, engineId }: ContentsRow): string =>
  `${String(Number.MAX_SAFE_INTEGER - createdAt).padStart(17, '0')} ${engineId}`;

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/repositories/:id/contents',
  summary: 'Asks a host for every snapshot in a repository, whoever made it, beside what the ledger knows; newest first.',
  tag: 'contents',
  scope: 'restore',
  params: idParams('repository'),
  query: z.strictObject({
    ...pageFields,
    host: opener,
    state: z.enum(CONTENTS_STATES).optional(),
    search: z
      .string()
      .max(TEXT.searchChars)
      .optional()
      .meta({ description: 'A part of a machine’s name, a tag, a path or the id' }),
  }),
  reply: listOf(rowShape),
  async handle(context, caller, { params, query }) {
    const repository = params.id;
    const asked = await chooseOpener(context, caller, repository, query.host);
    const { rows } = await lookAtContents(context, caller, { repository, host: asked });
    return toHeldPage(filterContents(rows, query), query, keyOf, toRowShape);
  },
});

const storedParams = z.strictObject({
  id: idSchema('repository'),
  engine: engineSnapshotIdSchema.meta({ description: 'The snapshot’s full id in the repository' }),
});

const filesEndpoint = defineEndpoint({
  method: 'get',
  path: '/repositories/:id/contents/:engine/files',
  summary: 'One directory of a snapshot in a repository, whether or not the ledger knows it, directories first, page by page.',
  tag: 'contents',
  scope: 'restore',
  params: storedParams,
  query: z.strictObject({
    host: opener,
    path: storedPathSchema.default('/'),
    after: z.coerce.number().int().min(0).optional().meta({ description: '`next` of the page before' }),
  }),
  reply: nameShape('StoredDirectory', treeListingSchema),
  handle: async (context, caller, { params, query }) => {
    const asked = await chooseOpener(context, caller, params.id, query.host);
    const wish = { repository: params.id, engineId: params.engine, ...query, host: asked };
    return { data: (await listStoredDirectory(context, caller, wish)).answer };
  },
});

const adoptEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/contents/:engine/adopt',
  summary: 'Takes an orphan over into the ledger as a snapshot of a source, so that it can be restored; no run vouches for it.',
  tag: 'contents',
  scope: 'restore',
  params: storedParams,
  body: z.strictObject({ host, source: idSchema('source') }),
  reply: snapshotShape,
  status: 201,
  handle: async (context, caller, { params, body }) => ({
    data: toSnapshotShape(await adoptOrphan(context, caller, { repository: params.id, engineId: params.engine, ...body })),
  }),
});

const deleteEndpoint = defineEndpoint({
  method: 'post',
  path: '/repositories/:id/contents/delete',
  summary: 'Orders the removal of orphans from a repository, through its admin credential where there is one.',
  tag: 'contents',
  scope: 'configure',
  params: idParams('repository'),
  body: z.strictObject({
    host,
    engineIds: z.array(engineSnapshotIdSchema).min(1).max(CONTENTS.deleted),
    confirm: z.string().max(TEXT.nameChars).meta({ description: '`delete` and how many, such as `delete 2`' }),
  }),
  reply: runShape,
  status: 202,
  handle: async (context, caller, { params, body }) => ({
    data: toRunShape(await startOrphanDeletion(context, caller, { repository: params.id, ...body })),
  }),
});

export const REPOSITORY_CONTENTS_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint, filesEndpoint, deleteEndpoint, adoptEndpoint];
