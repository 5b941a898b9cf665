/** `/repositories/:repository/contents/:engine`: one snapshot as its repository tells it; its files, and taking it over into the ledger. */
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { engineSnapshotIdSchema } from '@holdfast/shared/domain/snapshot.ts';
import { joinStoredPath, showStoredText, splitStoredPath, storedPathSchema } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { BROWSE } from '@holdfast/shared/limits.ts';
import type { TreeListing } from '@holdfast/shared/protocol/browse.ts';
import { demand, isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { adoptOrphan, listStoredDirectory } from '../../../core/repositories/orphans.ts';
import { getRepository } from '../../../core/repositories/repositories.ts';
import { type ContentsRow, findStored } from '../../../core/repositories/repository-contents.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { isShown, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { offerSources } from '../hosts/offered-hosts.ts';
import { findId, findParts, getParam } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { labelSourceKind } from '../sources/source-words.ts';
import {
  ADOPTED,
  adoptedField,
  lookTroublePage,
  type StoredFilesView,
  type StoredSnapshotView,
  storedFilesPage,
  storedSnapshotPage,
} from './stored-snapshot.view.ts';

interface Asked {
  repository: Repository;
  engineId: string;
  host: HostId;
}

async function getAsked(context: CoreContext, visit: Visit): Promise<Asked> {
  demand(visit.caller, 'restore.start');
  const repository = await getRepository(context, visit.caller, getParam(visit, 'repository', idSchema('repository')));
  const engineId = getParam(visit, 'engine', engineSnapshotIdSchema);
  const text = readText(visit.form, 'host') || readText(visit.query, 'host');
  const host = findId(text, idSchema('host')) ?? repository.testedFrom;
  if (host === undefined) throw new AppError('invalid', 'choose the host that is to open the repository');
  return { repository, engineId, host };
}

function crumbsOf({ urls }: Visit, { repository, engineId, host }: Asked) {
  const at = { repository: repository.id };
  return {
    list: [
      { label: 'Repositories', href: urls.repositories() },
      { label: repository.name, href: urls.repository(at) },
      { label: 'Contents', href: urls.repositoryContents(at, { host }) },
    ],
    own: { label: engineId.slice(0, 8), href: urls.storedSnapshot({ ...at, engine: engineId }, { host }) },
  };
}

/** Sources it may be one of; the one that its tags name, or one on the machine that made it, comes chosen. */
async function listTargets(context: CoreContext, visit: Visit, asked: Asked, row?: ContentsRow) {
  const { repository, engineId } = asked;
  const named = findId(row?.tags?.source, idSchema('source'));
  const posted = findId(readText(visit.form, ADOPTED), idSchema('source'));
  const sought = readSought(visit, ADOPTED);
  // A repository on a disk of one host has only what is of that host.
  const host = repository.kind === 'local' ? asked.host : undefined;
  const offer = await offerSources(context, visit.caller, { host, find: sought.find, keep: [posted, named] });
  const names = await loadNames(context, visit.caller, { hosts: offer.rows.map((source) => source.host) });
  const onMachine = offer.rows.find(
    (source) => row?.stored !== undefined && names.hosts.get(source.host)?.facts?.hostname === row.stored.hostname,
  );
  const chosen = posted ?? (offer.rows.find(({ id }) => id === named) ?? onMachine)?.id;
  const options = offer.rows.map((source) => ({
    value: source.id as string,
    label: `${nameOf(names.hosts, source.host, 'host')} / ${source.name} (${labelSourceKind(source.kind)})`,
  }));
  // Nothing says which: a person does.
  const isOpen = chosen === undefined && options.length > 0;
  const action = visit.urls.adoptOrphan({ repository: repository.id, engine: engineId });
  return {
    sources: isOpen ? [{ value: '', label: 'Choose a source' }, ...options] : options,
    chosen,
    search: describeSearch('Find a source, by its name or its host', sought, offer, { field: ADOPTED, action }),
  };
}

/** The field alone, where its search follows the typing: no host is asked for that. */
async function findTargetsPart(context: CoreContext, visit: Visit, asked: Asked): Promise<PageReply | undefined> {
  return findParts(visit, {
    async [fieldPartId(ADOPTED)]() {
      const targets = await listTargets(context, visit, asked);
      return foundChoices(adoptedField({ ...targets, error: undefined }), targets.search);
    },
  });
}

async function listOrigin(
  context: CoreContext,
  visit: Visit,
  { tags, known }: ContentsRow,
): Promise<StoredSnapshotView['origin']> {
  if (tags === undefined) return [{ label: 'tags of', value: 'no Holdfast' }];
  const [host, source] = [findId(tags.host, idSchema('host')), findId(tags.source, idSchema('source'))];
  const names = await loadNames(context, visit.caller, { hosts: [host], sources: [source] });
  const isOurs = tags.tenant === visit.caller.tenant && host !== undefined && names.hosts.has(host);
  return [
    { label: 'tags of', value: isOurs ? 'this Holdfast' : 'a Holdfast that this server does not know' },
    ...(host === undefined || !names.hosts.has(host)
      ? []
      : [{ label: 'host', value: nameOf(names.hosts, host, 'host'), href: visit.urls.host({ host }) }]),
    ...(source === undefined || !names.sources.has(source)
      ? []
      : [{ label: 'source', value: nameOf(names.sources, source, 'source'), href: visit.urls.source({ source }) }]),
    ...(tags.role === 'globals' ? [{ label: 'holds', value: 'the roles of a database server' }] : []),
    ...(known?.isAdopted ? [{ label: 'adopted', value: 'yes' }] : []),
  ];
}

async function replySnapshot(
  context: CoreContext,
  visit: Visit,
  asked: Asked,
  problem: { text?: string | undefined; source?: string | undefined },
): Promise<PageReply> {
  const { caller, urls } = visit;
  const { row } = await findStored(context, caller, { ...asked, repository: asked.repository.id });
  const { stored, state, known } = row;
  const at = { repository: asked.repository.id, engine: asked.engineId };
  const isOrphan = state === 'orphan';
  const crumbs = crumbsOf(visit, asked);
  const targets = isOrphan ? await listTargets(context, visit, asked, row) : undefined;
  const view: StoredSnapshotView = {
    face: readClockface(context, visit),
    crumbs: [...crumbs.list, { label: crumbs.own.label }],
    engineId: asked.engineId,
    word: state,
    at: row.createdAt,
    hostname: stored?.hostname ?? '',
    sizeBytes: row.sizeBytes,
    tags: stored?.tags ?? [],
    paths: stored?.paths ?? [],
    pathCount: stored?.pathCount ?? 0,
    origin: await listOrigin(context, visit, row),
    knownHref: known && urls.snapshot({ snapshot: known.id }),
    filesHref: urls.storedFiles(at, { host: asked.host }),
    host: asked.host,
    problem: problem.text,
    adopt: targets && {
      action: urls.adoptOrphan(at),
      ...targets,
      addSourceHref: urls.addSource({ host: asked.host }),
      error: problem.source,
    },
    deleteAction:
      isOrphan && isAllowed(caller, 'repository.manage') ? urls.deleteOrphans({ repository: at.repository }) : undefined,
  };
  return { kind: 'page', html: storedSnapshotPage(await buildShell(context, visit, 'repositories'), view) };
}

async function showStored(context: CoreContext, visit: Visit): Promise<PageReply> {
  const asked = await getAsked(context, visit);
  try {
    return await replySnapshot(context, visit, asked, {});
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    const { list, own } = crumbsOf(visit, asked);
    const view = {
      crumbs: [...list, { label: own.label }],
      engineId: asked.engineId,
      problem: thrown.message,
      backHref: visit.urls.repositoryContents({ repository: asked.repository.id }),
    };
    return { kind: 'page', html: lookTroublePage(await buildShell(context, visit, 'repositories'), view) };
  }
}

async function postAdoption(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const asked = await getAsked(context, visit);
  if (readSought(visit, ADOPTED).isAsked)
    return (await findTargetsPart(context, visit, asked)) ?? replySnapshot(context, visit, asked, {});
  const source = findId(readText(visit.form, ADOPTED), idSchema('source'));
  if (source === undefined) return replySnapshot(context, visit, asked, { source: 'Source: choose one' });
  try {
    const adopted = await adoptOrphan(context, caller, { ...asked, repository: asked.repository.id, source });
    const to = { snapshot: adopted.id };
    const text = 'Adopted: it can be restored, read whole and browsed like every other snapshot. No run vouches for it.';
    const isRestore = readText(visit.form, 'next') === 'restore';
    return { kind: 'redirect', to: isRestore ? urls.restoreSnapshot(to) : urls.snapshot(to), flash: { tone: 'good', text } };
  } catch (thrown) {
    const problem = toFormProblem(thrown);
    return replySnapshot(context, visit, asked, { text: problem.text, source: problem.fields['source'] });
  }
}

function readPlace(visit: Visit) {
  const parsed = storedPathSchema.safeParse(readText(visit.query, 'path') || '/');
  if (!parsed.success) throw new AppError('not_found', 'there is no such path in a snapshot');
  const after = Number.parseInt(readText(visit.query, 'after'), 10);
  return { path: parsed.data, after: Number.isSafeInteger(after) && after > 0 ? after : 0 };
}

async function showFiles(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const asked = await getAsked(context, visit);
  const { path, after } = readPlace(visit);
  const at = { repository: asked.repository.id, engine: asked.engineId };
  const hrefOf = (to: string, next?: number) => urls.storedFiles(at, { host: asked.host, path: to, after: next });
  let answer: TreeListing = { path, entries: [], total: 0 };
  let problem: string | undefined;
  try {
    ({ answer } = await listStoredDirectory(context, caller, { ...asked, repository: asked.repository.id, path, after }));
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    problem = thrown.message;
  }
  let place = '/';
  const crumbs = crumbsOf(visit, asked);
  const view: StoredFilesView = {
    face: readClockface(context, visit),
    crumbs: [...crumbs.list, crumbs.own, { label: 'Files' }],
    heading: `Files of snapshot ${asked.engineId.slice(0, 8)} in ${asked.repository.name}.`,
    lede:
      problem === undefined
        ? `${formatNoun(answer.total, 'entry', 'entries')}${answer.total > BROWSE.entriesPerPage ? ', directories first' : ''}.`
        : '',
    places: [
      { label: 'root', href: hrefOf('/') },
      ...splitStoredPath(path).map((name) => {
        place = joinStoredPath(place, name);
        return { label: showStoredText(name), href: hrefOf(place) };
      }),
    ],
    lines: answer.entries.map((entry) => ({
      name: showStoredText(entry.name),
      isDirectory: entry.type === 'dir',
      href: entry.type === 'dir' ? hrefOf(joinStoredPath(path, entry.name)) : undefined,
      sizeBytes: entry.type === 'file' ? entry.sizeBytes : undefined,
      modifiedAt: entry.modifiedAt,
      owner: entry.owner ?? '',
    })),
    pager: {
      ...(after > 0 ? { previousHref: hrefOf(path) } : {}),
      ...(answer.next === undefined ? {} : { nextHref: hrefOf(path, answer.next) }),
    },
    problem,
    backHref: crumbs.own.href,
  };
  return { kind: 'page', html: storedFilesPage(await buildShell(context, visit, 'repositories'), view) };
}

export const STORED_SNAPSHOT_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.storedSnapshot, handle: showStored },
  { method: 'get', path: PAGES.storedFiles, handle: showFiles },
  { method: 'post', path: PAGES.adoptOrphan, handle: postAdoption },
];
