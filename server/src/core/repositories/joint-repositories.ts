/** Whether one restic reaches two repositories at once, as a copy from one to the other must. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { joinAccess } from '@holdfast/shared/adapters/joint-access.ts';
import type { Repository } from '../../store/repositories.ts';
import type { CoreContext } from '../ports.ts';
import { readCredential } from './admin-credential.ts';

/** Throws `unsupported` with what stands in the way. Nothing is asked of either repository. */
export function demandReachableTogether(context: CoreContext, from: Repository, to: Repository): void {
  const plan = (repository: Repository, workDir: string) =>
    getRepositoryAdapter(repository.kind).planAccess({ ...readCredential(context, repository, 'everyday'), workDir });
  joinAccess(plan(from, '/run/holdfast/nowhere/from'), plan(to, '/run/holdfast/nowhere'));
}
