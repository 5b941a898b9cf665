/** What a host tells of the dump files in the directories that its own configuration offers. Names are texts of `domain/stored-path.ts`; all of it is hostile. */
import * as z from 'zod';
import { recognisedDumpSchema } from '../domain/dump-file.ts';
import { storedPathSchema } from '../domain/stored-path.ts';
import { DUMP_FILES, TEXT } from '../limits.ts';

/** The directories a host offers, as its configuration names them; none: it offers none. */
export const dumpDirsSchema = z.array(storedPathSchema).max(DUMP_FILES.directories);

export const dumpEntrySchema = z.object({
  name: z.string().min(1).max(TEXT.pathChars),
  /** `other` is what is never opened: links, devices, FIFOs, sockets. */
  type: z.enum(['dir', 'file', 'other']),
  sizeBytes: z.int().min(0),
  /** Last change, epoch milliseconds; may lie in the future. */
  modifiedAt: z.int(),
  /** What a file is, where it can be restored. */
  dump: recognisedDumpSchema.optional(),
  /** Why it cannot, as a sentence of the agent's own; exactly one of the two stands at a file. */
  refusal: z.string().max(TEXT.errorChars).optional(),
});
export type DumpEntry = z.infer<typeof dumpEntrySchema>;

export const DUMP_FILE_REQUESTS = {
  /** One directory at or below an offered one, a page at a time: directories first, then by name. */
  'dump_files.list': {
    body: z.object({
      path: storedPathSchema,
      /** Entries to pass over. */
      after: z.int().min(0).optional(),
      limit: z.int().min(1).max(DUMP_FILES.entriesPerPage).optional(),
      notAfter: z.int().min(0),
    }),
    result: z.object({
      path: storedPathSchema,
      entries: z.array(dumpEntrySchema).max(DUMP_FILES.entriesPerPage),
      /** Entries the directory has, counted up to `DUMP_FILES.listed`. */
      total: z.int().min(0),
      /** Where the next page begins. */
      next: z.int().min(1).optional(),
    }),
  },
} as const;
