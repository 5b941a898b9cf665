/** What a person types to restore a database, whatever it is restored from. */
import { type HostId, idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import {
  type Credential,
  DOWNLOAD_KIBPS_MAX,
  RESTORE_JOBS,
  RESTORE_MODES,
  type RestoreMode,
  type RestoreOptions,
  ROLE_CHOICES,
} from '@holdfast/shared/domain/restore.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { findHostRefusal } from '../../../core/restores/host-policy.ts';
import type { RestoreRequest } from '../../../core/restores/restores.ts';
import type { Source } from '../../../store/sources.ts';
import type { Visit } from '../../http/route.ts';
import { type FormProblem, hasProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { describeSource } from '../sources/source-words.ts';
import { sayWhyClosed } from './host-choice.ts';
import type { PlaceChoice } from './restore.view.ts';
import { type DatabaseRestoreView, PASSWORD_AGAIN } from './restore-database.view.ts';
import { ONE_LINE } from './restore-scene.ts';
import { parseTables } from './restore-tables.ts';

const DATABASE_NAME_CHARS = 255;

/** One character too many is refused rather than cut off. */
const USER_CHARS = 256;

/** Names of databases have 63 letters with PostgreSQL and 64 with MariaDB. */
export const NAME_CHARS = 63;

export type Typed = DatabaseRestoreView['values'];

export const EMPTY_TYPED: Typed = {
  place: '',
  target: '',
  mode: 'new',
  tables: '',
  endSessions: false,
  safetyBackup: true,
  readFirst: false,
  owners: true,
  acceptOlderServer: false,
  acceptLittleRoom: false,
  downloadKiBps: '',
  jobs: '',
  roles: '',
  repository: '',
  connectAs: '',
  databaseName: '',
  understood: false,
};

/** Connections to choose from; one of a host that does not answer now is shown and cannot be. */
export async function toPlaces(context: CoreContext, visit: Visit, connections: readonly Source[]): Promise<PlaceChoice[]> {
  const names = await loadNames(context, visit.caller, { hosts: connections.map((row) => row.host) });
  return connections.map((row) => {
    const host = names.hosts.get(row.host);
    const why = host === undefined ? 'revoked' : sayWhyClosed(host);
    return {
      value: row.id,
      label: `${nameOf(names.hosts, row.host, 'host')}: the server of ${row.name} (${describeSource(row)})${why === undefined ? '' : `, ${why}`}`,
      disabled: why !== undefined,
    };
  });
}

/** What was typed, within its limits. */
export function readTyped({ form }: Visit): Typed {
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
    acceptLittleRoom: isTicked('acceptLittleRoom'),
    downloadKiBps: readText(form, 'downloadKiBps').trim().slice(0, 20),
    jobs: readText(form, 'jobs').trim().slice(0, 20),
    roles: ROLE_CHOICES.find((known) => known === readText(form, 'roles')) ?? '',
    repository: readText(form, 'repository').slice(0, 100),
    connectAs: readText(form, 'connectAs').trim().slice(0, USER_CHARS),
    databaseName: readText(form, 'databaseName').trim(),
    understood: isTicked('understood'),
  };
}

/** Why the host refuses this way, in a sentence; undefined where it allows it. */
export type ModeJudge = (mode: RestoreMode) => string | undefined;

/** The connection that was chosen, with the host it belongs to. */
export async function findPlace(
  context: CoreContext,
  visit: Visit,
  place: string,
): Promise<{ host: HostId; connection: SourceId; knowsOptions: boolean; judge: ModeJudge } | undefined> {
  const id = findId(place, idSchema('source'));
  const connection = id === undefined ? undefined : await context.store.sources.findSource(visit.caller.tenant, id);
  if (connection === undefined) return undefined;
  const host = await context.store.hosts.findHost(visit.caller.tenant, connection.host);
  return {
    host: connection.host,
    connection: connection.id,
    knowsOptions: hasCapability(host?.facts, 'restore.look'),
    judge: (mode) => host && findHostRefusal(host, { kind: 'database', mode }),
  };
}

/** Why this is no name of a database, as the end of a sentence; undefined where it may be one. */
export function findTargetProblem(target: string): string | undefined {
  if (target === '') return 'is needed';
  if (!ONE_LINE.test(target)) return 'must be one line without control characters';
  return target.length > DATABASE_NAME_CHARS ? `has at most ${DATABASE_NAME_CHARS} letters` : undefined;
}

/** Why this is no such number, as the end of a sentence; undefined where it is one, or empty. */
export function findLimitProblem(text: string, most: number): string | undefined {
  if (text === '') return undefined;
  const limit = Number(text);
  return Number.isInteger(limit) && limit >= 1 && limit <= most ? undefined : `must be a whole number up to ${most}`;
}

/** An agent that knows no options is told only of wishes that it must refuse rather than ignore. */
function toOptions(typed: Typed, knowsOptions: boolean): RestoreOptions {
  const { endSessions, safetyBackup, readFirst, owners, acceptOlderServer, acceptLittleRoom, downloadKiBps } = typed;
  const limit = {
    ...(downloadKiBps === '' ? {} : { downloadKiBps: Number(downloadKiBps) }),
    ...(typed.jobs === '' ? {} : { jobs: Number(typed.jobs) }),
    ...(typed.roles === '' ? {} : { roles: typed.roles }),
    ...(acceptLittleRoom ? { acceptLittleRoom } : {}),
  };
  if (knowsOptions) return { endSessions, safetyBackup, readFirst, owners, acceptOlderServer, ...limit };
  return { ...(readFirst ? { readFirst } : {}), ...(owners ? {} : { owners }), ...limit };
}

/** The other user that was typed, with the password, which is in no view; undefined where neither was. */
export function readCredential({ form }: Visit, { connectAs }: Typed): Credential | undefined {
  const password = readText(form, 'password');
  return connectAs === '' && password === '' ? undefined : { user: connectAs, password };
}

/** Says that a password has to be typed once more, because no page gives it back. */
export function askForPassword(problem: FormProblem, { connectAs }: Typed): FormProblem {
  if (connectAs === '' || !hasProblem(problem)) return problem;
  return {
    ...problem,
    fields: { ...problem.fields, password: problem.fields['password'] ?? PASSWORD_AGAIN },
  };
}

/** A restore that is whole but for what is restored. */
export type TypedRestore = Omit<RestoreRequest, 'snapshot' | 'target'> & {
  target: Extract<RestoreRequest['target'], { kind: 'database' }>;
};

export async function checkTyped(
  context: CoreContext,
  visit: Visit,
  typed: Typed,
): Promise<{ asked: TypedRestore } | { problem: FormProblem }> {
  const place = await findPlace(context, visit, typed.place);
  const tables = typed.mode === 'tables' ? parseTables(typed.tables) : [];
  const wrong: Readonly<Record<string, string | undefined>> = {
    place: place === undefined ? 'Choose where it goes.' : undefined,
    target: findTargetProblem(typed.target),
    tables: tables === undefined ? 'one table a line, such as sales.orders; odd names in double quotes' : undefined,
    downloadKiBps: findLimitProblem(typed.downloadKiBps, DOWNLOAD_KIBPS_MAX),
    jobs: findLimitProblem(typed.jobs, RESTORE_JOBS),
    understood: typed.understood ? undefined : 'Confirm what will happen.',
  };
  const fields = Object.fromEntries(Object.entries(wrong).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
  if (place === undefined || tables === undefined || Object.keys(fields).length > 0) return { problem: { fields } };
  const target: TypedRestore['target'] = {
    kind: 'database',
    source: place.connection,
    database: typed.target,
    mode: typed.mode,
    ...(tables.length === 0 ? {} : { tables }),
  };
  const { understood, databaseName } = typed;
  const credential = readCredential(visit, typed);
  return {
    asked: { host: place.host, target, options: toOptions(typed, place.knowsOptions), understood, databaseName, credential },
  };
}

/** The core names its own fields; the form calls the connection a place. */
export function renameFields(problem: FormProblem): FormProblem {
  const names: Readonly<Record<string, string>> = {
    'target.source': 'place',
    host: 'place',
    'target.database': 'target',
    'target.mode': 'mode',
    'target.tables': 'tables',
    'options.jobs': 'jobs',
    'options.roles': 'roles',
    'credential.user': 'connectAs',
    'credential.password': 'password',
  };
  const fields = Object.entries(problem.fields).map(([name, text]) => [
    names[name] ?? name,
    text.replace(/^(?:Target|Tables|Mode|Connections|Roles|Repository|Database name|User|Password): /, ''),
  ]);
  return { ...problem, fields: Object.fromEntries(fields) as Record<string, string> };
}
