/** Which host carries out what was chosen for snapshots: asked where it is not the one that made them, or where a person must name it. */
import { type HostId, idSchema, type RepositoryId, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Batch, Hands } from '../../../core/snapshots/snapshot-grounds.ts';
import { previewAct } from '../../../core/snapshots/snapshot-orders.ts';
import type { PageReply, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, offerAmong, readSought } from '../forms/offer.ts';
import { findId, findParts } from '../params.ts';
import { HANDS, type HandsView, handsField } from './snapshot-hands.view.ts';

/** Stands for "whoever can", which is what a person who leaves the field as it is wants. */
const ANYBODY = 'any';

export type HandedAct = 'verify' | 'delete' | 'copy';

export interface AskedHost {
  /** The page has asked. */
  isAsked: boolean;
  host?: HostId | undefined;
}

export function readHost({ form }: Visit): AskedHost {
  const text = readText(form, HANDS);
  const host = findId(text, idSchema('host'));
  return { isAsked: text !== '', ...(host === undefined ? {} : { host }) };
}

const isStandIn = ({ host, snapshots }: Batch): boolean => snapshots.some((snapshot) => snapshot.host !== host.id);

function describeHands(act: HandedAct, { batches }: Hands): string {
  const admin = batches.filter(({ repository }) => act === 'delete' && repository.admin !== undefined);
  const [first] = admin;
  if (first) return `${first.host.name} does it, and is given the admin credential of ${first.repository.name} for it alone.`;
  if (batches.length === 0)
    return 'Only the host that made them reaches the repository. It is given the admin credential for this if you choose it.';
  if (!batches.some(isStandIn)) return '';
  return 'The host that made them is gone or away. Another one does it that holds the credential of the repository anyway; nothing is given to it that it does not have.';
}

export async function readHands(
  context: CoreContext,
  visit: Visit,
  act: HandedAct,
  snapshots: readonly SnapshotId[],
  { repository, copies }: { repository?: RepositoryId | undefined; copies?: boolean } = {},
): Promise<HandsView & { mustAsk: boolean }> {
  const { caller, form, urls } = visit;
  const hands = await previewAct(context, caller, act, { snapshots, repository, copies });
  const { batches, choices } = hands;
  const doers = [...new Map(batches.map(({ host }) => [host.id, host.name])).values()];
  const anybody = doers.length === 0 ? [] : [{ value: ANYBODY, label: doers.join(', ') }];
  const others = choices.filter(({ name }) => doers.length !== 1 || name !== doers[0]);
  const needsKeeper = act === 'delete' && batches.some(({ repository: at }) => at.admin !== undefined);
  const posted = readText(form, HANDS);
  const sought = readSought(visit, HANDS);
  const offer = offerAmong(others, { find: sought.find, keep: [posted] });
  const options = [...anybody, ...offer.rows.map(({ id, name }) => ({ value: id as string, label: name }))];
  return {
    note: describeHands(act, hands),
    options,
    chosen: options.find(({ value }) => value === posted)?.value,
    search: describeSearch('Find a host', sought, offer, { field: HANDS, action: urls.snapshotActs({ act }) }),
    mustAsk: batches.length === 0 || (batches.some(isStandIn) && !needsKeeper),
  };
}

/** Whether somebody searched for another host: nothing is carried out by that. */
export const isHandSought = (visit: Visit): boolean => readSought(visit, HANDS).isAsked;

/** The field alone, where its search follows the typing. */
export function findHandsPart(visit: Visit, hands: HandsView): Promise<PageReply | undefined> {
  return findParts(visit, { [fieldPartId(HANDS)]: () => foundChoices(handsField(hands), hands.search) });
}
