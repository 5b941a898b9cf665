/** `/snapshots/:snapshot/restore`: four steps on one page, then the run. */
import { findRepositoryAdapter, findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { type HostId, idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import { demand } from '../../core/caller.ts';
import { type HostView, listHosts } from '../../core/hosts.ts';
import type { CoreContext } from '../../core/ports.ts';
import { getSnapshot, type RestoreRequest, startRestore } from '../../core/restores.ts';
import { listSources } from '../../core/sources.ts';
import type { Repository, Source } from '../../store/catalog.ts';
import type { Snapshot } from '../../store/runs.ts';
import type { PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { formatBytes } from '../ui/quantity.ts';
import { formatDate, formatDay } from '../ui/time.ts';
import { PAGES } from '../urls.ts';
import { readClockface } from './clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from './form-problem.ts';
import { readText } from './form-values.ts';
import { findId, getParam } from './params.ts';
import { type PlaceChoice, type RestoreView, restorePage } from './restore.view.ts';
import { isRestorable } from './run-acts.ts';
import { loadNames, nameOf } from './run-names.ts';
import { buildShell } from './shell.ts';
import { describeSource, labelSourceKind } from './source-words.ts';

const DATABASE_NAME_CHARS = 255;
const ONE_LINE = /^[^\u0000-\u001f\u007f]*$/u;

interface RestoreScene {
  snapshot: Snapshot;
  source: Source | undefined;
  repository: Repository | undefined;
  madeOn: HostView | undefined;
}

interface Typed {
  place: string;
  target: string;
  understood: boolean;
}

async function readScene(context: CoreContext, visit: Visit): Promise<RestoreScene> {
  demand(visit.caller, 'restore.start');
  const snapshot = await getSnapshot(context, visit.caller, getParam(visit, 'snapshot', idSchema('snapshot')));
  const names = await loadNames(context, visit.caller, {
    hosts: [snapshot.host],
    sources: [snapshot.source],
    repositories: [snapshot.repository],
  });
  return {
    snapshot,
    source: names.sources.get(snapshot.source),
    repository: names.repositories.get(snapshot.repository),
    madeOn: names.hosts.get(snapshot.host),
  };
}

function isDatabase(source: Source): boolean {
  return findSourceAdapter(source.kind)?.restore !== undefined;
}

/** Whether the repository lies on the disk of the one host that wrote it. */
function isOnOneHost(repository: Repository): boolean {
  return findRepositoryAdapter(repository.kind)?.localPath !== undefined;
}

function findRefusal(scene: RestoreScene): string | undefined {
  if (scene.source === undefined) return 'The source of this snapshot was deleted here. Restore it by hand: its page says how.';
  if (scene.repository === undefined) return 'The repository of this snapshot was deleted here. Restore it by hand.';
  if (scene.snapshot.role !== 'data') return 'These are the roles beside a database; they are read into a server by hand.';
  if (!isRestorable(scene.snapshot)) return 'No clean run vouches for this snapshot, so it is not offered for restore.';
  return undefined;
}

/** Hosts for a directory: those that answer now, the one that made the snapshot first. */
async function listHostPlaces(context: CoreContext, visit: Visit, scene: RestoreScene, local: boolean): Promise<PlaceChoice[]> {
  const { madeOn } = scene;
  const page = local ? { rows: [] } : await listHosts(context, visit.caller, { state: 'active' }, { limit: HTTP.pageSizeMax });
  const others = page.rows.filter((host) => host.id !== madeOn?.id);
  return [...(madeOn === undefined ? [] : [madeOn]), ...others].map((host) => ({
    value: host.id,
    label: `${host.name}${host.standing === 'online' ? '' : ` (${host.standing})`}`,
    disabled: host.standing !== 'online',
  }));
}

/** Server connections of the same engine; each belongs to a host. */
async function listConnectionPlaces(
  context: CoreContext,
  visit: Visit,
  scene: RestoreScene,
  local: boolean,
): Promise<PlaceChoice[]> {
  const { source, snapshot } = scene;
  if (source === undefined) return [];
  const page = await listSources(context, visit.caller, { kind: source.kind }, { limit: HTTP.pageSizeMax });
  const fitting = [source, ...page.rows.filter((row) => row.id !== source.id)].filter(
    (row) => !local || row.host === snapshot.host,
  );
  const names = await loadNames(context, visit.caller, { hosts: fitting.map((row) => row.host) });
  return fitting.map((row) => {
    const standing = names.hosts.get(row.host)?.standing ?? 'revoked';
    return {
      value: row.id,
      label: `${nameOf(names.hosts, row.host, 'host')}: the server of ${row.name} (${describeSource(row)})${standing === 'online' ? '' : `, ${standing}`}`,
      disabled: standing !== 'online',
    };
  });
}

/** Letters a path and a database name may have everywhere. */
function toPlainName(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^_+|_+$/g, '') || 'backup';
}

function proposeTarget(source: Source, date: string): string {
  if (!isDatabase(source)) return `/restore/${toPlainName(source.name)}-${date}`;
  const field = findSourceAdapter(source.kind)?.discovery?.fills;
  const database = field === undefined ? undefined : source.config[field];
  return `${typeof database === 'string' && database !== '' ? database : toPlainName(source.name)}_restored`;
}

function describeHow(kind: RestoreView['kind'], snapshot: Snapshot): string[] {
  const size = formatBytes(snapshot.sizeBytes);
  if (kind === 'directory')
    return [
      'The host looks at the directory and refuses it when anything is in it. Nothing is overwritten.',
      `It reads ${size} from the repository and writes the files with their modes, owners, times and links.`,
      'It looks at what was written before it calls the restore good.',
    ];
  return [
    'The host asks the server for the new name and refuses it when that database exists and is not empty. Nothing is overwritten.',
    `It creates the database and reads ${size} from the repository into it, with owners and grants where the roles exist.`,
    'It counts what is there afterwards. If anything fails, the database it created is removed again.',
  ];
}

async function buildView(
  context: CoreContext,
  visit: Visit,
  scene: RestoreScene,
  typed: Typed | undefined,
  problem: FormProblem,
): Promise<RestoreView> {
  const { urls } = visit;
  const { snapshot, source, repository } = scene;
  const face = readClockface(context, visit);
  const kind = source !== undefined && isDatabase(source) ? 'database' : 'directory';
  const local = repository !== undefined && isOnOneHost(repository);
  const refusal = findRefusal(scene);
  const list = kind === 'database' ? listConnectionPlaces : listHostPlaces;
  const places = refusal === undefined ? await list(context, visit, scene, local) : [];
  const name = source?.name ?? 'a deleted source';
  const made = formatDay(snapshot.createdAt, face);
  const placesHelp = local
    ? `The repository is a folder on ${scene.madeOn?.name ?? 'the host that made it'}, so only that host can read it.`
    : 'Hosts that do not answer now cannot be chosen.';
  return {
    crumbs: [
      { label: 'Snapshots', href: urls.snapshots() },
      { label: `${name} ${snapshot.engineId.slice(0, 8)}`, href: urls.snapshot({ snapshot: snapshot.id }) },
      { label: 'Restore' },
    ],
    heading: `Bring back ${name} as of ${made}.`,
    state: snapshot.state,
    facts: [
      { label: 'source', value: source === undefined ? name : `${name} · ${labelSourceKind(source.kind)}` },
      { label: 'made on', value: scene.madeOn?.name ?? 'a deleted host' },
      { label: 'made', value: made },
      { label: 'a restore gives back', value: formatBytes(snapshot.sizeBytes) },
      { label: 'from the repository', value: repository?.name ?? 'a deleted repository' },
    ],
    action: urls.restoreSnapshot({ snapshot: snapshot.id }),
    cancelHref: urls.snapshot({ snapshot: snapshot.id }),
    kind,
    places,
    placesHelp,
    values: typed ?? {
      place: places.find((place) => place.disabled !== true)?.value ?? '',
      target: source === undefined ? '' : proposeTarget(source, formatDate(face.now, face.zone)),
      understood: false,
    },
    how: describeHow(kind, snapshot),
    confirm:
      kind === 'database'
        ? 'I understand this creates a new database on that server and fills it.'
        : 'I understand this creates a new directory on that host and fills it.',
    refusal,
    problem: problem.text,
    errors: problem.fields,
  };
}

/** The place that was chosen: the host, and for a database its connection. */
async function findPlace(
  context: CoreContext,
  visit: Visit,
  source: Source,
  place: string,
): Promise<{ host: HostId; connection?: SourceId } | undefined> {
  if (!isDatabase(source)) {
    const host = findId(place, idSchema('host'));
    return host === undefined ? undefined : { host };
  }
  const id = findId(place, idSchema('source'));
  const connection = id === undefined ? undefined : await context.store.catalog.findSource(visit.caller.tenant, id);
  return connection === undefined ? undefined : { host: connection.host, connection: connection.id };
}

function findTargetProblem(source: Source, target: string): string | undefined {
  if (target === '') return 'is needed';
  if (!ONE_LINE.test(target)) return 'must be one line without control characters';
  if (isDatabase(source)) return target.length > DATABASE_NAME_CHARS ? `has at most ${DATABASE_NAME_CHARS} letters` : undefined;
  if (!target.startsWith('/')) return 'must be an absolute path, such as /restore/home';
  return target.length > TEXT.pathChars ? `has at most ${TEXT.pathChars} letters` : undefined;
}

async function checkTyped(
  context: CoreContext,
  visit: Visit,
  scene: RestoreScene,
  typed: Typed,
): Promise<{ request: RestoreRequest } | { problem: FormProblem }> {
  const { source, snapshot } = scene;
  if (source === undefined) return { problem: { text: findRefusal(scene), fields: {} } };
  const place = await findPlace(context, visit, source, typed.place);
  const wrongTarget = findTargetProblem(source, typed.target);
  const fields: Record<string, string> = {
    ...(place === undefined ? { place: 'Choose where it goes.' } : {}),
    ...(wrongTarget === undefined ? {} : { target: wrongTarget }),
    ...(typed.understood ? {} : { understood: 'Confirm what will be created.' }),
  };
  if (place === undefined || Object.keys(fields).length > 0) return { problem: { fields } };
  const target: RestoreRequest['target'] =
    place.connection === undefined
      ? { kind: 'directory', path: typed.target }
      : { kind: 'database', source: place.connection, database: typed.target };
  return { request: { snapshot: snapshot.id, host: place.host, target } };
}

/** The core names its own fields; the form calls the connection a place. */
function renameFields(problem: FormProblem): FormProblem {
  const { 'target.source': connection, 'target.database': database, 'target.path': path, host, ...others } = problem.fields;
  const place = connection ?? host;
  const target = database ?? path;
  return {
    ...problem,
    fields: {
      ...others,
      ...(place === undefined ? {} : { place }),
      ...(target === undefined ? {} : { target: target.replace(/^Target: /, '') }),
    },
  };
}

async function showForm(
  context: CoreContext,
  visit: Visit,
  scene: RestoreScene,
  typed?: Typed,
  problem: FormProblem = NO_PROBLEM,
): Promise<PageReply> {
  const view = await buildView(context, visit, scene, typed, problem);
  const shell = await buildShell(context, visit, 'restore');
  return { kind: 'page', status: hasProblem(problem) ? 422 : 200, html: restorePage(shell, view) };
}

async function start(context: CoreContext, visit: Visit): Promise<PageReply> {
  const scene = await readScene(context, visit);
  const typed: Typed = {
    place: readText(visit.form, 'place').slice(0, 100),
    target: readText(visit.form, 'target').trim(),
    understood: readText(visit.form, 'understood') === 'true',
  };
  const checked = await checkTyped(context, visit, scene, typed);
  if ('problem' in checked) return showForm(context, visit, scene, typed, checked.problem);
  try {
    const run = await startRestore(context, visit.caller, checked.request);
    return { kind: 'redirect', to: visit.urls.run({ run: run.id }) };
  } catch (thrown) {
    return showForm(context, visit, scene, typed, renameFields(toFormProblem(thrown)));
  }
}

export const RESTORE_SCREENS: readonly ScreenRoute[] = [
  {
    method: 'get',
    path: PAGES.restoreSnapshot,
    handle: async (context, visit) => showForm(context, visit, await readScene(context, visit)),
  },
  { method: 'post', path: PAGES.restoreSnapshot, handle: start },
];
