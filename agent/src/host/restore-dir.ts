/** Where a restore on this host may make a directory, so that a form proposes none which the agent cannot write. */
import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { restoreDirSchema } from '@holdfast/shared/protocol/restore-dir.ts';

const USUAL = '/restore';

/** Whether the path, or what it would be made in, may be written by this process, on a disk that takes writes. */
function isWritable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    try {
      accessSync(at, constants.W_OK | constants.X_OK);
      return true;
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing || at === dirname(at)) return false;
    }
  }
}

/** `/restore`, or a directory below the agent's own where that cannot be written; undefined where neither can, or the name of it is not to be told. */
export function findRestoreDir(stateDir: string, usual: string = USUAL): string | undefined {
  const found = [usual, join(stateDir, 'restored')].find(isWritable);
  return restoreDirSchema.safeParse(found).data;
}
