/** Hosts that can be asked on the page of a repository: for each act the first by name, or what its search found, and who is chosen. */

import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { findText, readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { offerHosts } from '../hosts/offered-hosts.ts';
import { findId, findParts } from '../params.ts';
import { toHostChoice } from '../sources/source-form.ts';
import { type HostAct, type HostPick, type HostPicks, hostFieldName, pickField } from './repository-hosts.view.ts';
import { chooseHost } from './repository-test.ts';

function describePick(act: HostAct, { kind }: Repository): Pick<HostPick, 'act' | 'label' | 'help'> {
  if (act === 'prune') return { act, label: 'From host' };
  if (act === 'check') return { act, label: 'From host', help: 'What is read goes over this host’s line.' };
  const isLocal = getRepositoryAdapter(kind).localPath !== undefined;
  const help = isLocal ? 'The directory lies on this host.' : 'One that will back up to it: what counts is the way from there.';
  return { act, label: 'Host', help };
}

/** `visit.form`: its fields without the name of the act before them. Who is chosen stays, whatever is searched for. */
export async function readHostPicks(context: CoreContext, visit: Visit, repository: Repository): Promise<HostPicks> {
  const { caller, form, query, urls } = visit;
  const { id, testedFrom } = repository;
  const asked = readText(form, 'host') || (findText(query, 'missing') ?? '');
  const keep = [findId(asked, idSchema('host')), testedFrom];
  const first = await offerHosts(context, caller, { keep });
  const chosen = chooseHost(first.rows, testedFrom, asked)?.id;
  const pick = async (act: HostAct, action: string): Promise<HostPick> => {
    const sought = readSought(visit, hostFieldName(act));
    const offer = sought.find === '' ? first : await offerHosts(context, caller, { find: sought.find, keep: [...keep, chosen] });
    const search = describeSearch('Find a host', sought, offer, { field: hostFieldName(act), action });
    return { ...describePick(act, repository), hosts: offer.rows.map(toHostChoice), chosen, search };
  };
  const at = { repository: id };
  return {
    test: await pick('test', urls.testRepository(at)),
    check: await pick('check', urls.checkRepository(at)),
    prune: await pick('prune', urls.pruneRepository(at)),
  };
}

/** The field alone, where its search follows the typing. */
export function findPickPart(visit: Visit, pick: HostPick): Promise<PageReply | undefined> {
  const field = pickField(pick);
  return findParts(visit, { [fieldPartId(field.name)]: () => foundChoices(field, pick.search) });
}
