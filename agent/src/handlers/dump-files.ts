/** `dump_files.list`: what lies in the directories that this host's configuration offers for restores. */
import { AppError } from '@holdfast/shared/errors.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';

export function createDumpFilesList() {
  return async (_body: RequestBody<'dump_files.list'>): Promise<RequestResult<'dump_files.list'>> => {
    throw new AppError('unsupported', 'this host offers no dump files');
  };
}
