/** What drills say against a source. Pure. */
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { SourceProof } from '../../store/drills.ts';

/** A drill longer ago that came to no verdict is no news of today: how old a proof may be is an objective. */
export const DRILL_NEWS_MS = 92 * DAY_MS;

/** A drill that failed, or a proof that is older than it may be; instants in epoch milliseconds. */
export type ProofTrouble = { kind: 'disproven'; at: number } | { kind: 'too_old'; at: number | undefined; withinDays: number };

/** Judges by the newest verdict first: what could not be restored last time counts more than what could before. */
export function findProofTrouble(
  proof: Pick<SourceProof, 'proven' | 'newest'> | undefined,
  withinDays: number | undefined,
  now: number,
): ProofTrouble | undefined {
  if (proof?.newest && !proof.newest.isProven) return { kind: 'disproven', at: proof.newest.endedAt };
  const at = proof?.proven?.endedAt;
  if (withinDays === undefined || (at !== undefined && now - at <= withinDays * DAY_MS)) return undefined;
  return { kind: 'too_old', at, withinDays };
}

/** The last instant at which the newest proof is young enough; undefined where none is, or none has to be. */
export function findProofTurn(
  proof: Pick<SourceProof, 'proven'> | undefined,
  withinDays: number | undefined,
): number | undefined {
  const at = proof?.proven?.endedAt;
  return at === undefined || withinDays === undefined ? undefined : at + withinDays * DAY_MS;
}
