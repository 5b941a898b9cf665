/** Where a snapshot can be copied to: asked on its page, and on one of its own where that was searched without JavaScript. */
import { idSchema, type RepositoryId, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listPlaces } from '../../../core/snapshots/snapshot-places.ts';
import { getSnapshot } from '../../../core/snapshots/snapshots.ts';
import type { PageReply, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { foundChoices, searchName } from '../forms/choice-search.view.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, narrowOffer, readSought } from '../forms/offer.ts';
import { questionPage } from '../forms/question.view.ts';
import { findId, findParts } from '../params.ts';
import { offerRepositories } from '../repositories/offered-repositories.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { askCopy, SECOND, type SecondChoice, secondField } from './snapshot-copy.view.ts';

/** Repositories that a host has opened, without those it lies in. */
export async function readSeconds(context: CoreContext, visit: Visit, has: ReadonlySet<RepositoryId>): Promise<SecondChoice> {
  const chosen = findId(readText(visit.form, SECOND), idSchema('repository'));
  const sought = readSought(visit, SECOND);
  const listed = await offerRepositories(context, visit.caller, { find: sought.find, keep: [chosen] });
  const offer = narrowOffer(listed, ({ id, engineId }) => !has.has(id) && engineId !== undefined);
  const action = visit.urls.snapshotActs({ act: 'copy' });
  return {
    options: offer.rows.map(({ id, name }) => ({ value: id, label: name })),
    chosen,
    search: describeSearch('Find a repository', sought, offer, { field: SECOND, action }),
  };
}

/** Whether somebody searched there for a repository to copy to: the question for the host has its own search. */
export function isSecondSought(visit: Visit): boolean {
  return Object.hasOwn(visit.form, searchName(SECOND)) && readSought(visit, SECOND).isAsked;
}

/** What such a search comes back with; it copies nothing. */
export async function replySeconds(context: CoreContext, visit: Visit, id: SnapshotId): Promise<PageReply> {
  const { caller, urls } = visit;
  demand(caller, 'run.start');
  const snapshot = await getSnapshot(context, caller, id);
  const lie = await listPlaces(context, caller, snapshot);
  const seconds = await readSeconds(context, visit, new Set(lie.map(({ repository }) => repository)));
  const part = await findParts(visit, {
    [fieldPartId(SECOND)]: () => foundChoices(secondField(seconds), seconds.search),
  });
  if (part) return part;
  const names = await loadNames(context, caller, { sources: [snapshot.source], repositories: [snapshot.repository] });
  const cancelHref = urls.snapshot({ snapshot: id });
  const name = `${nameOf(names.sources, snapshot.source, 'source')} ${snapshot.engineId.slice(0, 8)}`;
  const repository = nameOf(names.repositories, snapshot.repository, 'repository');
  const view = {
    title: 'Copy a snapshot',
    crumbs: [{ label: 'Snapshots', href: urls.snapshots() }, { label: name, href: cancelHref }, { label: 'Copy' }],
    confirm: askCopy({ action: urls.snapshotActs(), snapshot: id, repository, seconds }),
    cancelHref,
  };
  return { kind: 'page', html: questionPage(await buildShell(context, visit, 'snapshots'), view) };
}
