/** How a source stands with its proof of recovery: one word, decided here and nowhere else. Pure. */
import type { ProofState } from '@holdfast/shared/domain/drill.ts';
import type { SourceProof } from '../../store/drills.ts';
import { findDrillFault } from './drill-fault.ts';
import { findProofTrouble } from './proof-trouble.ts';

/** `withinDays`: a proof older than this is too old; undefined: none is. `now` in epoch milliseconds. */
export function judgeProof(
  kind: string,
  proof: Pick<SourceProof, 'proven' | 'newest'> | undefined,
  withinDays: number | undefined,
  now: number,
): ProofState {
  if (findDrillFault(kind) !== undefined) return 'impossible';
  const trouble = findProofTrouble(proof, withinDays, now);
  if (trouble?.kind === 'disproven') return 'disproven';
  if (proof?.proven === undefined) return 'never';
  return trouble === undefined ? 'proven' : 'too_old';
}
