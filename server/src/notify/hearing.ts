/** What kinds of channel have a form for. */
import { DIGEST_NEWS, type MessageType } from '../core/alerts/message.ts';

/** People read it: alerts that begin and end, backups that ended, what was done, digests. */
export const PEOPLE_HEAR: readonly MessageType[] = [
  'alert.raised',
  'alert.resolved',
  'run.succeeded',
  'run.partial',
  'run.failed',
  'act.done',
  ...DIGEST_NEWS,
];
/** Too short for a digest. */
export const SHORT_HEAR: readonly MessageType[] = PEOPLE_HEAR.filter((type) => !type.startsWith('digest.'));
