/** `/repositories/:repository/contents`: what the repository really holds, asked of a host while the page waits; and orphans in it deleted. */
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { engineSnapshotIdSchema } from '@holdfast/shared/domain/snapshot.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { CONTENTS, HTTP, TEXT } from '@holdfast/shared/limits.ts';
import { demand, isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { startOrphanDeletion } from '../../../core/repositories/orphans.ts';
import { getRepository } from '../../../core/repositories/repositories.ts';
import {
  CONTENTS_STATES,
  type ContentsRow,
  countContents,
  filterContents,
  lookAtContents,
  type RepositoryContents,
} from '../../../core/repositories/repository-contents.ts';
import { phraseDeletion } from '../../../core/snapshots/snapshot-deletion.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatCount } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { findText, readList, readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { findSought, offerHosts } from '../hosts/offered-hosts.ts';
import { findId, getParam } from '../params.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { toHostChoice } from '../sources/source-form.ts';
import { type ContentsLine, type ContentsView, contentsPage, orphanDeletionPage } from './repository-contents.view.ts';

/** What a person recognises a snapshot by. */
function describeRow({ stored, known }: ContentsRow, names: Names): Pick<ContentsLine, 'about' | 'detail' | 'from'> {
  const paths = stored === undefined ? '' : stored.paths.join(', ');
  const more =
    stored !== undefined && stored.pathCount > stored.paths.length ? ` and ${stored.pathCount - stored.paths.length} more` : '';
  const tags = stored?.tags.join(' · ') ?? '';
  const machine = stored?.hostname === undefined || stored.hostname === '' ? 'an unnamed machine' : stored.hostname;
  if (known === undefined) return { about: paths === '' ? 'no paths' : `${paths}${more}`, detail: tags, from: machine };
  const role = known.role === 'globals' ? 'the roles beside ' : '';
  return {
    about: `${role}${nameOf(names.sources, known.source, 'source')}`,
    detail: paths === '' ? '' : `${paths}${more}`,
    from: nameOf(names.hosts, known.host, 'host'),
  };
}

function readWish(visit: Visit) {
  const after = Number.parseInt(readText(visit.query, 'after'), 10);
  return {
    host: findId(readText(visit.query, 'host'), idSchema('host')),
    search: findText(visit.query, 'q', TEXT.searchChars) ?? '',
    word: CONTENTS_STATES.find((state) => state === readText(visit.query, 'state')),
    after: Number.isSafeInteger(after) && after > 0 ? after : 0,
  };
}
type Wish = ReturnType<typeof readWish>;

async function toSeen(
  context: CoreContext,
  visit: Visit,
  contents: RepositoryContents,
  wish: Wish,
): Promise<NonNullable<ContentsView['seen']>> {
  const { urls } = visit;
  const repository = contents.repository.id;
  const matching = filterContents(contents.rows, { state: wish.word, search: wish.search });
  const shown = matching.slice(wish.after, wish.after + HTTP.pageSize);
  const names = await loadNames(context, visit.caller, {
    sources: shown.map(({ known }) => known?.source),
    hosts: shown.map(({ known }) => known?.host),
  });
  const host = contents.host.id;
  const pageAt = (after: number) =>
    urls.repositoryContents({ repository }, { host, q: wish.search, state: wish.word, after: after > 0 ? after : undefined });
  const end = wish.after + shown.length;
  return {
    host: contents.host.name,
    counts: countContents(contents.rows),
    unreadable: contents.unreadable,
    lines: shown.map((row) => ({
      engineId: row.engineId,
      word: row.state,
      href:
        row.known === undefined
          ? urls.storedSnapshot({ repository, engine: row.engineId }, { host })
          : urls.snapshot({ snapshot: row.known.id }),
      at: row.createdAt,
      ...describeRow(row, names),
      isAdopted: row.known?.isAdopted ?? false,
      sizeBytes: row.sizeBytes,
    })),
    pager: {
      summary: `${formatCount(Math.min(wish.after + 1, end))}–${formatCount(end)} of ${formatCount(matching.length)}`,
      ...(wish.after > 0 ? { previousHref: pageAt(Math.max(0, wish.after - HTTP.pageSize)) } : {}),
      ...(end < matching.length ? { nextHref: pageAt(end) } : {}),
    },
  };
}

function crumbsOf({ urls }: Visit, { id, name }: Pick<Repository, 'id' | 'name'>) {
  return [
    { label: 'Repositories', href: urls.repositories() },
    { label: name, href: urls.repository({ repository: id }) },
  ];
}

async function showContents(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  demand(caller, 'restore.start');
  const repository = await getRepository(context, caller, getParam(visit, 'repository', idSchema('repository')));
  const wish = readWish(visit);
  const keep = [wish.host, repository.testedFrom];
  const sought = readSought(visit);
  const offer = await offerHosts(context, caller, { find: sought.find, keep });
  const hosts = offer.rows.map(toHostChoice);
  const known = (id: string | undefined) => hosts.find((host) => host.id === id)?.id;
  const first = hosts.find(({ standing }) => standing === 'online') ?? hosts[0];
  const chosenHost = findSought(sought, offer) ?? known(wish.host) ?? known(repository.testedFrom) ?? first?.id;
  const at = { repository: repository.id };
  const view: ContentsView = {
    face: readClockface(context, visit),
    crumbs: [...crumbsOf(visit, repository), { label: 'Contents' }],
    name: repository.name,
    action: urls.repositoryContents(at),
    allHref: urls.repositoryContents(at, { host: chosenHost }),
    deleteAction: urls.deleteOrphans(at),
    hosts,
    choiceSearch: describeSearch('Find a host', sought, offer),
    chosenHost,
    addHostHref: urls.addHost(),
    search: wish.search,
    word: wish.word,
    problem: undefined,
    mayDelete: isAllowed(caller, 'repository.manage'),
    seen: undefined,
  };
  const reply = async (seen: Pick<ContentsView, 'seen' | 'problem'>): Promise<PageReply> => ({
    kind: 'page',
    html: contentsPage(await buildShell(context, visit, 'repositories'), { ...view, ...seen }),
  });
  if (wish.host === undefined || sought.isAsked) return reply({ seen: undefined, problem: undefined });
  try {
    const contents = await lookAtContents(context, caller, { ...at, host: wish.host });
    return await reply({ seen: await toSeen(context, visit, contents, wish), problem: undefined });
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return reply({ seen: undefined, problem: thrown.message });
  }
}

function getPostedHost(visit: Visit): HostId {
  const host = findId(readText(visit.form, 'host'), idSchema('host'));
  if (host === undefined) throw new AppError('invalid', 'choose the host that is to open the repository');
  return host;
}

/** Asks first; what was typed comes back with `sure`. */
async function postDeletion(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  demand(caller, 'repository.manage');
  const repository = await getRepository(context, caller, getParam(visit, 'repository', idSchema('repository')));
  const host = getPostedHost(visit);
  const at = { repository: repository.id };
  const back = urls.repositoryContents(at, { host, state: 'orphan' });
  const engineIds = readList(visit.form, 'engine').filter((id) => engineSnapshotIdSchema.safeParse(id).success);
  if (engineIds.length === 0 || engineIds.length > CONTENTS.deleted) {
    const text = engineIds.length === 0 ? 'Tick the orphans first.' : `At most ${CONTENTS.deleted} can be deleted at once.`;
    return { kind: 'redirect', to: back, flash: { tone: 'bad', text } };
  }
  const ask = async (error: string | undefined): Promise<PageReply> => ({
    kind: 'page',
    html: orphanDeletionPage(await buildShell(context, visit, 'repositories'), {
      crumbs: [...crumbsOf(visit, repository), { label: 'Contents', href: back }, { label: 'Delete' }],
      action: urls.deleteOrphans(at),
      cancelHref: back,
      host,
      phrase: phraseDeletion(engineIds.length),
      engineIds,
      repository: repository.name,
      doneBy:
        repository.admin === undefined
          ? 'The chosen host removes them, with the repository’s own credential.'
          : 'The host that maintains the repository removes them, with the admin credential.',
      error,
    }),
  });
  if (readText(visit.form, 'sure') === '') return ask(undefined);
  try {
    const confirm = readText(visit.form, 'confirm').trim();
    const run = await startOrphanDeletion(context, caller, { ...at, host, engineIds, confirm });
    return { kind: 'redirect', to: urls.run({ run: run.id }), flash: { tone: 'good', text: 'The removal is ordered.' } };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return ask(thrown.message);
  }
}

export const REPOSITORY_CONTENTS_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.repositoryContents, handle: showContents },
  { method: 'post', path: PAGES.deleteOrphans, handle: postDeletion },
];
