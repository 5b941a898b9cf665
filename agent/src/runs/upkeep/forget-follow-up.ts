/** What a host does about its retention by itself, after a backup or a copy: removes, or says why it does not. Pure. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { EndedPart } from '../attempts/part.ts';
import type { SourceRetention } from './retention.ts';

/** What stays as it is, is said again after so long. */
const TOLD_EVERY_MS = DAY_MS;

/** The newest removal of a plan in a repository that has ended on this host. */
export interface PastForget {
  /** Epoch milliseconds. */
  openedAt: number;
  ended: readonly EndedPart[];
}

/** Who removes in the repository: this host, a person through the admin credential, or the host that the server chooses. */
export type Remover = 'host' | 'person' | 'server';

type Wait = 'retention_frozen' | 'retention_asks' | 'removal_refused';

function findWait({ removals, plan: { frozen, needsPerson } }: SourceRetention, isRefused: boolean): Wait | undefined {
  if (frozen !== undefined) return 'retention_frozen';
  if (removals.length === 0) return undefined;
  if (needsPerson) return 'retention_asks';
  return isRefused ? 'removal_refused' : undefined;
}

const isRefusal = ({ failure }: EndedPart) => failure?.reason === 'removal_refused';

/**
 * The sources of the run that follows; none: there is nothing to do, and nothing that was not said within a day. What waits is told with what
 * goes, so that the newest run always says how it stands; and once more when it waits no longer.
 */
export function listFollowUp(
  found: readonly SourceRetention[],
  remover: Remover,
  last: PastForget | undefined,
  now: number,
): SourceId[] {
  if (remover === 'server') return [];
  const isRecent = last !== undefined && now - last.openedAt < TOLD_EVERY_MS;
  // A credential that could remove nothing yesterday is tried again today.
  const isRefused = remover === 'person' || (isRecent && last.ended.some(isRefusal));
  const waits = found.map((each) => ({ each, wait: findWait(each, isRefused) }));
  const going = waits.filter(({ each, wait }) => wait === undefined && each.removals.length > 0);
  const waiting = waits.filter(({ wait }) => wait !== undefined);
  if (going.length > 0) return [...going, ...waiting].map(({ each }) => each.source);
  if (waiting.length > 0) {
    const told = new Set(isRecent ? last.ended.map(({ failure }) => failure?.reason) : []);
    return waiting.every(({ wait }) => told.has(wait)) ? [] : waiting.map(({ each }) => each.source);
  }
  const isMended = last?.ended.some(({ state }) => state !== 'succeeded') ?? false;
  return isMended ? found.map(({ source }) => source) : [];
}
