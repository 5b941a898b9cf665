/** Where a database is restored to and how: what the server refuses, and what a host is asked before a person decides. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { DatabaseRestore } from '@holdfast/shared/adapters/source.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import {
  type ChosenTable,
  type Credential,
  getModeRule,
  isParallelMode,
  type RestoreMode,
  type RestoreOptions,
} from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { checkTargetPlan } from '../adapters/dry-plan.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { askThrough, demandCredential, explainRefusal } from './restore-credential.ts';

/** Questions of a person who waits. */
const LOOK_MS = 70_000;

export interface DatabaseTarget {
  kind: 'database';
  /** The source whose server connection is used. */
  source: SourceId;
  database: string;
  /** Left out: into a new or empty database. */
  mode?: RestoreMode | undefined;
  tables?: readonly ChosenTable[] | undefined;
}

export interface RestoreWish {
  options?: RestoreOptions | undefined;
  /** A person said "I understand this will modify the database". */
  understood?: boolean | undefined;
  /** The name of the database, typed by a person once more. */
  databaseName?: string | undefined;
  /** Another user of the target's server than the connection's own, for this restore alone. */
  credential?: Credential | undefined;
}

/** Whether what is restored can go to a server of this kind of source, and what it is, as a noun with its article. */
export interface Fit {
  what: string;
  fits(kind: string): boolean;
}

/** What was made of this source goes to servers of its own kind. */
export const fitOf = ({ kind }: Pick<Source, 'kind'>): Fit => ({ what: 'the snapshot', fits: (other) => other === kind });

/**
 * The source whose server takes the database. It lives on the restoring host: `localhost` is another server elsewhere. Throws `invalid` naming
 * `target.source` or `target.database`.
 */
export async function findConnection(
  context: CoreContext,
  caller: Caller,
  target: Pick<DatabaseTarget, 'source' | 'database'>,
  { what, fits }: Fit,
  host: Host,
): Promise<Source> {
  const connection = await context.store.sources.findSource(caller.tenant, target.source);
  if (!connection || !fits(connection.kind))
    throw createFieldsError({ 'target.source': `Connection: it is not of the same engine as ${what}` });
  if (connection.host !== host.id)
    throw createFieldsError({
      'target.source': `Connection: "${connection.name}" belongs to another host; choose a connection of ${host.name}, or restore on its own host`,
    });
  checkTargetPlan(connection.kind, connection.config, target.database);
  return connection;
}

/** Refuses connections and roles that the engine, the way or the agent does not know. */
function checkFromFile(restore: DatabaseRestore, mode: RestoreMode, { jobs, roles, owners }: RestoreOptions, host: Host): void {
  if (jobs !== undefined && !restore.planRestoreFile)
    throw createFieldsError({ 'options.jobs': 'Connections: dumps of this kind of database only stream' });
  if (jobs !== undefined && jobs > 1 && !isParallelMode(mode))
    throw createFieldsError({ 'options.jobs': 'Connections: this way is one transaction, and so one connection' });
  if (roles !== undefined && !restore.roles)
    throw createFieldsError({ 'options.roles': 'Roles: none are stored beside databases of this kind' });
  if (roles === 'needed' && owners === false)
    throw createFieldsError({ 'options.roles': 'Roles: without owners and grants the backup needs none' });
  if (jobs !== undefined || roles !== undefined)
    demandCapability(host, 'restore.roles', 'for restores with roles or from its disk');
}

/** A wish that nobody can fulfil is refused rather than passed over. */
function checkEndSessions({ planEndSessions }: DatabaseRestore, { endSessions }: RestoreOptions): void {
  if (endSessions !== true || planEndSessions) return;
  throw createFieldsError({
    'options.endSessions':
      'Sessions: of this kind of database none are ended; they only make the last step wait for tables in use',
  });
}

/** What may change a database that exists needs a person's consent, and its name typed once more. */
function checkConsent(mode: RestoreMode, { database }: DatabaseTarget, { understood, databaseName }: RestoreWish): void {
  if (!getModeRule(mode).changesExisting) return;
  if (understood !== true)
    throw createFieldsError({ understood: 'Confirm that you understand that this will modify the database' });
  if (databaseName !== database)
    throw createFieldsError({
      databaseName: `Database name: type the name of the database, ${database}, to change what is in it`,
    });
}

/** Refuses a mode the engine does not know, tables without their mode, and what changes a database without a person's consent. */
export function checkMode(target: DatabaseTarget, wish: RestoreWish, connection: Source, host: Host): void {
  const mode = target.mode ?? 'new';
  const { restore, label } = getSourceAdapter(connection.kind);
  if (!restore?.modes.includes(mode))
    throw createFieldsError({ 'target.mode': `Mode: a ${label} cannot be restored in this way` });
  if ((mode === 'tables') !== (target.tables !== undefined && target.tables.length > 0))
    throw createFieldsError({
      'target.tables': mode === 'tables' ? 'Tables: choose at least one' : 'Tables: only for the mode "tables"',
    });
  const isWithSchema = target.tables?.some(({ schema }) => schema !== undefined);
  if (isWithSchema && !restore.planSchemas)
    throw createFieldsError({
      'target.tables': `Tables: a ${label} has no schemas; give the names alone, those with a dot in double quotes`,
    });
  demandCredential(host, wish.credential);
  checkConsent(mode, target, wish);
  checkFromFile(restore, mode, wish.options ?? {}, host);
  checkEndSessions(restore, wish.options ?? {});
  const isPlain = mode === 'new' && Object.keys(wish.options ?? {}).length === 0;
  if (!isPlain && !hasCapability(host.facts, 'restore.look'))
    throw new AppError('precondition', `the agent on ${host.name} knows only restores into new databases; update it first`);
}

/** The source that the database at the target is, when it is one: its safety backup belongs to it. */
export async function findTargetSource(
  context: CoreContext,
  caller: Caller,
  target: Pick<DatabaseTarget, 'database'>,
  connection: Source,
): Promise<Source | undefined> {
  const { discovery, describe } = getSourceAdapter(connection.kind);
  if (!discovery) return undefined;
  const wanted = describe(discovery.configFor(connection.config, { name: target.database }));
  const others = await context.store.sources.listSourcesOfHost(caller.tenant, connection.host);
  return others.find((source) => source.kind === connection.kind && describe(source.config) === wanted);
}

export type TargetLook = RequestResult<'restore.look'>;

/**
 * Asks the host what stands at the target. Needs the host online: `unavailable`. Throws `not_found` without such a connection, `precondition`
 * when its agent does not know the question, and `invalid` naming `target.database`, or with a credential the part of it that is not well-formed or
 * that the database server refuses.
 */
export async function lookAtTarget(
  context: CoreContext,
  caller: Caller,
  target: Pick<DatabaseTarget, 'source' | 'database'>,
  credential?: Credential,
): Promise<TargetLook> {
  demand(caller, 'restore.start');
  const connection = await context.store.sources.findSource(caller.tenant, target.source);
  const host = connection && (await context.store.hosts.findHost(caller.tenant, connection.host));
  if (!connection || host?.state !== 'active') throw new AppError('not_found', 'there is no such connection');
  checkTargetPlan(connection.kind, connection.config, target.database);
  demandCapability(host, 'restore.look', 'to look at a target');
  const ref = context.createId('request');
  const draft = askThrough(context, host, ref, connection, credential);
  const notAfter = context.clock.now() + LOOK_MS;
  const body = { ref: `${ref}.sources`, draft, database: target.database, notAfter };
  return context.directory.request(host.id, 'restore.look', body, { timeoutMs: LOOK_MS }).catch((thrown: unknown) => {
    throw explainRefusal(thrown, credential);
  });
}
