/** `/snapshots/acts`: what is done with chosen snapshots, one or many; and what the page of one says about copies and readings. */
import { idSchema, type RepositoryId, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { StartedRuns } from '../../../core/runs/runs.ts';
import { findOpenVerification } from '../../../core/snapshots/open-verification.ts';
import { pinSnapshot, unpinSnapshot } from '../../../core/snapshots/pins.ts';
import { phraseDeletion, startDeletion } from '../../../core/snapshots/snapshot-deletion.ts';
import { startCopy, startVerify } from '../../../core/snapshots/snapshot-orders.ts';
import { listElsewhere, listPlaces } from '../../../core/snapshots/snapshot-places.ts';
import { getSnapshot } from '../../../core/snapshots/snapshots.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes, formatNoun } from '../../ui/quantity.ts';
import { formatStamp } from '../../ui/time.ts';
import { findLocalPath, PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { readList, readText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { isRestorable } from '../runs/run-acts.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import {
  type DeletionView,
  deletionPage,
  type OwnActsView,
  type PlaceLine,
  type ReadingView,
  type SnapshotActsView,
  type VerificationView,
} from './snapshot-acts.view.ts';
import { isSecondSought, readSeconds, replySeconds } from './snapshot-copy.ts';
import { findHandsPart, isHandSought, readHands, readHost } from './snapshot-hands.ts';
import { handsPage } from './snapshot-hands.view.ts';

const isThere = ({ state }: Pick<Snapshot, 'state'>): boolean => state !== 'missing' && state !== 'removed';

/** What this visitor may do with snapshots. */
export function readActs({ caller, urls }: Visit): SnapshotActsView {
  return {
    action: urls.snapshotActs(),
    mayPin: isAllowed(caller, 'plan.manage'),
    mayVerify: isAllowed(caller, 'run.start'),
    mayDelete: isAllowed(caller, 'repository.manage'),
  };
}

export interface SnapshotMore {
  acts?: OwnActsView | undefined;
  places: readonly PlaceLine[];
  verification?: VerificationView | undefined;
  reading?: ReadingView | undefined;
}

/** Everything the page of a snapshot says about it that is no fact of its making. */
export async function readSnapshotMore(
  context: CoreContext,
  visit: Visit,
  snapshot: Snapshot,
  { source, repository }: { source: string; repository: string },
): Promise<SnapshotMore> {
  const { caller, urls } = visit;
  const { zone } = readClockface(context, visit);
  const lie = await listPlaces(context, caller, snapshot);
  const names = await loadNames(context, caller, { repositories: lie.map((place) => place.repository) });
  const mayRestore = isAllowed(caller, 'restore.start');
  const places = lie.map((place): PlaceLine => {
    const restoreHref = mayRestore && isRestorable(place) ? urls.restoreSnapshot({ snapshot: place.id }) : undefined;
    return {
      href: urls.snapshot({ snapshot: place.id }),
      repository: nameOf(names.repositories, place.repository, 'repository'),
      detail: `${place.copyOf === undefined ? 'the original' : 'a copy'} · ${place.engineId.slice(0, 8)} · ${formatBytes(place.sizeBytes)}${place.id === snapshot.id ? ' · this one' : ''}`,
      ...(restoreHref === undefined || place.id === snapshot.id ? {} : { restoreHref }),
    };
  });
  const { verification } = snapshot;
  const open = isThere(snapshot) ? await findOpenVerification(context, caller, snapshot.id) : undefined;
  const elsewhere = lie
    .filter(({ id }) => id !== snapshot.id)
    .map((place) => nameOf(names.repositories, place.repository, 'repository'));
  const has = new Set(lie.map((place) => place.repository));
  const seconds = isThere(snapshot) ? await readSeconds(context, visit, has) : undefined;
  return {
    places: places.length > 1 ? places : [],
    ...(seconds ? { acts: { ...readActs(visit), seconds, snapshot: snapshot.id, source, repository, elsewhere } } : {}),
    ...(open === undefined ? {} : { reading: { isRunning: open.isRunning, runHref: urls.run({ run: open.run }) } }),
    ...(verification === undefined
      ? {}
      : {
          verification: {
            ok: verification.ok,
            at: verification.at,
            seen: `${formatStamp(verification.at, zone)}: ${verification.seen}`,
            sha256: verification.sha256,
            runHref: urls.run({ run: verification.run }),
          },
        }),
  };
}

function readChosen(visit: Visit): readonly SnapshotId[] {
  const ids = readList(visit.form, 'snapshots').map((text) => findId(text, idSchema('snapshot')));
  return [...new Set(ids.filter((id) => id !== undefined))].slice(0, RUNS.snapshotsPerOrder);
}

/** Where the act was asked for: the page of the only snapshot, or the list. */
function findBack({ urls, form }: Visit, ids: readonly SnapshotId[]): string {
  const [only] = ids;
  const back = findLocalPath(readText(form, 'back'), urls.basePath);
  if (back !== undefined) return back;
  return ids.length === 1 && only !== undefined ? urls.snapshot({ snapshot: only }) : urls.snapshots();
}

/** One run is shown itself, several as a list. */
function showRuns({ urls }: Visit, { runs }: StartedRuns, kind: string, text: string): PageReply {
  const [first] = runs;
  if (runs.length === 1 && first !== undefined) return { kind: 'redirect', to: urls.run({ run: first.id }) };
  return { kind: 'redirect', to: urls.runs({ kind }), flash: { tone: 'good', text } };
}

const readSnapshots = (context: CoreContext, { caller }: Visit, ids: readonly SnapshotId[]) =>
  Promise.all(ids.map((id) => getSnapshot(context, caller, id)));

/** The chosen ones as lines of a page that asks. */
async function readLines(context: CoreContext, visit: Visit, chosen: readonly Snapshot[]): Promise<DeletionView['lines']> {
  const { caller } = visit;
  const { zone } = readClockface(context, visit);
  const names = await loadNames(context, caller, {
    sources: chosen.map(({ source }) => source),
    repositories: chosen.map(({ repository }) => repository),
    hosts: chosen.map(({ host }) => host),
  });
  return chosen.map(({ id, source, host, repository, createdAt, sizeBytes, engineId }) => ({
    id,
    title: `${nameOf(names.sources, source, 'source')} as of ${formatStamp(createdAt, zone)}`,
    detail: `${engineId.slice(0, 8)} · ${formatBytes(sizeBytes)} · made by ${nameOf(names.hosts, host, 'host')} · in ${nameOf(names.repositories, repository, 'repository')}`,
  }));
}

const readConfirm = ({ form }: Visit): string => readText(form, 'confirm').slice(0, 100);

/** Whether what was chosen goes from wherever else it lies too. */
const wantsCopies = ({ form }: Visit): boolean => readText(form, 'copies') === 'true';

async function askDeletion(context: CoreContext, visit: Visit, ids: readonly SnapshotId[], error?: string): Promise<PageReply> {
  const { caller, urls } = visit;
  const chosen = await readSnapshots(context, visit, ids);
  const lines = await readLines(context, visit, chosen);
  const others = await readLines(context, visit, await listElsewhere(context, caller, chosen));
  const copies = wantsCopies(visit);
  const hands = await readHands(context, visit, 'delete', ids, { copies });
  const part = await findHandsPart(visit, hands);
  if (part) return part;
  const view = {
    crumbs: [{ label: 'Snapshots', href: urls.snapshots() }, { label: 'Delete' }],
    action: urls.snapshotActs(),
    cancelHref: urls.snapshots(),
    phrase: phraseDeletion(lines.length),
    lines,
    elsewhere: { lines: others, isChosen: copies },
    hands,
    typed: isHandSought(visit) ? readConfirm(visit) : '',
    error,
  };
  return {
    kind: 'page',
    status: error === undefined ? 200 : 422,
    html: deletionPage(await buildShell(context, visit, 'snapshots'), view),
  };
}

const ASKED = {
  verify: { title: 'Which host reads them whole?', verb: 'Read whole' },
  copy: { title: 'Which host copies them?', verb: 'Copy' },
} as const;

/** Where another host than the one that made them does it, a person says which; undefined where that is said, or need not be. */
async function askHost(
  context: CoreContext,
  visit: Visit,
  act: 'verify' | 'copy',
  ids: readonly SnapshotId[],
  repository?: RepositoryId,
): Promise<PageReply | undefined> {
  const isSearch = isHandSought(visit);
  if (readHost(visit).isAsked && !isSearch) return undefined;
  const { mustAsk, ...hands } = await readHands(context, visit, act, ids, { repository });
  if (!mustAsk && !isSearch) return undefined;
  const part = await findHandsPart(visit, hands);
  if (part) return part;
  const { title, verb } = ASKED[act];
  const view = {
    crumbs: [{ label: 'Snapshots', href: visit.urls.snapshots() }, { label: verb }],
    title,
    verb,
    action: visit.urls.snapshotActs(),
    cancelHref: findBack(visit, ids),
    hidden: { act, ...(repository === undefined ? {} : { repository }) },
    lines: await readLines(context, visit, await readSnapshots(context, visit, ids)),
    hands,
  };
  return { kind: 'page', html: handsPage(await buildShell(context, visit, 'snapshots'), view) };
}

async function carryOut(context: CoreContext, visit: Visit, act: string, ids: readonly SnapshotId[]): Promise<PageReply> {
  const { caller } = visit;
  const count = formatNoun(ids.length, 'snapshot');
  const back = findBack(visit, ids);
  const { isAsked, host } = readHost(visit);
  switch (act) {
    case 'pin':
    case 'unpin': {
      for (const id of ids) await (act === 'pin' ? pinSnapshot : unpinSnapshot)(context, caller, id);
      return { kind: 'redirect', to: back, flash: { tone: 'good', text: `${act === 'pin' ? 'Pinned' : 'Unpinned'}: ${count}.` } };
    }
    case 'verify': {
      const asked = await askHost(context, visit, act, ids);
      if (asked) return asked;
      const started = await startVerify(context, caller, { snapshots: ids, host });
      return showRuns(visit, started, 'verify', `${count} are read whole.`);
    }
    case 'copy': {
      const [first] = ids;
      if (first !== undefined && isSecondSought(visit)) return replySeconds(context, visit, first);
      const repository = findId(readText(visit.form, 'repository'), idSchema('repository'));
      if (repository === undefined)
        return { kind: 'redirect', to: back, flash: { tone: 'bad', text: 'Choose a repository to copy to.' } };
      const asked = await askHost(context, visit, act, ids, repository);
      if (asked) return asked;
      const started = await startCopy(context, caller, { snapshots: ids, repository, host });
      return showRuns(visit, started, 'copy', `${count} are copied.`);
    }
    case 'delete': {
      const confirm = readConfirm(visit);
      if (confirm === '' || isHandSought(visit)) return askDeletion(context, visit, ids);
      const phrase = phraseDeletion(ids.length);
      if (confirm !== phrase) return askDeletion(context, visit, ids, `Type ${phrase}.`);
      const copies = wantsCopies(visit);
      if (!isAsked && (await readHands(context, visit, 'delete', ids, { copies })).mustAsk)
        return askDeletion(context, visit, ids);
      const started = await startDeletion(context, caller, { snapshots: ids, confirm, host, copies });
      return showRuns(visit, started, 'delete_snapshot', `${count} are deleted.`);
    }
    default:
      return { kind: 'redirect', to: back, flash: { tone: 'bad', text: 'Choose what is to be done with them.' } };
  }
}

/** What is to be done. A search among the choices of its question says only that it is one, and its address the rest. */
function readAct({ form, query }: Visit): string {
  const words = readList(form, 'act');
  return words.find((word) => word !== 'find') ?? (words.includes('find') ? readText(query, 'act') : '');
}

async function actOnSnapshots(context: CoreContext, visit: Visit): Promise<PageReply> {
  const ids = readChosen(visit);
  if (ids.length === 0)
    return { kind: 'redirect', to: findBack(visit, ids), flash: { tone: 'bad', text: 'Tick at least one snapshot first.' } };
  try {
    return await carryOut(context, visit, readAct(visit), ids);
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    return { kind: 'redirect', to: findBack(visit, ids), flash: { tone: 'bad', text: thrown.message } };
  }
}

export const SNAPSHOT_ACT_SCREENS: readonly ScreenRoute[] = [
  { method: 'post', path: PAGES.snapshotActs, handle: actOnSnapshots },
];
