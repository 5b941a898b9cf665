/** What a form offers of many repositories: the first by name, or what a search found, and always what is chosen. */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Caller } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRepositories } from '../../../core/repositories/repositories.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { FieldOption } from '../../ui/form.ts';
import { type Offer, offerListed } from '../forms/offer.ts';
import { labelRepositoryKind } from '../sources/source-words.ts';

/** For a select, 200 at most and those of `keep`. */
export async function offerRepositories(
  context: CoreContext,
  caller: Caller,
  { find = '', keep = [] }: { find?: string; keep?: readonly (RepositoryId | undefined)[] } = {},
): Promise<Offer<Repository>> {
  const search = find === '' ? undefined : find;
  const page = await listRepositories(context, caller, { search }, { limit: HTTP.pageSizeMax });
  return offerListed(page, keep, (ids) => context.store.repositories.findRepositories(caller.tenant, ids));
}

export function toRepositoryOption({ id, name, kind }: Pick<Repository, 'id' | 'name' | 'kind'>): FieldOption {
  return { value: id, label: `${name} · ${labelRepositoryKind(kind)}` };
}
