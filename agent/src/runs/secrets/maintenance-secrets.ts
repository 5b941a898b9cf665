/** The secrets that come with the orders of checks, prunes and removals. The admin credential is in memory alone, whatever the host keeps. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { OrderedRepository } from '@holdfast/shared/protocol/messages.ts';
import type { SecretHolder } from './secret-holder.ts';

/** The reference under which the secrets of an ordered repository are sealed. */
export const toOrderedRef = (run: RunId): string => `${run}.repositories`;

/** Of the repository that a copy takes its snapshots from. */
export const toOrderedFromRef = (run: RunId): string => `${run}.from`;

/** The repository without the secrets in it, which are held in memory until the run has ended. Harmless to repeat. */
export function stripRepository(
  holder: Pick<SecretHolder, 'holdFor'>,
  run: RunId,
  repository: OrderedRepository,
  ref = toOrderedRef(run),
): OrderedRepository {
  const { secrets, ...draft } = repository.draft;
  if (secrets === undefined) return repository;
  holder.holdFor(run, ref, secrets);
  return { ...repository, draft: { ...draft, secretsApart: true } };
}
