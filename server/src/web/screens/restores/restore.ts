/** `/snapshots/:snapshot/restore`: four steps on one page, then the run. Here files; a database has a page of its own. */
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { DOWNLOAD_KIBPS_MAX } from '@holdfast/shared/domain/restore.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import type { RestorePreview } from '@holdfast/shared/protocol/browse.ts';
import type { HostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { checkFileTarget } from '../../../core/restores/file-restores.ts';
import { type RestoreRequest, startRestore } from '../../../core/restores/restores.ts';
import { previewFileRestore } from '../../../core/snapshots/snapshot-contents.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { formatDate } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, type Offer, readSought } from '../forms/offer.ts';
import { offerHosts } from '../hosts/offered-hosts.ts';
import { findId, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { isOpenHost, toHostChoice } from './host-choice.ts';
import { FILES_CONFIRM_ID, filesConfirmPart, type RestoreView, restorePage } from './restore.view.ts';
import { explainRestoreBase, getRestoreBase } from './restore-base.ts';
import { showDatabaseForm, startDatabaseRestore } from './restore-database.ts';
import { findLimitProblem } from './restore-database-form.ts';
import { describePreview, isTight, ROOM_REFUSED } from './restore-files-preview.ts';
import {
  describePlaces,
  describeScene,
  findRefusal,
  isDatabase,
  isOnOneHost,
  ONE_LINE,
  type RestoreScene,
  readScene,
  toPlainName,
} from './restore-scene.ts';

interface Typed {
  place: string;
  target: string;
  downloadKiBps: string;
  /** The page asked whether a disk that seems too small is accepted. */
  roomAsked: boolean;
  acceptLittleRoom: boolean;
  keepPrivileges: boolean;
  understood: boolean;
}

interface Shown {
  typed?: Typed | undefined;
  problem?: FormProblem | undefined;
  preview?: RestorePreview | undefined;
}

/** Hosts for a directory: the one that made the snapshot first, then those of the fleet, or of it what was searched for. */
async function offerTargetHosts(
  context: CoreContext,
  visit: Visit,
  { madeOn }: RestoreScene,
  typed: Typed | undefined,
): Promise<Offer<HostView>> {
  const chosen = typed === undefined ? undefined : findId(typed.place, idSchema('host'));
  const offer = await offerHosts(context, visit.caller, { find: readSought(visit).find, keep: [chosen] });
  const others = offer.rows.filter((host) => host.id !== madeOn?.id);
  return { ...offer, rows: [...(madeOn === undefined ? [] : [madeOn]), ...others] };
}

async function buildView(
  context: CoreContext,
  visit: Visit,
  scene: RestoreScene,
  { typed, problem = NO_PROBLEM, preview }: Shown,
): Promise<RestoreView> {
  const { source, repository } = scene;
  const face = readClockface(context, visit);
  const local = repository !== undefined && isOnOneHost(repository);
  const frame = describeScene(context, visit, scene);
  const alone = { rows: scene.madeOn === undefined ? [] : [scene.madeOn], found: [], isCut: false };
  const offer = frame.refusal === undefined && !local ? await offerTargetHosts(context, visit, scene, typed) : alone;
  const hosts = frame.refusal === undefined ? offer.rows : [];
  const sought = readSought(visit);
  const first = hosts.find(isOpenHost);
  // Who searches means what is found.
  const wanted = sought.isAsked && sought.find !== '' ? offer.found.find(isOpenHost) : undefined;
  const chosen = wanted ?? (typed === undefined ? first : hosts.find(({ id }) => id === typed.place));
  return {
    ...frame,
    places: hosts.map(toHostChoice),
    search: describeSearch('Find a host', sought, offer),
    placesHelp: describePlaces(scene),
    targetHelp: explainRestoreBase(chosen),
    filesHref: visit.urls.snapshotFiles({ snapshot: scene.snapshot.id }),
    values: (typed && { ...typed, place: wanted?.id ?? typed.place }) ?? {
      place: first?.id ?? '',
      target:
        source === undefined ? '' : `${getRestoreBase(first)}/${toPlainName(source.name)}-${formatDate(face.now, face.zone)}`,
      downloadKiBps: '',
      acceptLittleRoom: false,
      keepPrivileges: false,
      understood: false,
    },
    preview: preview && describePreview('directory', chosen?.name ?? 'the host', preview),
    isTight: preview !== undefined && isTight(preview),
    how: [
      'The host looks at the directory and refuses it when anything is in it, or the disk has less room than the files need. Nothing is overwritten.',
      `It reads ${formatBytes(scene.snapshot.sizeBytes)} from the repository and writes the files with their modes, owners, times and links.`,
      'It looks at what was written before it calls the restore good.',
    ],
    confirm: 'I understand this creates a new directory on that host and fills it.',
    problem: problem.text,
    errors: problem.fields,
  };
}

function findTargetProblem(target: string): string | undefined {
  if (target === '') return 'is needed';
  if (!ONE_LINE.test(target)) return 'must be one line without control characters';
  if (!target.startsWith('/')) return 'must be an absolute path, such as /restore/home';
  return target.length > TEXT.pathChars ? `has at most ${TEXT.pathChars} letters` : undefined;
}

function checkTyped(scene: RestoreScene, typed: Typed): { request: RestoreRequest } | { problem: FormProblem } {
  if (scene.source === undefined) return { problem: { text: findRefusal(scene), fields: {} } };
  const host: HostId | undefined = findId(typed.place, idSchema('host'));
  const wrongTarget = findTargetProblem(typed.target);
  const wrongLimit = findLimitProblem(typed.downloadKiBps, DOWNLOAD_KIBPS_MAX);
  const fields: Record<string, string> = {
    ...(host === undefined ? { place: 'Choose where it goes.' } : {}),
    ...(wrongTarget === undefined ? {} : { target: wrongTarget }),
    ...(wrongLimit === undefined ? {} : { downloadKiBps: wrongLimit }),
    ...(typed.roomAsked && !typed.acceptLittleRoom ? { acceptLittleRoom: ROOM_REFUSED } : {}),
    ...(typed.understood ? {} : { understood: 'Confirm what will be created.' }),
  };
  if (host === undefined || Object.keys(fields).length > 0) return { problem: { fields } };
  const { downloadKiBps, acceptLittleRoom, keepPrivileges } = typed;
  const options = {
    ...(downloadKiBps === '' ? {} : { downloadKiBps: Number(downloadKiBps) }),
    ...(acceptLittleRoom ? { acceptLittleRoom } : {}),
    ...(keepPrivileges ? { keepPrivileges } : {}),
  };
  return {
    request: {
      snapshot: scene.snapshot.id,
      host,
      target: { kind: 'directory', path: typed.target },
      ...(Object.keys(options).length === 0 ? {} : { options }),
    },
  };
}

/** The core names its own fields; the form calls the host a place. */
function renameFields(problem: FormProblem): FormProblem {
  const { 'target.path': path, host, ...others } = problem.fields;
  return {
    ...problem,
    fields: {
      ...others,
      ...(host === undefined ? {} : { place: host }),
      ...(path === undefined ? {} : { target: path.replace(/^Target: /, '') }),
    },
  };
}

async function showForm(context: CoreContext, visit: Visit, scene: RestoreScene, shown: Shown = {}): Promise<PageReply> {
  const view = await buildView(context, visit, scene, shown);
  if (wantsPart(visit, FILES_CONFIRM_ID)) return { kind: 'page', html: filesConfirmPart(view) };
  const shell = await buildShell(context, visit, 'restore');
  return { kind: 'page', status: hasProblem(shown.problem ?? NO_PROBLEM) ? 422 : 200, html: restorePage(shell, view) };
}

/** Counts by the host; what it says belongs to just these values. */
async function look(context: CoreContext, visit: Visit, scene: RestoreScene, typed: Typed): Promise<Shown> {
  const host = findId(typed.place, idSchema('host'));
  const wrongTarget = findTargetProblem(typed.target);
  if (host === undefined) return { typed, problem: { fields: { place: 'Choose where it goes.' } } };
  if (wrongTarget !== undefined) return { typed, problem: { fields: { target: wrongTarget } } };
  try {
    const target = checkFileTarget({ kind: 'directory', path: typed.target });
    const { answer } = await previewFileRestore(context, visit.caller, scene.snapshot.id, { target, host });
    return { typed, preview: answer };
  } catch (thrown) {
    return { typed, problem: renameFields(toFormProblem(thrown)) };
  }
}

async function start(context: CoreContext, visit: Visit, scene: RestoreScene): Promise<PageReply> {
  const typed: Typed = {
    place: readText(visit.form, 'place').slice(0, 100),
    target: readText(visit.form, 'target').trim(),
    downloadKiBps: readText(visit.form, 'downloadKiBps').trim().slice(0, 20),
    roomAsked: readText(visit.form, 'roomAsked') === 'true',
    acceptLittleRoom: readText(visit.form, 'acceptLittleRoom') === 'true',
    keepPrivileges: readText(visit.form, 'keepPrivileges') === 'true',
    understood: readText(visit.form, 'understood') === 'true',
  };
  if (readSought(visit).isAsked) return showForm(context, visit, scene, { typed });
  if (readText(visit.form, 'act') === 'look') return showForm(context, visit, scene, await look(context, visit, scene, typed));
  const checked = checkTyped(scene, typed);
  if ('problem' in checked) {
    const counted = typed.roomAsked ? await look(context, visit, scene, typed) : { typed };
    return showForm(context, visit, scene, { ...counted, problem: checked.problem });
  }
  try {
    const run = await startRestore(context, visit.caller, checked.request);
    return { kind: 'redirect', to: visit.urls.run({ run: run.id }) };
  } catch (thrown) {
    return showForm(context, visit, scene, { typed, problem: renameFields(toFormProblem(thrown)) });
  }
}

const isOfDatabase = ({ source }: RestoreScene) => source !== undefined && isDatabase(source);

export const RESTORE_SCREENS: readonly ScreenRoute[] = [
  {
    method: 'get',
    path: PAGES.restoreSnapshot,
    async handle(context, visit) {
      const scene = await readScene(context, visit);
      return isOfDatabase(scene) ? showDatabaseForm(context, visit, scene) : showForm(context, visit, scene);
    },
  },
  {
    method: 'post',
    path: PAGES.restoreSnapshot,
    async handle(context, visit) {
      const scene = await readScene(context, visit);
      return isOfDatabase(scene) ? startDatabaseRestore(context, visit, scene) : start(context, visit, scene);
    },
  },
];
