/** The roles stored beside a database: which of them a restore would make, and what it is told of them. */
import type { HostId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Credential, RoleChoice } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { RestoreRolesAnswer, StoredGlobals } from '@holdfast/shared/protocol/restore-roles.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { askThrough, explainRefusal } from './restore-credential.ts';
import { draftFor } from './restore-draft.ts';
import { findRestoreSubject } from './restore-orders.ts';
import { findConnection, fitOf } from './restore-target.ts';

/** Reading the roles, and the beginning of the dump, while a person waits. */
const LOOK_MS = 90_000;

type StoredPart = Pick<Snapshot, 'run' | 'source' | 'repository'>;

/** The roles that the same part stored beside the data, newest first, whatever became of them. */
export async function listGlobals(
  context: CoreContext,
  caller: Caller,
  { run, source, repository }: StoredPart,
): Promise<readonly Snapshot[]> {
  const filter = { run, source, repository, role: 'globals' } as const;
  return (await context.store.snapshots.listSnapshots(caller.tenant, filter, { limit: RUNS.globalsPerPart })).rows;
}

/** What the same part stored beside the data, where a clean run vouches for it. */
export async function findGlobals(context: CoreContext, caller: Caller, part: StoredPart): Promise<StoredGlobals | undefined> {
  const found = (await listGlobals(context, caller, part)).find(({ state }) => state === 'good' || state === 'partial');
  return found?.fileName === undefined ? undefined : { engineId: found.engineId, fileName: found.fileName };
}

/** Throws `precondition` where none were stored. */
export async function getGlobals(context: CoreContext, caller: Caller, snapshot: Snapshot): Promise<StoredGlobals> {
  const globals = await findGlobals(context, caller, snapshot);
  if (globals) return globals;
  throw new AppError('precondition', 'no roles were stored beside this snapshot; restore it without roles');
}

export interface RolesQuestion {
  snapshot: SnapshotId;
  /** The source whose server connection is used; its host is asked. */
  source: SourceId;
  choice: RoleChoice;
  /** Another user of that server than the connection's own. */
  credential?: Credential | undefined;
}

/**
 * Asks the host. Needs it online: `unavailable`. Throws as `findRestoreSubject`, `not_found` without such a connection, `precondition` when
 * its agent does not know the question, or no roles were stored, and `invalid` for a target that does not fit or a snapshot that is no file of
 * a database.
 */
export async function lookAtRoles(context: CoreContext, caller: Caller, question: RolesQuestion): Promise<RestoreRolesAnswer> {
  demand(caller, 'restore.start');
  const named = await context.store.sources.findSource(caller.tenant, question.source);
  if (!named) throw new AppError('not_found', 'there is no such connection');
  const on: HostId = named.host;
  const { snapshot, source, repository, host } = await findRestoreSubject(context, caller, {
    snapshot: question.snapshot,
    host: on,
  });
  const database = String(named.config['database'] ?? '');
  const connection = await findConnection(context, caller, { source: named.id, database }, fitOf(source), host);
  demandCapability(host, 'restore.roles', 'to look at roles');
  const globals = await getGlobals(context, caller, snapshot);
  if (snapshot.fileName === undefined) throw new AppError('invalid', 'choose the snapshot of a database');
  const ref = context.createId('request');
  const body = {
    ref,
    repository: draftFor(context, host, ref, 'repositories', repository),
    connection: askThrough(context, host, ref, connection, question.credential),
    engineId: snapshot.engineId,
    fileName: snapshot.fileName,
    globals,
    choice: question.choice,
    notAfter: context.clock.now() + LOOK_MS,
  };
  return context.directory.request(host.id, 'restore.roles', body, { timeoutMs: LOOK_MS }).catch((thrown: unknown) => {
    throw explainRefusal(thrown, question.credential);
  });
}
