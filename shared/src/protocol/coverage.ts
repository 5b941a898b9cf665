/** What a host looks for that nobody protects. Names are hostile text. */
import * as z from 'zod';
import { COVERAGE, TEXT } from '../limits.ts';

export const COVERAGE_REQUESTS = {
  /** Which directories, in the places where people keep what matters, are big. */
  'directories.look': {
    body: z.object({
      /** Smaller ones are left out. */
      atLeastBytes: z.int().min(0),
      notAfter: z.int().min(0),
    }),
    result: z.object({
      found: z
        .array(
          z.object({
            /** Absolute. */
            path: z.string().min(1).max(TEXT.pathChars).regex(/^\//u),
            /** What its files take on the disk, as far as they were counted. */
            sizeBytes: z.int().min(0),
            /** All of it was counted. */
            isWhole: z.boolean(),
          }),
        )
        .max(COVERAGE.directories),
    }),
  },
} as const;
