/** `/restore/dumps/start`: a dump file of a host goes into a database: the form, the look at the target, and the start. */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { describeDump, fitsDumpEngine, listDumpOptions } from '@holdfast/shared/domain/dump-file.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { getModeRule, RESTORE_JOBS, type RestoreMode, type RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { findParentPath, showStoredText } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { type FoundDump, findDump } from '../../../core/restores/dump-files.ts';
import { listSafetyPlaces, listWays, startDumpRestore } from '../../../core/restores/dump-restores.ts';
import { findHostRefusal, takesRestores } from '../../../core/restores/host-policy.ts';
import { lookAtTarget } from '../../../core/restores/restore-target.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Source } from '../../../store/sources.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import type { Flash } from '../../ui/flash.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { formatDate, formatDay, formatMinute } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem, isShown, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { findId, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { labelRepositoryKind } from '../sources/source-words.ts';
import { readPlace } from './dump-files.ts';
import { nameEngine, nameFile } from './dump-words.ts';
import type { RestoreFrame } from './restore.view.ts';
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
import { toPlainName } from './restore-scene.ts';
import { parseTables } from './restore-tables.ts';

/** What the host says of the file now, and which connections of it can take the file. */
interface Scene {
  at: { host: HostId; path: string; after: number };
  hostName: string;
  found: FoundDump | undefined;
  refusal: string | undefined;
  connections: readonly Source[];
  /** Where a safety backup may go, the likeliest first. */
  repositories: readonly Repository[];
}

async function readScene(context: CoreContext, visit: Visit): Promise<Scene> {
  const { caller } = visit;
  demand(caller, 'restore.start');
  const at = readPlace(visit);
  if (at === undefined) throw new AppError('not_found', 'there is no such page; the address may be cut or old');
  const hostName = (await context.store.hosts.findHost(caller.tenant, at.host))?.name ?? 'a deleted host';
  try {
    const found = await findDump(context, caller, at.host, at.path, at.after);
    const sources = await context.store.sources.listSourcesOfHost(caller.tenant, at.host);
    const connections = sources.filter(({ kind }) => fitsDumpEngine(found.dump, kind));
    const repositories = await listSafetyPlaces(context, caller, { host: at.host, source: connections[0]?.id });
    const refusal = !takesRestores(found.host)
      ? `${findHostRefusal(found.host, { kind: 'database' })}.`
      : connections.length === 0
        ? `${hostName} has no source of a ${nameEngine(found.dump)} server: a restore goes through the connection of one. Add it first.`
        : repositories.length === 0
          ? `${hostName} has opened no repository yet: what a restore overwrites is backed up into one before. Add and test one first.`
          : undefined;
    return { at, hostName, found, refusal, connections, repositories };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return { at, hostName, found: undefined, refusal: thrown.message, connections: [], repositories: [] };
  }
}

/** The page around the form. The address it posts to names the file as it is now. */
function describeFrame(context: CoreContext, visit: Visit, { at, hostName, found, refusal }: Scene): RestoreFrame {
  const { urls } = visit;
  const { host, path, after } = at;
  const seen = found && { sizeBytes: found.sizeBytes, modifiedAt: found.modifiedAt };
  const directory = urls.dumpFiles({ host, path: findParentPath(path), after: after > 0 ? after : undefined });
  return {
    crumbs: [
      { label: 'Restore', href: urls.restores() },
      { label: 'Dump files', href: urls.dumpFiles() },
      { label: hostName, href: directory },
      { label: nameFile(at) },
    ],
    heading: found === undefined ? `${nameFile(at)} cannot be brought back.` : `Bring back ${nameFile(at)} of ${hostName}.`,
    facts: [
      { label: 'file', value: showStoredText(path) },
      { label: 'on the host', value: hostName },
      ...(found === undefined
        ? []
        : [
            { label: 'what it is', value: describeDump(found.dump) },
            { label: 'size', value: formatBytes(found.sizeBytes) },
            { label: 'last changed', value: formatDay(found.modifiedAt, readClockface(context, visit)) },
          ]),
    ],
    action: urls.restoreDump({ host, path, after, ...seen }),
    cancelHref: directory,
    cancelLabel: 'Choose another file',
    refusal,
  };
}

/** A name that is likely free, and tells what is in it: the file and the minute of its last change, as `shop_20231122_0520`. */
function proposeTarget({ path, modifiedAt }: FoundDump, zone: string): string {
  const name = toPlainName(nameFile({ path }).replace(/\.(?:gz|sql|dump|backup|pgdump|bak)\b/giu, ''));
  const ending = `_${formatDate(modifiedAt, zone).replaceAll('-', '')}_${formatMinute(modifiedAt, zone).replaceAll(/\D/gu, '')}`;
  return `${name.slice(0, NAME_CHARS - ending.length)}${ending}`;
}

const SCRIPT_HELP =
  'A script is carried out as it stands, in one transaction: nothing can be left out of it, or be dropped before. Other ways need an archive, as pg_dump --format=custom makes it.';
const WARNING =
  'Whoever wrote the file decides what is carried out, with the rights of this connection’s user. Before anything is made the host reads all of it, and refuses one that is cut off, or has lines that make or enter a database by its name.';

/** Everything is read first anyway, and no repository. */
const ALWAYS_WITHOUT = ['readFirst', 'downloadKiBps'];

async function buildView(
  context: CoreContext,
  visit: Visit,
  scene: Scene,
  typed: Typed | undefined,
  { problem, seen }: { problem: FormProblem; seen: readonly Flash[] },
): Promise<DatabaseRestoreView> {
  const { found, connections, repositories } = scene;
  const places = await toPlaces(context, visit, connections);
  const first = connections.find(({ id }) => id === typed?.place) ?? connections[0];
  const restore = first && findSourceAdapter(first.kind)?.restore;
  const modes: readonly RestoreMode[] = found && first ? listWays(found.dump, first.kind) : [];
  const options = found ? listDumpOptions(found.dump) : { jobs: false, owners: false };
  const fresh: Typed = {
    ...EMPTY_TYPED,
    place: places.find((place) => place.disabled !== true)?.value ?? '',
    target: found ? proposeTarget(found, readClockface(context, visit).zone) : '',
    repository: repositories[0]?.id ?? '',
  };
  const values = typed ?? fresh;
  return {
    ...describeFrame(context, visit, scene),
    places,
    placesHelp: 'Connections of this host to servers of the same engine.',
    modes: modes.map((mode) => ({
      value: mode,
      ...MODE_WORDS[mode],
      refusal: found && findHostRefusal(found.host, { kind: 'database', mode }),
    })),
    modesHelp: restore && modes.length < restore.modes.length ? SCRIPT_HELP : undefined,
    warning: WARNING,
    repositories: repositories.map(({ id, name, kind }) => ({ value: id, label: `${name} (${labelRepositoryKind(kind)})` })),
    needsName: getModeRule(values.mode).changesExisting,
    without: new Set([...ALWAYS_WITHOUT, ...(options.owners ? [] : ['owners'])]),
    sessions: findSessionsRule(restore),
    hasSchemas: restore?.planSchemas !== undefined,
    canJump: options.jobs && restore?.planRestoreFile !== undefined,
    jobsMax: RESTORE_JOBS,
    hasRoles: false,
    values,
    seen,
    confirm: describeConsent(values.mode),
    agreed: nameConsent(values, seen),
    problem: problem.text,
    errors: problem.fields,
  };
}

async function showForm(
  context: CoreContext,
  visit: Visit,
  scene: Scene,
  typed?: Typed,
  { problem = NO_PROBLEM, seen = [] }: { problem?: FormProblem; seen?: readonly Flash[] } = {},
): Promise<PageReply> {
  const told = typed ? askForPassword(problem, typed) : problem;
  const view = await buildView(context, visit, scene, typed, { problem: told, seen });
  if (wantsPart(visit, CONFIRM_ID)) return { kind: 'page', html: confirmPanel(view) };
  const shell = await buildShell(context, visit, 'restore');
  return { kind: 'page', status: hasProblem(problem) ? 422 : 200, html: databaseRestorePage(shell, view) };
}

/** What the host says of the target; a refusal is a word on the page too. */
async function look(context: CoreContext, visit: Visit, { found }: Scene, typed: Typed): Promise<readonly Flash[]> {
  const place = await findPlace(context, visit, typed.place);
  if (place === undefined || found === undefined || findTargetProblem(typed.target) !== undefined)
    return [{ tone: 'notice', text: 'Choose a connection and a database first.' }];
  const refused = place.judge(typed.mode);
  if (refused !== undefined) return [{ tone: 'problem', text: `${refused}.` }];
  try {
    const seen = await lookAtTarget(
      context,
      visit.caller,
      { source: place.connection, database: typed.target },
      readCredential(visit, typed),
    );
    const connection = await context.store.sources.findSource(visit.caller.tenant, place.connection);
    const sessions = findSessionsRule(connection && findSourceAdapter(connection.kind)?.restore);
    // How much comes out of a file that is packed nobody knows before.
    const sizeBytes = found.dump.isGzip || found.dump.format === 'custom' ? undefined : found.sizeBytes;
    return describeLook(typed.mode, typed.target, seen, {
      endSessions: typed.endSessions,
      sizeBytes,
      sessions,
      overwriting: { tables: parseTables(typed.tables) ?? [] },
    });
  } catch (thrown) {
    const { text, fields } = toFormProblem(thrown);
    return [{ tone: 'problem', text: text ?? Object.values(fields).join(' ') }];
  }
}

/** The file as it was when the form was shown. */
function readChosen({ query }: Visit, path: string): { path: string; sizeBytes?: number; modifiedAt?: number } {
  const read = (name: string) => {
    const text = readText(query, name);
    return /^-?\d{1,16}$/.test(text) ? Number(text) : undefined;
  };
  const [sizeBytes, modifiedAt] = [read('sizeBytes'), read('modifiedAt')];
  return { path, ...(sizeBytes === undefined ? {} : { sizeBytes }), ...(modifiedAt === undefined ? {} : { modifiedAt }) };
}

/** Only what there is for this file: what the form does not show is not wished for. */
function pickOptions({ dump }: FoundDump, { owners, jobs, ...options }: RestoreOptions): RestoreOptions {
  const { readFirst: _always, downloadKiBps: _none, roles: _neither, ...rest } = options;
  const known = listDumpOptions(dump);
  return { ...rest, ...(known.owners ? { owners } : {}), ...(known.jobs && jobs !== undefined ? { jobs } : {}) };
}

async function start(context: CoreContext, visit: Visit): Promise<PageReply> {
  const scene = await readScene(context, visit);
  const typed = readTyped(visit);
  if (readText(visit.form, 'act') === 'look' || wantsPart(visit, CONFIRM_ID)) {
    const seen = await look(context, visit, scene, typed);
    return showForm(context, visit, scene, { ...typed, understood: false }, { seen });
  }
  const checked = await checkTyped(context, visit, typed);
  if ('problem' in checked || scene.found === undefined)
    return showForm(context, visit, scene, typed, { problem: 'problem' in checked ? checked.problem : NO_PROBLEM });
  const repository = findId(typed.repository, idSchema('repository'));
  if (repository === undefined)
    return showForm(context, visit, scene, typed, {
      problem: { fields: { repository: 'Choose where the safety backup goes.' } },
    });
  const { target, understood, databaseName, credential, options = {} } = checked.asked;
  try {
    const run = await startDumpRestore(context, visit.caller, {
      host: scene.at.host,
      file: readChosen(visit, scene.at.path),
      target,
      understood,
      options: pickOptions(scene.found, options),
      repository,
      databaseName,
      credential,
    });
    return { kind: 'redirect', to: visit.urls.run({ run: run.id }) };
  } catch (thrown) {
    return showForm(context, visit, scene, typed, { problem: renameFields(toFormProblem(thrown)) });
  }
}

export const RESTORE_DUMP_SCREENS: readonly ScreenRoute[] = [
  {
    method: 'get',
    path: PAGES.restoreDump,
    handle: async (context, visit) => showForm(context, visit, await readScene(context, visit)),
  },
  { method: 'post', path: PAGES.restoreDump, handle: start },
];
