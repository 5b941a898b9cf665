/** End-points about what lies inside snapshots, and restores of what was chosen there. A host answers while the caller waits. */
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { storedPathSchema } from '@holdfast/shared/domain/stored-path.ts';
import { BROWSE, TEXT } from '@holdfast/shared/limits.ts';
import { foundSchema, restorePreviewSchema, treeDiffSchema, treeListingSchema } from '@holdfast/shared/protocol/browse.ts';
import { ARCHIVE_FORMATS, chosenPathsSchema } from '@holdfast/shared/protocol/events.ts';
import * as z from 'zod';
import { startFileRestore } from '../../core/restores/file-restores.ts';
import {
  diffSnapshots,
  findInSnapshot,
  findSnapshotBefore,
  type Looked,
  listDirectory,
  previewFileRestore,
} from '../../core/snapshots/snapshot-contents.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { runShape, toRunShape } from './runs.ts';
import { downloadInput, littleRoomInput, privilegesInput, snapshotInput } from './shapes/restore-inputs.ts';
import { idParams, nameShape } from './shapes/shapes.ts';

const host = idSchema('host').optional().meta({ description: 'The host that reads; left out: one that can' });
const storedPath = storedPathSchema.meta({
  description: 'A path inside the snapshot; a byte that is no UTF-8 stands in it as a letter of U+F0080 to U+F00FF',
});
const hostPath = z.string().max(TEXT.pathChars).startsWith('/', 'must be an absolute path');

const readBy = { host: idSchema('host').meta({ description: 'The host that read it' }) };

function withReader<T extends object>({ host: reader, answer }: Looked<T>): T & { host: HostId } {
  return { ...answer, host: reader.id };
}

const common = { tag: 'snapshots', params: idParams('snapshot') } as const;

const listEndpoint = defineEndpoint({
  ...common,
  method: 'get',
  path: '/snapshots/:id/files',
  scope: 'restore',
  summary: 'One directory of a snapshot of files, directories first, page by page.',
  query: z.strictObject({
    path: storedPath.default('/'),
    after: z.coerce.number().int().min(0).optional().meta({ description: '`next` of the page before' }),
    limit: z.coerce.number().int().min(1).max(BROWSE.entriesPerPage).optional(),
    host,
  }),
  reply: nameShape('SnapshotDirectory', treeListingSchema.extend(readBy)),
  handle: async (context, caller, { params, query }) => ({
    data: withReader(await listDirectory(context, caller, params.id, query)),
  }),
});

const findEndpoint = defineEndpoint({
  ...common,
  method: 'get',
  path: '/snapshots/:id/search',
  scope: 'restore',
  summary: 'Files and directories of a snapshot by a part of their name; `*` and `?` as in a shell, then for the whole name.',
  query: z.strictObject({ name: z.string().max(TEXT.searchChars).default(''), host }),
  reply: nameShape('SnapshotSearch', foundSchema.extend(readBy)),
  handle: async (context, caller, { params, query }) => ({
    data: withReader(await findInSnapshot(context, caller, params.id, query)),
  }),
});

const diffEndpoint = defineEndpoint({
  ...common,
  method: 'get',
  path: '/snapshots/:id/diff',
  scope: 'restore',
  summary: 'What differs from an older snapshot of the same source; without `older` from the one before.',
  query: z.strictObject({ older: idSchema('snapshot').optional(), host }),
  reply: nameShape('SnapshotDiff', treeDiffSchema.extend({ ...readBy, older: idSchema('snapshot') })),
  async handle(context, caller, { params, query }) {
    const older = query.older ?? (await findSnapshotBefore(context, caller, params.id)).id;
    return { data: { ...withReader(await diffSnapshots(context, caller, params.id, { older, host: query.host })), older } };
  },
});

const chosen = chosenPathsSchema.meta({ description: 'Paths inside the snapshot, each with everything below it' });

/** Strict: a misspelt field is refused instead of ignored. */
const targetInput = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('directory'), path: hostPath, paths: chosen.optional() }),
  z.strictObject({ kind: z.literal('in_place'), paths: chosen }),
  z.strictObject({ kind: z.literal('archive'), path: hostPath, format: z.enum(ARCHIVE_FORMATS), from: storedPath }),
  z.strictObject({ kind: z.literal('file'), path: hostPath, from: storedPath }),
]);
const writer = idSchema('host').meta({ description: 'The host that reads the snapshot and writes the files' });

const previewEndpoint = defineEndpoint({
  ...common,
  method: 'post',
  path: '/snapshots/:id/restore-preview',
  scope: 'restore',
  summary: 'Counts what a restore of files would write and what it would replace; changes nothing.',
  body: z.strictObject({ host: writer, target: targetInput }),
  reply: nameShape('RestorePreview', restorePreviewSchema.extend(readBy)),
  handle: async (context, caller, { params, body }) => ({
    data: withReader(await previewFileRestore(context, caller, params.id, body)),
  }),
});

const startEndpoint = defineEndpoint({
  method: 'post',
  path: '/restores/files',
  scope: 'restore',
  summary: 'Starts a restore of chosen files: to a new directory, in place, as an archive, or as one file.',
  tag: 'restores',
  body: z.strictObject({
    snapshot: snapshotInput,
    host: writer,
    target: targetInput,
    hostName: z
      .string()
      .max(TEXT.nameChars)
      .optional()
      .meta({ description: 'The name of the host; needed in place, where files are replaced' }),
    options: z
      .strictObject({
        safetyBackup: z.boolean().optional().meta({
          description: 'In place: backs up what stands at the chosen paths before anything is replaced; on unless false',
        }),
        downloadKiBps: downloadInput,
        acceptLittleRoom: littleRoomInput,
        keepPrivileges: privilegesInput,
      })
      .optional(),
  }),
  reply: runShape,
  status: 202,
  handle: async (context, caller, { body }) => ({ data: toRunShape(await startFileRestore(context, caller, body)) }),
});

export const SNAPSHOT_CONTENT_ENDPOINTS: readonly ApiEndpoint[] = [
  listEndpoint,
  findEndpoint,
  diffEndpoint,
  previewEndpoint,
  startEndpoint,
];
