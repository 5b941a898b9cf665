/** `/repositories/:repository/locks`: who holds the locks, and taking them away. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { lockIdSchema } from '@holdfast/shared/domain/lock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { LOCKS } from '@holdfast/shared/limits.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { type HeldLock, lookAtLocks, startUnlock } from '../../../core/repositories/locks.ts';
import { getRepository } from '../../../core/repositories/repositories.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { readList, readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { findSought, offerHosts } from '../hosts/offered-hosts.ts';
import { findId, getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import { toHostChoice } from '../sources/source-form.ts';
import { type LockRow, type LocksView, locksPage } from './locks.view.ts';

function toRow({ holder, ...lock }: HeldLock): LockRow {
  const { id, hostname, username, pid, createdAt, exclusive } = lock;
  return {
    id,
    hostname,
    username,
    pid,
    createdAt,
    exclusive,
    holder: holder && { id: holder.host, name: holder.name },
    word: holder?.state ?? 'unknown',
  };
}

async function getAskedRepository(context: CoreContext, visit: Visit): Promise<Repository> {
  demand(visit.caller, 'repository.manage');
  return getRepository(context, visit.caller, getParam(visit, 'repository', idSchema('repository')));
}

function getPostedHost(visit: Visit) {
  const host = findId(readText(visit.form, 'host'), idSchema('host'));
  if (host === undefined) throw new AppError('invalid', 'choose the host that is to open the repository');
  return host;
}

async function replyPage(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  seen: Pick<LocksView, 'locks' | 'problem'>,
): Promise<PageReply> {
  const keep = [findId(readText(visit.form, 'host'), idSchema('host')), repository.testedFrom];
  const sought = readSought(visit);
  const offer = await offerHosts(context, visit.caller, { find: sought.find, keep });
  const hosts = offer.rows.map(toHostChoice);
  const known = (id: string | undefined) => hosts.find((host) => host.id === id)?.id;
  const first = hosts.find(({ standing }) => standing === 'online') ?? hosts[0];
  const view: LocksView = {
    urls: visit.urls,
    face: readClockface(context, visit),
    repository: { id: repository.id, name: repository.name },
    hosts,
    search: describeSearch('Find a host', sought, offer),
    chosenHost: findSought(sought, offer) ?? known(readText(visit.form, 'host')) ?? known(repository.testedFrom) ?? first?.id,
    ...seen,
  };
  return { kind: 'page', html: locksPage(await buildShell(context, visit, 'repositories'), view) };
}

async function showLocks(context: CoreContext, visit: Visit): Promise<PageReply> {
  const repository = await getAskedRepository(context, visit);
  return replyPage(context, visit, repository, { locks: undefined, problem: undefined });
}

async function postLook(context: CoreContext, visit: Visit): Promise<PageReply> {
  const repository = await getAskedRepository(context, visit);
  if (readSought(visit).isAsked) return replyPage(context, visit, repository, { locks: undefined, problem: undefined });
  try {
    const held = await lookAtLocks(context, visit.caller, { repository: repository.id, host: getPostedHost(visit) });
    return await replyPage(context, visit, repository, { locks: held.map(toRow), problem: undefined });
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return replyPage(context, visit, repository, { locks: undefined, problem: thrown.message });
  }
}

async function postClear(context: CoreContext, visit: Visit): Promise<PageReply> {
  const repository = await getAskedRepository(context, visit);
  const to = visit.urls.repositoryLocks({ repository: repository.id });
  const typed = readText(visit.form, 'confirm');
  if (typed !== '' && typed !== repository.name)
    return { kind: 'redirect', to, flash: { tone: 'bad', text: 'Nothing was removed: the typed name is another one.' } };
  const ids = readList(visit.form, 'lock').filter((id) => lockIdSchema.safeParse(id).success);
  try {
    const question = { repository: repository.id, host: getPostedHost(visit), ids: ids.slice(0, LOCKS.listed) };
    const run = await startUnlock(context, visit.caller, { ...question, isForced: typed === repository.name });
    if (run) return { kind: 'redirect', to: visit.urls.run({ run: run.id }) };
    const text = `Nothing was left to remove: ${repository.name} had been unlocked meanwhile.`;
    return { kind: 'redirect', to, flash: { tone: 'good', text } };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return { kind: 'redirect', to, flash: { tone: 'bad', text: thrown.message } };
  }
}

export const LOCK_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.repositoryLocks, handle: showLocks },
  { method: 'post', path: PAGES.repositoryLocks, handle: postLook },
  { method: 'post', path: PAGES.clearRepositoryLocks, handle: postClear },
];
