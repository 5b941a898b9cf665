/** Room for what a restore of files writes, looked at before anything is written. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { showName } from '../../../engines/restic/classify.ts';
import type { RestorePart } from '../restore-part.ts';

/** Room in bytes on the disk of the nearest directory that is there. */
export async function findFreeBytes(path: string): Promise<number | undefined> {
  for (let at = path; ; at = dirname(at)) {
    const disk = await statfs(at).catch(() => undefined);
    if (disk) return disk.bavail * disk.bsize;
    if (at === '/') return undefined;
  }
}

/** What these paths of the snapshot hold, in bytes; without paths all of it. Reads the listing, not the data. */
export async function measureChosen(part: RestorePart, paths: readonly string[] | undefined): Promise<number> {
  if (paths === undefined && part.sizeBytes > 0) return part.sizeBytes;
  let bytes = 0;
  await part.engine.listBelow({
    access: part.repository.access,
    workDir: part.workDir,
    snapshotId: part.engineId,
    signal: part.signal,
    paths: paths ?? ['/'],
    onNode(node) {
      if (node.type === 'file') bytes += node.sizeBytes;
      return true;
    },
  });
  return bytes;
}

/**
 * `at`: where it is written, or will be; `name`: as people call that. Throws `disk_full` where the sizes of the files are more than there is room for; a person may know better
 * of hard links, holes and disks that compress.
 */
export async function assertRoomFor(part: RestorePart, at: string, bytes: number, name = at): Promise<void> {
  const { recorder, acceptLittleRoom } = part;
  const free = await findFreeBytes(at);
  if (free === undefined) return recorder.log('info', 'how much room there is cannot be seen');
  const words = `${free} bytes are free at ${showName(name)}, and the restore needs ${bytes}`;
  if (free >= bytes) return recorder.log('info', words);
  if (acceptLittleRoom !== true) throw createReasonError('disk_full', `${words}. Nothing was written`);
  recorder.log('warn', `${words}; it is tried all the same`);
}
