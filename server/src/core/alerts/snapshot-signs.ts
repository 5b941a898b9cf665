/** What readings of whole snapshots, and copies into it, say against a repository. Pure. */
import type { PlanId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import type { AlertSign } from '../../store/alerts.ts';
import type { Run } from '../../store/runs.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { shortenText } from './text.ts';

export interface SnapshotFacts {
  repository: { id: RepositoryId; name: string };
  /** Those whose last reading did not come to its end. */
  unreadable: readonly Pick<Snapshot, 'id' | 'engineId' | 'verification'>[];
  /** Copies into it, newest first, in whatever state. */
  copies: readonly Run[];
}

/** The newest copy of each plan that says something. */
function listVerdicts(copies: readonly Run[]): readonly Run[] {
  const verdicts = new Map<PlanId | undefined, Run>();
  for (const run of copies)
    if (isTerminal(run.state) && run.state !== 'cancelled' && run.state !== 'skipped' && !verdicts.has(run.plan))
      verdicts.set(run.plan, run);
  return [...verdicts.values()];
}

export function judgeSnapshots({ repository: { id, name }, unreadable, copies }: SnapshotFacts): readonly AlertSign[] {
  const about = { scope: 'repository', scopeId: id, thing: { kind: 'repository', id }, name } as const;
  const read = unreadable.flatMap(({ id: snapshot, engineId, verification }): AlertSign[] => {
    if (verification === undefined || verification.ok) return [];
    const text = `snapshot ${engineId.slice(0, 8)}: ${shortenText(verification.seen)}`;
    const { at: since, run } = verification;
    return [{ ...about, subject: `snapshot ${snapshot}`, condition: 'snapshot.unreadable', text, since, run }];
  });
  const copied = listVerdicts(copies).flatMap(({ id: run, state, plan, failure, finishedAt, createdAt }): AlertSign[] => {
    if (state === 'succeeded') return [];
    const text = failure === undefined ? 'the last copy into it failed' : shortenText(failure.message);
    const since = finishedAt ?? createdAt;
    return [{ ...about, subject: `copy ${plan ?? 'by hand'}`, condition: 'copy.failed', text, since, run }];
  });
  return [...read, ...copied];
}
