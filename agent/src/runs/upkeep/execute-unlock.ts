/** Takes locks of a repository away because a person said so: all that were looked at, or none. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import type { PreparedRepository } from '../inputs.ts';
import type { Recorder } from '../log/recorder.ts';

type Order = RequestBody<'unlock.start'>;

/** What its host said of a holder, as the end of a sentence. */
const HOLDERS: Readonly<Record<Order['locks'][number]['holder'], string>> = {
  running: 'which is at work',
  gone: 'which is gone',
  unseen: 'which nobody sees',
  other: 'where another process has that number',
  elsewhere: 'of which its host knows nothing',
  unasked: 'whose host could not be asked',
  unknown: 'of a host that is not known here',
};

export interface Unlocking {
  engine: ResticEngine;
  recorder: Recorder;
  prepared: PreparedRepository;
  workDir: string;
  order: Order;
  signal: AbortSignal;
}

/** Throws the reason for which locks are left. Once restic was asked it is not called off: nobody would know what it removed. */
export async function unlockRepository({ engine, recorder, prepared, workDir, order, signal }: Unlocking): Promise<void> {
  const { locks, isForced, requestedBy, repository } = order;
  for (const { id, username, hostname, pid, createdAt, exclusive, holder } of locks) {
    const what = exclusive ? 'lock that keeps all others out' : 'lock';
    const since = new Date(createdAt).toISOString();
    recorder.log(
      'info',
      `${what} ${id.slice(0, 8)} of ${username} on ${hostname}, process ${pid}, ${HOLDERS[holder]}, since ${since}`,
    );
  }
  const how = isForced ? ', by force, though not every holder is proven gone' : '';
  recorder.log(isForced ? 'warn' : 'info', `${requestedBy} asked for their removal${how}`);
  if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before any lock was removed');
  recorder.beginStage('unlock');
  const { removed, failure, said } = await engine.clearNamedLocks({
    access: prepared.access,
    workDir,
    pinnedId: repository.pinnedId,
    ids: locks.map(({ id }) => id),
  });
  recorder.endStage('unlock', failure === undefined);
  if (said) recorder.log('info', `restic: ${said}`);
  recorder.log('info', removed === 0 ? 'no lock was left to remove' : `removed ${removed} of ${locks.length}`);
  if (failure) throw createReasonError(failure.reason, failure.message);
}
