/** What orders of restores have in common, whatever is restored. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { DOWNLOAD_KIBPS_MAX } from '@holdfast/shared/domain/restore.ts';
import * as z from 'zod';
import { instantSchema } from './shapes.ts';

/** One by its id, or one of a source by what it has to be. */
export const snapshotInput = z.union([
  idSchema('snapshot'),
  z
    .strictObject({ newest: z.literal(true), source: idSchema('source') })
    .meta({ description: 'The newest good one of a source: vouched for, of a size that fits, of no safety backup' }),
  z
    .strictObject({ asOf: instantSchema, source: idSchema('source') })
    .meta({ description: 'The newest good one of a source that was made no later than this' }),
]);

export const downloadInput = z
  .int()
  .min(1)
  .max(DOWNLOAD_KIBPS_MAX)
  .optional()
  .meta({ description: 'How fast the repository is read, in KiB/s; left out: as fast as it goes' });

export const privilegesInput = z.boolean().optional().meta({
  description:
    'Into a directory: setuid and setgid bits, capabilities of files and devices come as they were; without it they are left out and counted',
});

export const littleRoomInput = z.boolean().optional().meta({
  description:
    'Goes on where the disk seems to have less room than is needed; without it that is a refusal before anything is written',
});
