/** The end-point about dump files that lie on hosts. A host answers while the caller waits. */
import { storedPathSchema } from '@holdfast/shared/domain/stored-path.ts';
import { DUMP_FILES } from '@holdfast/shared/limits.ts';
import { dumpDirsSchema, dumpEntrySchema } from '@holdfast/shared/protocol/dump-files.ts';
import * as z from 'zod';
import { getOfferingHost, listDumpFiles, listOfferedDirectories } from '../../core/restores/dump-files.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { idParams, listOf, nameShape } from './shapes/shapes.ts';

const directoryShape = nameShape(
  'DumpDirectory',
  z.strictObject({
    offered: dumpDirsSchema.meta({ description: 'The directories that the host’s own configuration offers' }),
    path: storedPathSchema.optional().meta({ description: 'The one that was asked for' }),
    entries: listOf(dumpEntrySchema).meta({ description: 'What lies there, directories first; none without a path' }),
    total: z.int().min(0).meta({ description: 'Entries the directory has' }),
    next: z.int().min(1).optional().meta({ description: 'Where the next page begins' }),
  }),
);

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/hosts/:id/dump-files',
  scope: 'restore',
  summary: 'Asks a host for the dump files in one of the directories it offers, with what each can be restored as, page by page.',
  tag: 'restores',
  params: idParams('host'),
  query: z.strictObject({
    path: storedPathSchema.optional().meta({ description: 'At or below an offered directory; left out: only those are told' }),
    after: z.coerce.number().int().min(0).optional().meta({ description: '`next` of the page before' }),
    limit: z.coerce.number().int().min(1).max(DUMP_FILES.entriesPerPage).optional(),
  }),
  reply: directoryShape,
  async handle(context, caller, { params, query: { path, ...page } }) {
    if (path === undefined) {
      const offered = [...listOfferedDirectories(await getOfferingHost(context, caller, params.id))];
      return { data: { offered, entries: [], total: 0 } };
    }
    const { host, listing } = await listDumpFiles(context, caller, params.id, { path, ...page });
    return { data: { offered: [...listOfferedDirectories(host)], ...listing } };
  },
});

export const DUMP_FILE_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint];
