/** What a mark on the line of time says of a snapshot. Pure. */
import type { Snapshot } from '../../../store/snapshots.ts';
import { type Clockface, formatRelative } from '../../ui/time.ts';
import { isRestorable } from '../runs/run-acts.ts';
import type { SnapshotPoint } from './moments.view.ts';

/** Marks that can be told apart on a narrow screen. */
export const MOMENTS_SHOWN = 24;

export function judgeMoment(snapshot: Snapshot, face: Clockface): Pick<SnapshotPoint, 'at' | 'mark' | 'word'> {
  const { state, suspicion, verification, provenAt, createdAt: at } = snapshot;
  if (snapshot.deletingRun !== undefined) return { at, mark: 'not_offered', word: 'its deletion is ordered' };
  if (!isRestorable(snapshot)) return { at, mark: 'not_offered', word: 'no clean run vouches for it' };
  if (verification?.ok === false) return { at, mark: 'doubtful', word: 'could not be read to its end' };
  if (state === 'partial') return { at, mark: 'doubtful', word: 'partial' };
  if (suspicion) return { at, mark: 'doubtful', word: 'of a suspicious size' };
  if (provenAt === undefined) return { at, mark: 'good', word: 'good' };
  return { at, mark: 'proven', word: `good, proven ${formatRelative(provenAt, face)}` };
}
