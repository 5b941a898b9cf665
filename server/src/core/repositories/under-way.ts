/** Runs that work in a repository, or are about to. */
import { AppError } from '@holdfast/shared/errors.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Run } from '../../store/runs.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** Runs that a question names. */
const LISTED = 20;

/** The newest runs of a repository that have not ended, whichever host carries them out. */
export async function listUnderWay(
  { store }: Pick<CoreContext, 'store'>,
  caller: Pick<Caller, 'tenant'>,
  { id }: Pick<Repository, 'id'>,
): Promise<readonly Run[]> {
  const page = await store.runs.listRuns(caller.tenant, { active: true, repository: id }, { limit: LISTED });
  return page.rows;
}

/** Throws `conflict` where runs are under way in the repository and a person has not said that this is understood. */
export async function demandUnderstood(
  context: Pick<CoreContext, 'store'>,
  caller: Caller,
  repository: Repository,
  understood: boolean,
): Promise<void> {
  // What comes by itself looks for that when it is planned.
  if (understood || caller.actor.kind === 'system') return;
  const runs = await listUnderWay(context, caller, repository);
  if (runs.length === 0) return;
  const what =
    runs.length === 1 ? 'a run is' : `${runs.length === LISTED ? `${LISTED} runs or more` : `${runs.length} runs`} are`;
  throw new AppError(
    'conflict',
    `${what} under way in this repository: wait for them, or say that you understand that one waits for the other`,
    { details: { field: 'understood', runs: runs.map(({ id }) => id) } },
  );
}
