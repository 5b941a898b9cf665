/** What the newest check and the newest prune say against a repository. Pure. */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import type { AlertSign } from '../../store/alerts.ts';
import type { Run } from '../../store/runs.ts';
import { judgeFailureCause } from './conditions.ts';
import { shortenText } from './text.ts';

export interface RepositoryFacts {
  repository: { id: RepositoryId; name: string };
  /** Newest first, in whatever state. */
  checks: readonly Run[];
  prunes: readonly Run[];
}

/** The newest run that says something: what waits, goes on, or was cancelled or skipped does not. */
function findVerdict(runs: readonly Run[]): Run | undefined {
  return runs.find(({ state }) => isTerminal(state) && state !== 'cancelled' && state !== 'skipped');
}

/** A failed run says of the repository what a failed backup of the same cause would, else only that this kind of upkeep failed. */
export function judgeRepository({ repository, checks, prunes }: RepositoryFacts): readonly AlertSign[] {
  const { id, name } = repository;
  const thing = { kind: 'repository' as const, id };
  const judge = (runs: readonly Run[], subject: 'check' | 'prune'): readonly AlertSign[] => {
    const run = findVerdict(runs);
    if (run === undefined || run.state === 'succeeded') return [];
    const cause = judgeFailureCause(run.failure?.reason);
    const condition = cause.at === 'repository' ? cause.condition : (`${subject}.failed` as const);
    const text = run.failure === undefined ? `the last ${subject} of it failed` : shortenText(run.failure.message);
    const since = run.finishedAt ?? run.createdAt;
    return [{ scope: 'repository', scopeId: id, subject, condition, thing, name, text, since, run: run.id }];
  };
  return [...judge(checks, 'check'), ...judge(prunes, 'prune')];
}
