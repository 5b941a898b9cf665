/** Sizes that do not fit a source's history: kept, never trusted silently. The usual cause is a source that lost its content before the backup. */
import * as z from 'zod';

/** Earlier backups that are looked at, and how many there must be to speak of a history. */
export const SIZE_HISTORY = { looked: 5, least: 3 } as const;
/** Below this share of the median, and above this multiple of it, a size is suspicious. */
const SHRUNK_RATIO = 0.5;
const GROWN_RATIO = 5;
/** Below this a source may halve or grow tenfold by a single file and mean nothing. */
const TELLING_BYTES = 64 * 1024;

export const suspicionSchema = z.object({
  kind: z.enum(['shrunk', 'grown']),
  /** The median of the sizes before, in bytes. */
  usualBytes: z.number().min(0),
});
export type Suspicion = z.infer<typeof suspicionSchema>;

/** `earlier` are sizes of clean backups of the same source, newest first; more than `SIZE_HISTORY.looked` are not looked at. */
export function findSuspicion(sizeBytes: number, earlier: readonly number[]): Suspicion | undefined {
  const looked = earlier.slice(0, SIZE_HISTORY.looked).toSorted((a, b) => a - b);
  if (looked.length < SIZE_HISTORY.least) return undefined;
  const middle = looked.length / 2;
  const usualBytes = ((looked[Math.ceil(middle) - 1] ?? 0) + (looked[Math.floor(middle)] ?? 0)) / 2;
  if (Math.max(usualBytes, sizeBytes) < TELLING_BYTES) return undefined;
  if (sizeBytes < usualBytes * SHRUNK_RATIO) return { kind: 'shrunk', usualBytes };
  if (sizeBytes > usualBytes * GROWN_RATIO) return { kind: 'grown', usualBytes };
  return undefined;
}
