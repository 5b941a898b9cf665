/** `/snapshots/:snapshot/files/restore`: chosen files come back. Nothing starts before the host has counted what it would do. */
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { DOWNLOAD_KIBPS_MAX } from '@holdfast/shared/domain/restore.ts';
import type { JudgedTarget } from '@holdfast/shared/domain/restore-policy.ts';
import {
  dropCovered,
  findParentPath,
  showStoredText,
  splitStoredPath,
  storedPathSchema,
} from '@holdfast/shared/domain/stored-path.ts';
import { BROWSE, TEXT } from '@holdfast/shared/limits.ts';
import type { RestorePreview } from '@holdfast/shared/protocol/browse.ts';
import { demand } from '../../../core/caller.ts';
import type { HostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { checkFileTarget, startFileRestore } from '../../../core/restores/file-restores.ts';
import { findHostRefusal } from '../../../core/restores/host-policy.ts';
import { type FileTarget, previewFileRestore } from '../../../core/snapshots/snapshot-contents.ts';
import { getSnapshot } from '../../../core/snapshots/snapshots.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { formatDate, formatDay } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readList, readText } from '../forms/form-values.ts';
import { describeSearch, type Offer, readSought } from '../forms/offer.ts';
import { offerHosts } from '../hosts/offered-hosts.ts';
import { findId, getParam } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { isOpenHost, toHostChoice } from './host-choice.ts';
import { explainRestoreBase, getRestoreBase } from './restore-base.ts';
import { findLimitProblem } from './restore-database-form.ts';
import { type FileWay, type RestoreFilesView, restoreFilesPage } from './restore-files.view.ts';
import { describePreview, isTight, nameStart, ROOM_REFUSED } from './restore-files-preview.ts';

const PATHS_SHOWN = 12;
const WAYS: RestoreFilesView['ways'] = [
  { value: 'directory', label: 'A new directory', help: 'Stored paths stand whole below it. Nothing is overwritten.' },
  {
    value: 'in_place',
    label: 'In place',
    help: 'Where they were. Files that stand there are replaced, each at once, after everything was read and proven. Files that the snapshot does not have stay.',
  },
  { value: 'tar', label: 'One tar archive', help: 'Of one directory, as a new file on the host.' },
  { value: 'zip', label: 'One zip archive', help: 'Of one directory, as a new file on the host. Zip keeps no owners.' },
  { value: 'file', label: 'One file under a new name', help: 'Of one file; its content alone.' },
];

/** As a host judges them. */
const JUDGED: Readonly<Record<FileWay, JudgedTarget>> = {
  directory: { kind: 'directory' },
  in_place: { kind: 'in_place' },
  tar: { kind: 'archive' },
  zip: { kind: 'archive' },
  file: { kind: 'file' },
};

interface Typed {
  paths: readonly string[];
  way: FileWay;
  host: string;
  target: string;
  hostName: string;
  safetyBackup: boolean;
  downloadKiBps: string;
  /** The page asked whether a disk that seems too small is accepted. */
  roomAsked: boolean;
  acceptLittleRoom: boolean;
  keepPrivileges: boolean;
}

interface Scene {
  snapshot: Snapshot;
  name: string;
  /** Its repository. */
  place: string;
  hosts: readonly HostView[];
  isLocal: boolean;
  /** What of the hosts was searched for, and whether there are more. */
  offer: Offer<HostView>;
}

const NO_OFFER: Offer<HostView> = { rows: [], found: [], isCut: false };

async function readScene(context: CoreContext, visit: Visit): Promise<Scene> {
  demand(visit.caller, 'restore.start');
  const snapshot = await getSnapshot(context, visit.caller, getParam(visit, 'snapshot', idSchema('snapshot')));
  const names = await loadNames(context, visit.caller, {
    sources: [snapshot.source],
    hosts: [snapshot.host],
    repositories: [snapshot.repository],
  });
  const isLocal = names.repositories.get(snapshot.repository)?.kind === 'local';
  const madeOn = names.hosts.get(snapshot.host);
  const keep = [findId(readText(visit.form, 'host'), idSchema('host'))];
  const { find } = readSought(visit);
  const offer = isLocal ? NO_OFFER : await offerHosts(context, visit.caller, { find, keep });
  const others = offer.rows.filter((host) => host.id !== snapshot.host);
  return {
    snapshot,
    name: nameOf(names.sources, snapshot.source, 'source'),
    place: nameOf(names.repositories, snapshot.repository, 'repository'),
    hosts: [...(madeOn === undefined ? [] : [madeOn]), ...others],
    isLocal,
    offer,
  };
}

function readPaths(values: Visit['form']): string[] {
  const paths = readList(values, 'path').filter((path) => storedPathSchema.safeParse(path).success);
  return dropCovered(paths.slice(0, 2 * BROWSE.chosenPaths));
}

function isWay(text: string): text is FileWay {
  return WAYS.some(({ value }) => value === text);
}

function toPlainName(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^[_.]+|_+$/g, '') || 'files';
}

/** A place that is likely free, by the way that was chosen. */
function proposeTarget({ name }: Scene, { way, paths }: Pick<Typed, 'way' | 'paths'>, base: string, date: string): string {
  const last = toPlainName(splitStoredPath(paths[0] ?? '/').at(-1) ?? name);
  switch (way) {
    case 'tar':
    case 'zip':
      return `${base}/${last}-${date}.${way}`;
    case 'file':
      return `${base}/${last}`;
    default:
      return `${base}/${toPlainName(name)}-${date}`;
  }
}

function readTyped(visit: Visit, scene: Scene, date: string): Typed {
  const values = visit.form;
  const paths = readPaths({ ...visit.query, ...values });
  const text = readText(values, 'way');
  const way: FileWay = isWay(text) ? text : 'directory';
  const online = scene.hosts.find(isOpenHost);
  const sought = readSought(visit);
  // Who searches means what is found.
  const wanted = sought.isAsked && sought.find !== '' ? scene.offer.found.find(isOpenHost) : undefined;
  const host = wanted?.id ?? (readText(values, 'host').slice(0, 100) || (online?.id ?? ''));
  const base = getRestoreBase(scene.hosts.find(({ id }) => id === host));
  const target = readText(values, 'target').trim();
  const bases = [...new Set(scene.hosts.map(getRestoreBase))];
  const proposed = WAYS.some(({ value }) =>
    bases.some((one) => proposeTarget(scene, { way: value, paths }, one, date) === target),
  );
  return {
    paths,
    way,
    host,
    // What nobody typed follows the way and the host.
    target: target === '' || proposed ? proposeTarget(scene, { way, paths }, base, date) : target,
    hostName: readText(values, 'hostName').trim(),
    // On unless its box was shown and is not ticked.
    safetyBackup: readText(values, 'safetyAsked') !== 'true' || readText(values, 'safetyBackup') === 'true',
    downloadKiBps: readText(values, 'downloadKiBps').trim().slice(0, 20),
    roomAsked: readText(values, 'roomAsked') === 'true',
    acceptLittleRoom: readText(values, 'acceptLittleRoom') === 'true',
    // Asked only of this way.
    keepPrivileges: way === 'directory' && readText(values, 'keepPrivileges') === 'true',
  };
}

/** The target in the words of an order; a problem where the choice does not fit the way. */
function toTarget({ way, paths, target }: Typed): { target: FileTarget } | { problem: FormProblem } {
  const [only] = paths;
  if (only === undefined)
    return { problem: { text: 'Nothing was ticked. Go back and choose what is to come back.', fields: {} } };
  if (way === 'in_place') return { target: { kind: 'in_place', paths: [...paths] } };
  if (target.length > TEXT.pathChars || !target.startsWith('/'))
    return { problem: { fields: { target: 'must be an absolute path, such as /restore/home' } } };
  if (way === 'directory') return { target: { kind: 'directory', path: target, paths: [...paths] } };
  if (paths.length > 1)
    return { problem: { fields: { way: 'this way is for one directory or one file, and more than one was chosen' } } };
  return {
    target:
      way === 'file' ? { kind: 'file', path: target, from: only } : { kind: 'archive', format: way, path: target, from: only },
  };
}

/** The core names its own fields. */
function renameFields(problem: FormProblem): FormProblem {
  const { 'target.path': path, 'target.paths': paths, 'target.from': from, ...others } = problem.fields;
  return {
    ...problem,
    fields: {
      ...others,
      ...(path === undefined ? {} : { target: path.replace(/^Target: /, '') }),
      ...(paths === undefined && from === undefined ? {} : { paths: paths ?? from ?? '' }),
    },
  };
}

interface Shown {
  typed: Typed;
  problem: FormProblem;
  preview?: RestorePreview | undefined;
}

async function showForm(
  context: CoreContext,
  visit: Visit,
  scene: Scene,
  { typed, problem, preview }: Shown,
): Promise<PageReply> {
  const { urls } = visit;
  const { snapshot, name, hosts } = scene;
  const face = readClockface(context, visit);
  const { paths } = typed;
  const chosen = hosts.find(({ id }) => id === typed.host);
  const host = chosen?.name ?? 'the host';
  const [first] = paths;
  const view: RestoreFilesView = {
    crumbs: [
      { label: 'Snapshots', href: urls.snapshots({ source: snapshot.source }) },
      { label: `${name} ${snapshot.engineId.slice(0, 8)}`, href: urls.snapshot({ snapshot: snapshot.id }) },
      { label: 'Files', href: urls.snapshotFiles({ snapshot: snapshot.id }) },
      { label: 'Restore' },
    ],
    heading:
      paths.length === 0
        ? `Choose what of ${name} comes back, as of ${formatDay(snapshot.createdAt, face)}.`
        : `Bring back ${paths.length === 1 ? 'one path' : formatNoun(paths.length, 'path')} of ${name} as of ${formatDay(snapshot.createdAt, face)}.`,
    action: urls.restoreFiles({ snapshot: snapshot.id }),
    backHref: urls.snapshotFiles({ snapshot: snapshot.id }, { path: first === undefined ? undefined : findParentPath(first) }),
    paths,
    shownPaths: paths.slice(0, PATHS_SHOWN).map(showStoredText),
    moreChosen: paths.length > PATHS_SHOWN ? `and ${formatNoun(paths.length - PATHS_SHOWN, 'more path')}` : undefined,
    hosts: hosts.map(toHostChoice),
    search: describeSearch('Find a host', readSought(visit), scene.offer),
    hostsHelp: scene.isLocal
      ? 'The repository is a folder on this host, so only this host can read it.'
      : 'Hosts that do not answer now, or take no restores, cannot be chosen.',
    targetHelp: explainRestoreBase(chosen),
    ways: WAYS.map((way) => ({ ...way, refusal: chosen && findHostRefusal(chosen, JUDGED[way.value]) })),
    values: {
      way: typed.way,
      host: typed.host,
      target: typed.target,
      hostName: typed.hostName,
      safetyBackup: typed.safetyBackup,
      downloadKiBps: typed.downloadKiBps,
      acceptLittleRoom: typed.acceptLittleRoom,
      keepPrivileges: typed.keepPrivileges,
    },
    isTight: preview !== undefined && isTight(preview),
    preview: preview && describePreview(typed.way, host, preview),
    start: preview && nameStart(typed.way, host, preview),
    typedName: typed.way === 'in_place' ? host : undefined,
    safetyPlace: typed.way === 'in_place' && preview !== undefined && preview.existing > 0 ? scene.place : undefined,
    problem: problem.text,
    errors: problem.fields,
  };
  const shell = await buildShell(context, visit, 'restore');
  return { kind: 'page', status: hasProblem(problem) ? 422 : 200, html: restoreFilesPage(shell, view) };
}

function findHost(typed: Typed): HostId | undefined {
  return findId(typed.host, idSchema('host'));
}

/** Counts by the host; what it says belongs to just these values. */
async function look(context: CoreContext, visit: Visit, scene: Scene, typed: Typed): Promise<Shown> {
  const host = findHost(typed);
  const wanted = toTarget(typed);
  if ('problem' in wanted) return { typed, problem: wanted.problem };
  if (host === undefined) return { typed, problem: { fields: { host: 'Choose a host that is online.' } } };
  try {
    const target = checkFileTarget(wanted.target);
    const { answer } = await previewFileRestore(context, visit.caller, scene.snapshot.id, { target, host });
    return { typed, problem: NO_PROBLEM, preview: answer };
  } catch (thrown) {
    return { typed, problem: renameFields(toFormProblem(thrown)) };
  }
}

async function handleForm(context: CoreContext, visit: Visit): Promise<PageReply> {
  const scene = await readScene(context, visit);
  const face = readClockface(context, visit);
  const typed = readTyped(visit, scene, formatDate(face.now, face.zone));
  const act = readText(visit.form, 'act');
  if (act === '') return showForm(context, visit, scene, { typed, problem: typed.paths.length === 0 ? noChoice() : NO_PROBLEM });
  if (act === 'find') return showForm(context, visit, scene, { typed, problem: NO_PROBLEM });
  if (act !== 'start') return showForm(context, visit, scene, await look(context, visit, scene, typed));
  const wanted = toTarget(typed);
  const host = findHost(typed);
  if ('problem' in wanted || host === undefined) return showForm(context, visit, scene, await look(context, visit, scene, typed));
  const fields = findTermProblems(typed);
  if (Object.keys(fields).length > 0)
    return showForm(context, visit, scene, { ...(await look(context, visit, scene, typed)), problem: { fields } });
  try {
    const { hostName, safetyBackup, downloadKiBps, acceptLittleRoom, keepPrivileges } = typed;
    const limit = downloadKiBps === '' ? {} : { downloadKiBps: Number(downloadKiBps) };
    const run = await startFileRestore(context, visit.caller, {
      snapshot: scene.snapshot.id,
      host,
      target: wanted.target,
      hostName,
      options: {
        safetyBackup,
        ...limit,
        ...(acceptLittleRoom ? { acceptLittleRoom } : {}),
        ...(keepPrivileges ? { keepPrivileges } : {}),
      },
    });
    return { kind: 'redirect', to: visit.urls.run({ run: run.id }) };
  } catch (thrown) {
    const problem = renameFields(toFormProblem(thrown));
    // The numbers stay before the eyes of who has to type again.
    const counted = await look(context, visit, scene, typed);
    return showForm(context, visit, scene, { ...counted, problem });
  }
}

/** What is wrong with how it is to go about, by field. */
function findTermProblems({ downloadKiBps, roomAsked, acceptLittleRoom }: Typed): Record<string, string> {
  const limit = findLimitProblem(downloadKiBps, DOWNLOAD_KIBPS_MAX);
  return {
    ...(limit === undefined ? {} : { downloadKiBps: limit }),
    ...(roomAsked && !acceptLittleRoom ? { acceptLittleRoom: ROOM_REFUSED } : {}),
  };
}

function noChoice(): FormProblem {
  return { text: 'Nothing was ticked. Go back and choose what is to come back.', fields: {} };
}

export const RESTORE_FILES_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.restoreFiles, handle: handleForm },
  { method: 'post', path: PAGES.restoreFiles, handle: handleForm },
];
