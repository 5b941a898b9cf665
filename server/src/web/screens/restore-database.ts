/** Restoring a database: the form, the look at the target, and the start. */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { type HostId, idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import {
  RESTORE_JOBS,
  RESTORE_MODES,
  type RestoreMode,
  type RestoreOptions,
  ROLE_CHOICES,
} from '@holdfast/shared/domain/restore.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { CoreContext } from '../../core/ports.ts';
import { findGlobals, lookAtRoles } from '../../core/restore-roles.ts';
import { lookAtTarget } from '../../core/restore-target.ts';
import { type RestoreRequest, startRestore } from '../../core/restores.ts';
import { listSources } from '../../core/sources.ts';
import type { Source } from '../../store/catalog.ts';
import type { PageReply, Visit } from '../http/route.ts';
import type { Flash } from '../ui/flash.ts';
import { formatDate, formatMinute } from '../ui/time.ts';
import { readClockface } from './clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from './form-problem.ts';
import { readText } from './form-values.ts';
import { findId, wantsPart } from './params.ts';
import type { PlaceChoice } from './restore.view.ts';
import { CONFIRM_ID, confirmPanel, type DatabaseRestoreView, databaseRestorePage } from './restore-database.view.ts';
import { describeConsent, describeLook, MODE_WORDS } from './restore-modes.ts';
import { describeRoles } from './restore-role-words.ts';
import { describePlaces, describeScene, isOnOneHost, ONE_LINE, type RestoreScene, toPlainName } from './restore-scene.ts';
import { parseTables } from './restore-tables.ts';
import { loadNames, nameOf } from './run-names.ts';
import { buildShell } from './shell.ts';
import { describeSource } from './source-words.ts';

const DATABASE_NAME_CHARS = 255;
const LIMIT_MAX = 10_000_000;

type Typed = DatabaseRestoreView['values'];

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

function listModes(source: Source | undefined): readonly RestoreMode[] {
  const restore = source === undefined ? undefined : findSourceAdapter(source.kind)?.restore;
  return RESTORE_MODES.filter((mode) => restore?.modes.includes(mode));
}

const findRestore = (source: Source | undefined) => (source === undefined ? undefined : findSourceAdapter(source.kind)?.restore);

const canEndSessions = (source: Source | undefined) =>
  source !== undefined && findSourceAdapter(source.kind)?.restore?.planEndSessions !== undefined;

const hasSchemas = (source: Source | undefined) =>
  source !== undefined && findSourceAdapter(source.kind)?.restore?.planSchemas !== undefined;

/** Names of databases have 63 letters with PostgreSQL and 64 with MariaDB. */
const NAME_CHARS = 63;

/** A name that is likely free, and tells what is in it: the database and the minute of its backup, as `app_20261120_0200`. */
function proposeTarget(source: Source, madeAt: number, zone: string): string {
  const field = findSourceAdapter(source.kind)?.discovery?.fills;
  const database = field === undefined ? undefined : source.config[field];
  const name = typeof database === 'string' && database !== '' ? database : toPlainName(source.name);
  const minute = formatMinute(madeAt, zone).replaceAll(/\D/gu, '');
  const ending = `_${formatDate(madeAt, zone).replaceAll('-', '')}_${minute}`;
  return `${name.slice(0, NAME_CHARS - ending.length)}${ending}`;
}

async function buildView(
  context: CoreContext,
  visit: Visit,
  scene: RestoreScene,
  typed: Typed | undefined,
  { problem, seen }: { problem: FormProblem; seen: readonly Flash[] },
): Promise<DatabaseRestoreView> {
  const { source, repository } = scene;
  const local = repository !== undefined && isOnOneHost(repository);
  const frame = describeScene(context, visit, scene);
  const places = frame.refusal === undefined ? await listConnectionPlaces(context, visit, scene, local) : [];
  const values: Typed = typed ?? {
    place: places.find((place) => place.disabled !== true)?.value ?? '',
    target: source === undefined ? '' : proposeTarget(source, scene.snapshot.createdAt, readClockface(context, visit).zone),
    mode: 'new',
    tables: '',
    endSessions: false,
    safetyBackup: true,
    readFirst: false,
    owners: true,
    acceptOlderServer: false,
    downloadKiBps: '',
    jobs: '',
    roles: '',
    understood: false,
  };
  return {
    ...frame,
    places,
    placesHelp: describePlaces(scene),
    modes: listModes(source).map((mode) => ({ value: mode, ...MODE_WORDS[mode] })),
    canEndSessions: canEndSessions(source),
    hasSchemas: hasSchemas(source),
    canJump: findRestore(source)?.planRestoreFile !== undefined,
    jobsMax: RESTORE_JOBS,
    hasRoles:
      findRestore(source)?.roles !== undefined && (await findGlobals(context, visit.caller, scene.snapshot)) !== undefined,
    values,
    seen,
    confirm: describeConsent(values.mode),
    problem: problem.text,
    errors: problem.fields,
  };
}

function readTyped({ form }: Visit): Typed {
  const isTicked = (name: string) => readText(form, name) === 'true';
  const mode = readText(form, 'mode');
  return {
    place: readText(form, 'place').slice(0, 100),
    target: readText(form, 'target').trim(),
    mode: RESTORE_MODES.find((known) => known === mode) ?? 'new',
    tables: readText(form, 'tables').slice(0, HTTP.bodyBytes),
    endSessions: isTicked('endSessions'),
    safetyBackup: isTicked('safetyBackup'),
    readFirst: isTicked('readFirst'),
    owners: isTicked('owners'),
    acceptOlderServer: isTicked('acceptOlderServer'),
    downloadKiBps: readText(form, 'downloadKiBps').trim().slice(0, 20),
    jobs: readText(form, 'jobs').trim().slice(0, 20),
    roles: ROLE_CHOICES.find((known) => known === readText(form, 'roles')) ?? '',
    understood: isTicked('understood'),
  };
}

/** The connection that was chosen, with the host it belongs to. */
async function findPlace(
  context: CoreContext,
  visit: Visit,
  place: string,
): Promise<{ host: HostId; connection: SourceId; knowsOptions: boolean } | undefined> {
  const id = findId(place, idSchema('source'));
  const connection = id === undefined ? undefined : await context.store.catalog.findSource(visit.caller.tenant, id);
  if (connection === undefined) return undefined;
  const host = await context.store.hosts.findHost(visit.caller.tenant, connection.host);
  return { host: connection.host, connection: connection.id, knowsOptions: hasCapability(host?.facts, 'restore.look') };
}

function findTargetProblem(target: string): string | undefined {
  if (target === '') return 'is needed';
  if (!ONE_LINE.test(target)) return 'must be one line without control characters';
  return target.length > DATABASE_NAME_CHARS ? `has at most ${DATABASE_NAME_CHARS} letters` : undefined;
}

function findLimitProblem(text: string, most: number): string | undefined {
  if (text === '') return undefined;
  const limit = Number(text);
  return Number.isInteger(limit) && limit >= 1 && limit <= most ? undefined : `must be a whole number up to ${most}`;
}

/** An agent that knows no options is told only of wishes that it must refuse rather than ignore. */
function toOptions(typed: Typed, knowsOptions: boolean): RestoreOptions {
  const { endSessions, safetyBackup, readFirst, owners, acceptOlderServer, downloadKiBps } = typed;
  const limit = {
    ...(downloadKiBps === '' ? {} : { downloadKiBps: Number(downloadKiBps) }),
    ...(typed.jobs === '' ? {} : { jobs: Number(typed.jobs) }),
    ...(typed.roles === '' ? {} : { roles: typed.roles }),
  };
  if (knowsOptions) return { endSessions, safetyBackup, readFirst, owners, acceptOlderServer, ...limit };
  return { ...(readFirst ? { readFirst } : {}), ...(owners ? {} : { owners }), ...limit };
}

type Checked = { request: RestoreRequest } | { problem: FormProblem };

async function checkTyped(context: CoreContext, visit: Visit, scene: RestoreScene, typed: Typed): Promise<Checked> {
  const place = await findPlace(context, visit, typed.place);
  const tables = typed.mode === 'tables' ? parseTables(typed.tables) : [];
  const wrong: Readonly<Record<string, string | undefined>> = {
    place: place === undefined ? 'Choose where it goes.' : undefined,
    target: findTargetProblem(typed.target),
    tables: tables === undefined ? 'one table a line, such as sales.orders; odd names in double quotes' : undefined,
    downloadKiBps: findLimitProblem(typed.downloadKiBps, LIMIT_MAX),
    jobs: findLimitProblem(typed.jobs, RESTORE_JOBS),
    understood: typed.understood ? undefined : 'Confirm what will happen.',
  };
  const fields = Object.fromEntries(Object.entries(wrong).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
  if (place === undefined || tables === undefined || Object.keys(fields).length > 0) return { problem: { fields } };
  const target: RestoreRequest['target'] = {
    kind: 'database',
    source: place.connection,
    database: typed.target,
    mode: typed.mode,
    ...(tables.length === 0 ? {} : { tables }),
  };
  const { understood } = typed;
  return {
    request: { snapshot: scene.snapshot.id, host: place.host, target, options: toOptions(typed, place.knowsOptions), understood },
  };
}

/** The core names its own fields; the form calls the connection a place. */
function renameFields(problem: FormProblem): FormProblem {
  const names: Readonly<Record<string, string>> = {
    'target.source': 'place',
    host: 'place',
    'target.database': 'target',
    'target.mode': 'mode',
    'target.tables': 'tables',
    'options.jobs': 'jobs',
    'options.roles': 'roles',
  };
  const fields = Object.entries(problem.fields).map(([name, text]) => [
    names[name] ?? name,
    text.replace(/^(?:Target|Tables|Mode|Connections|Roles): /, ''),
  ]);
  return { ...problem, fields: Object.fromEntries(fields) as Record<string, string> };
}

/** What the host says of the target; a refusal is a word on the page too. */
async function look(context: CoreContext, visit: Visit, scene: RestoreScene, typed: Typed): Promise<readonly Flash[]> {
  const place = await findPlace(context, visit, typed.place);
  const wrong = findTargetProblem(typed.target);
  if (place === undefined || wrong !== undefined) return [{ tone: 'notice', text: 'Choose a connection and a database first.' }];
  try {
    const found = await lookAtTarget(context, visit.caller, { source: place.connection, database: typed.target });
    const wish = {
      endSessions: typed.endSessions,
      sizeBytes: scene.snapshot.sizeBytes,
      canEndSessions: canEndSessions(scene.source),
    };
    const roles =
      typed.roles === ''
        ? []
        : describeRoles(
            await lookAtRoles(context, visit.caller, {
              snapshot: scene.snapshot.id,
              source: place.connection,
              choice: typed.roles,
            }),
          );
    return [...describeLook(typed.mode, typed.target, found, wish), ...roles];
  } catch (thrown) {
    const { text, fields } = toFormProblem(thrown);
    return [{ tone: 'problem', text: text ?? Object.values(fields).join(' ') }];
  }
}

export async function showDatabaseForm(
  context: CoreContext,
  visit: Visit,
  scene: RestoreScene,
  typed?: Typed,
  { problem = NO_PROBLEM, seen = [] }: { problem?: FormProblem; seen?: readonly Flash[] } = {},
): Promise<PageReply> {
  const view = await buildView(context, visit, scene, typed, { problem, seen });
  if (wantsPart(visit, CONFIRM_ID)) return { kind: 'page', html: confirmPanel(view) };
  const shell = await buildShell(context, visit, 'restore');
  return { kind: 'page', status: hasProblem(problem) ? 422 : 200, html: databaseRestorePage(shell, view) };
}

export async function startDatabaseRestore(context: CoreContext, visit: Visit, scene: RestoreScene): Promise<PageReply> {
  const typed = readTyped(visit);
  if (readText(visit.form, 'act') === 'look' || wantsPart(visit, CONFIRM_ID)) {
    const seen = await look(context, visit, scene, typed);
    return showDatabaseForm(context, visit, scene, { ...typed, understood: false }, { seen });
  }
  const checked = await checkTyped(context, visit, scene, typed);
  if ('problem' in checked) return showDatabaseForm(context, visit, scene, typed, { problem: checked.problem });
  try {
    const run = await startRestore(context, visit.caller, checked.request);
    return { kind: 'redirect', to: visit.urls.run({ run: run.id }) };
  } catch (thrown) {
    return showDatabaseForm(context, visit, scene, typed, { problem: renameFields(toFormProblem(thrown)) });
  }
}
