/** Restoring a database: the form, the look at the target, and the start. */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { getModeRule, RESTORE_JOBS, RESTORE_MODES, type RestoreMode } from '@holdfast/shared/domain/restore.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { findGlobals, lookAtRoles } from '../../../core/restores/restore-roles.ts';
import { lookAtTarget } from '../../../core/restores/restore-target.ts';
import { startRestore } from '../../../core/restores/restores.ts';
import { getSnapshotRecord } from '../../../core/snapshots/snapshots.ts';
import type { Source } from '../../../store/sources.ts';
import type { PageReply, Visit } from '../../http/route.ts';
import type { Flash } from '../../ui/flash.ts';
import { formatDate, formatMinute } from '../../ui/time.ts';
import { readClockface } from '../clockface.ts';
import type { ChoiceSearch } from '../forms/choice-search.view.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { offerSources } from '../hosts/offered-hosts.ts';
import { findId, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import type { PlaceChoice } from './restore.view.ts';
import { CONFIRM_ID, confirmPanel, type DatabaseRestoreView, databaseRestorePage } from './restore-database.view.ts';
import {
  askForPassword,
  checkTyped,
  EMPTY_TYPED,
  findPlace,
  findTargetProblem,
  NAME_CHARS,
  readCredential,
  readTyped,
  renameFields,
  type Typed,
  toPlaces,
} from './restore-database-form.ts';
import { describeConsent, describeLook, findSessionsRule, MODE_WORDS, nameConsent } from './restore-modes.ts';
import { describeRoles } from './restore-role-words.ts';
import { describePlaces, describeScene, isOnOneHost, type RestoreScene, toPlainName } from './restore-scene.ts';
import { parseTables } from './restore-tables.ts';

interface Connections {
  places: readonly PlaceChoice[];
  /** Those of them that somebody has just searched for. */
  found: readonly PlaceChoice[];
  search: ChoiceSearch | undefined;
}

/** Server connections of the same engine; each belongs to a host. */
async function listConnectionPlaces(
  context: CoreContext,
  visit: Visit,
  scene: RestoreScene,
  local: boolean,
  chosen: string | undefined,
): Promise<Connections> {
  const { source, snapshot } = scene;
  if (source === undefined) return { places: [], found: [], search: undefined };
  const sought = readSought(visit);
  const host = local ? snapshot.host : undefined;
  const keep = [findId(chosen, idSchema('source'))];
  const offer = await offerSources(context, visit.caller, { kind: source.kind, find: sought.find, host, keep });
  const others = offer.rows.filter(({ id }) => id !== source.id);
  const places = await toPlaces(context, visit, local && source.host !== host ? others : [source, ...others]);
  const ids = new Set<string>(offer.found.map((row) => row.id));
  return {
    places,
    found: sought.isAsked && sought.find !== '' ? places.filter(({ value }) => ids.has(value)) : [],
    search: describeSearch('Find a connection, by its source or host', sought, offer),
  };
}

function listModes(source: Source | undefined): readonly RestoreMode[] {
  const restore = source === undefined ? undefined : findSourceAdapter(source.kind)?.restore;
  return RESTORE_MODES.filter((mode) => restore?.modes.includes(mode));
}

const findRestore = (source: Source | undefined) => (source === undefined ? undefined : findSourceAdapter(source.kind)?.restore);

const hasSchemas = (source: Source | undefined) =>
  source !== undefined && findSourceAdapter(source.kind)?.restore?.planSchemas !== undefined;

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
  const offered =
    frame.refusal === undefined ? await listConnectionPlaces(context, visit, scene, local, typed?.place) : undefined;
  const places = offered?.places ?? [];
  const findOpen = (some: readonly PlaceChoice[] = []) => some.find((place) => place.disabled !== true)?.value;
  const wanted = findOpen(offered?.found);
  const values: Typed = (typed && { ...typed, place: wanted ?? typed.place }) ?? {
    ...EMPTY_TYPED,
    place: findOpen(places) ?? '',
    target: source === undefined ? '' : proposeTarget(source, scene.snapshot.createdAt, readClockface(context, visit).zone),
  };
  const chosen = await findPlace(context, visit, values.place);
  return {
    ...frame,
    places,
    search: offered?.search,
    placesHelp: describePlaces(scene),
    modes: listModes(source).map((mode) => ({ value: mode, ...MODE_WORDS[mode], refusal: chosen?.judge(mode) })),
    modesHelp: listModes(source).includes('clean')
      ? undefined
      : 'A server of this kind moves tables, nothing else: a database with views, triggers, routines or events is not replaced. Restore it under a new name.',
    needsName: getModeRule(values.mode).changesExisting,
    sessions: findSessionsRule(findRestore(source)),
    hasSchemas: hasSchemas(source),
    canJump: findRestore(source)?.planRestoreFile !== undefined,
    jobsMax: RESTORE_JOBS,
    hasRoles:
      findRestore(source)?.roles !== undefined && (await findGlobals(context, visit.caller, scene.snapshot)) !== undefined,
    values,
    seen,
    confirm: describeConsent(values.mode),
    agreed: nameConsent(values, seen),
    problem: problem.text,
    errors: problem.fields,
  };
}

/** What the host says of the target; a refusal is a word on the page too. */
async function look(context: CoreContext, visit: Visit, scene: RestoreScene, typed: Typed): Promise<readonly Flash[]> {
  const place = await findPlace(context, visit, typed.place);
  const wrong = findTargetProblem(typed.target);
  if (place === undefined || wrong !== undefined) return [{ tone: 'notice', text: 'Choose a connection and a database first.' }];
  const refusal = place.judge(typed.mode);
  if (refusal !== undefined) return [{ tone: 'problem', text: `${refusal}.` }];
  const credential = readCredential(visit, typed);
  try {
    const found = await lookAtTarget(context, visit.caller, { source: place.connection, database: typed.target }, credential);
    const wish = {
      endSessions: typed.endSessions,
      sizeBytes: scene.snapshot.sizeBytes,
      sessions: findSessionsRule(findRestore(scene.source)),
      overwriting: {
        recorded: (await getSnapshotRecord(context, visit.caller, scene.snapshot.id)).contents,
        tables: parseTables(typed.tables) ?? [],
      },
    };
    const roles =
      typed.roles === ''
        ? []
        : describeRoles(
            await lookAtRoles(context, visit.caller, {
              snapshot: scene.snapshot.id,
              source: place.connection,
              choice: typed.roles,
              credential,
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
  const told = typed ? askForPassword(problem, typed) : problem;
  const view = await buildView(context, visit, scene, typed, { problem: told, seen });
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
  if (readSought(visit).isAsked) return showDatabaseForm(context, visit, scene, { ...typed, understood: false });
  const checked = await checkTyped(context, visit, typed);
  if ('problem' in checked) return showDatabaseForm(context, visit, scene, typed, { problem: checked.problem });
  try {
    const run = await startRestore(context, visit.caller, { snapshot: scene.snapshot.id, ...checked.asked });
    return { kind: 'redirect', to: visit.urls.run({ run: run.id }) };
  } catch (thrown) {
    return showDatabaseForm(context, visit, scene, typed, { problem: renameFields(toFormProblem(thrown)) });
  }
}
