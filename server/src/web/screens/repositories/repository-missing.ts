/** What the page of a repository says where there is none at its address yet: the offer to create it, and after which other one. */
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Visit } from '../../http/route.ts';
import { findText, readText } from '../forms/form-values.ts';
import { describeSearch, narrowOffer, readSought } from '../forms/offer.ts';
import { findId } from '../params.ts';
import type { TestResultView } from '../sources/source-test.view.ts';
import { offerRepositories } from './offered-repositories.ts';
import { createOffer, MODEL, type ModelChoice } from './repository-missing.view.ts';

/** Repositories that a new one may be made after: those that a host has opened. */
export async function readModels(context: CoreContext, visit: Visit, repository: Repository): Promise<ModelChoice> {
  const { caller, form, urls } = visit;
  const chosen = findId(readText(form, MODEL), idSchema('repository'));
  const sought = readSought(visit, MODEL);
  const listed = await offerRepositories(context, caller, { find: sought.find, keep: [chosen] });
  const offer = narrowOffer(listed, ({ engineId }) => engineId !== undefined);
  const action = urls.initRepository({ repository: repository.id });
  return {
    options: offer.rows.map(({ id, name }) => ({ value: id, label: name })),
    chosen: chosen ?? '',
    search: describeSearch('Find a repository', sought, offer, { field: MODEL, action }),
  };
}

export async function describeMissing(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  host: HostId,
  words?: string,
): Promise<TestResultView> {
  const action = visit.urls.initRepository({ repository: repository.id });
  return {
    state: 'missing',
    sentence: 'There is no repository at this address yet.',
    words,
    advice: 'If the address is right, create it. Nothing is ever created without being asked for.',
    action: createOffer({ action, host, models: await readModels(context, visit, repository) }),
  };
}

/** Saving it ends here when its test found none: the address names the host that looked. */
export async function recallMissing(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
): Promise<TestResultView | undefined> {
  const host = findId(findText(visit.query, 'missing'), idSchema('host'));
  if (host === undefined || repository.engineId !== undefined || !isAllowed(visit.caller, 'repository.manage')) return undefined;
  return describeMissing(context, visit, repository, host);
}
