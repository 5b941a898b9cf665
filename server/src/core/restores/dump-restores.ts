/**
 * Restores of a dump file that lies on a host, into a database of a server that the same host reaches. No snapshot has part in it, and none is
 * proven by it.
 */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { fitsDumpEngine, listDumpModes, listDumpOptions, type RecognisedDump } from '@holdfast/shared/domain/dump-file.ts';
import type { HostId, RepositoryId, RequestId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { type Credential, getModeRule, type RestoreMode, type RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { changesExisting } from '@holdfast/shared/domain/restore-policy.ts';
import { showStoredText } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { AdapterDraft } from '@holdfast/shared/protocol/messages.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Run } from '../../store/runs.ts';
import type { Source } from '../../store/sources.ts';
import { demandProven } from '../accounts/step-up.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from '../runs/run-orders.ts';
import { type FoundDump, findDump } from './dump-files.ts';
import { checkPrivileges } from './file-restores.ts';
import { demandAllowed } from './host-policy.ts';
import { nameCredential, sealCredential } from './restore-credential.ts';
import { draftFor } from './restore-draft.ts';
import { demandRestoreRate } from './restore-rate.ts';
import {
  checkMode,
  type DatabaseTarget,
  type Fit,
  findConnection,
  findTargetSource,
  type RestoreWish,
} from './restore-target.ts';
import { checkTarget } from './restores.ts';

export interface DumpRestoreRequest extends RestoreWish {
  /** The host on which the file lies, and which reaches the target. */
  host: HostId;
  /** Size and time of its last change as they were when it was chosen; left out: as they are now. */
  file: { path: string; sizeBytes?: number | undefined; modifiedAt?: number | undefined };
  target: DatabaseTarget;
  /** Where a safety backup goes; left out: the first of `listSafetyPlaces`. */
  repository?: RepositoryId | undefined;
}

const fitOf = (dump: RecognisedDump): Fit => ({ what: 'the file', fits: (kind) => fitsDumpEngine(dump, kind) });

/** Whether the host can be expected to reach it: a directory is one of the host that opened it, or of its plans. */
function isReachable({ kind, testedFrom }: Repository, host: HostId): boolean {
  return kind !== 'local' || testedFrom === host;
}

/**
 * The repositories that a safety backup of this source's server can go to, the likeliest first: those of the source's plans, of the host's plans,
 * then every other one that was opened before. The run belongs to one of them also where nothing is backed up.
 */
export async function listSafetyPlaces(
  { store }: CoreContext,
  { tenant }: Pick<Caller, 'tenant'>,
  about: { host: HostId; source?: SourceId | undefined },
): Promise<readonly Repository[]> {
  const [ofSource, ofHost, all] = await Promise.all([
    about.source === undefined ? [] : store.plans.listPlansOfSources(tenant, [about.source]),
    store.plans.listPlansOfHost(tenant, about.host),
    store.repositories.listRepositories(tenant, {}, { limit: HTTP.pageSizeMax }),
  ]);
  const planned = [...new Set([...ofSource, ...ofHost].map(({ repository }) => repository))];
  const found = new Map((await store.repositories.findRepositories(tenant, planned)).map((one) => [one.id, one]));
  const first = planned.flatMap((id) => found.get(id) ?? []);
  const others = all.rows.filter(({ id }) => !found.has(id));
  const isOpened = ({ engineId }: Repository) => engineId !== undefined;
  return [...first.filter(isOpened), ...others.filter((one) => isOpened(one) && isReachable(one, about.host))];
}

/** Throws `invalid` naming `repository` for one that is none of these, `precondition` where there is none at all. */
async function chooseSafetyPlace(
  context: CoreContext,
  caller: Caller,
  { repository: wished, host, target }: DumpRestoreRequest,
): Promise<Repository> {
  const places = await listSafetyPlaces(context, caller, { host, source: target.source });
  const [first] = places;
  if (first === undefined)
    throw new AppError(
      'precondition',
      'a restore needs a repository that this host opened, for the safety backup; add one first',
    );
  const chosen = wished === undefined ? first : places.find(({ id }) => id === wished);
  if (chosen !== undefined) return chosen;
  throw createFieldsError({ repository: 'Repository: this host cannot be expected to reach it, or no host opened it yet' });
}

/** The ways this file can go into a database of that kind of source. */
export function listWays(dump: RecognisedDump, kind: string): readonly RestoreMode[] {
  return listDumpModes(dump, getSourceAdapter(kind).restore?.modes ?? []);
}

function checkWay(dump: RecognisedDump, { target, options = {} }: DumpRestoreRequest, connection: Source): void {
  const mode = target.mode ?? 'new';
  const { jobs, owners } = listDumpOptions(dump);
  if (!listWays(dump, connection.kind).includes(mode))
    throw createFieldsError({ 'target.mode': 'Mode: a script is carried out as it stands, and cannot be restored in this way' });
  if (options.roles !== undefined) throw createFieldsError({ 'options.roles': 'Roles: none are stored beside a file' });
  if (options.jobs !== undefined && !jobs)
    throw createFieldsError({
      'options.jobs': 'Connections: only a custom archive that is not packed is restored through several',
    });
  if (options.owners === false && !owners)
    throw createFieldsError({ 'options.owners': 'Owners: a script is carried out as it stands, with its owners and grants' });
}

/** Throws `conflict` for a file that is not as it was when a person chose it. */
function assertUnchanged({ path, sizeBytes, modifiedAt }: FoundDump, { file }: DumpRestoreRequest): void {
  if ((file.sizeBytes ?? sizeBytes) === sizeBytes && (file.modifiedAt ?? modifiedAt) === modifiedAt) return;
  throw createReasonError('dump_changed', `The file ${showStoredText(path)} is not as it was when it was chosen`);
}

interface DumpOrder {
  found: FoundDump;
  target: Extract<RestoreTarget, { kind: 'database' }>;
  connection: Source;
  repository: Repository;
  options: RestoreOptions | undefined;
  safety: Source | undefined;
  credential: Credential | undefined;
}

/** Stores the run and its order, and records who wanted it. */
async function place(context: CoreContext, caller: Caller, order: DumpOrder): Promise<Run> {
  const { found, target, connection, repository, safety, credential } = order;
  const options = nameCredential(order.options, credential);
  const { host, sizeBytes } = found;
  demandAllowed(host, target);
  if (changesExisting(target)) await demandProven(context, caller, 'restore over what is there');
  await demandRestoreRate(context, caller);
  const run: Run = {
    ...createOrderedRun(context, caller, { kind: 'restore', host: host.id, repository: repository.id }),
    target,
    options,
  };
  const ref = run.id as unknown as RequestId;
  const body = {
    run: run.id,
    sizeBytes,
    source: { id: connection.id, kind: connection.kind, config: connection.config as AdapterDraft['config'] },
    repository: {
      id: repository.id,
      draft: draftFor(context, host, ref, 'repositories', repository),
      ...(repository.engineId === undefined ? {} : { pinnedId: repository.engineId }),
    },
    target,
    connection: draftFor(context, host, ref, 'sources', connection),
    ...(options === undefined ? {} : { options }),
    ...sealCredential(context, host, run.id, credential),
    ...(safety ? { safetySource: safety.id } : {}),
    ...orderTerms(context, caller),
  };
  await placeRun(context, caller, run, [connection.id], createOrder(context, caller.tenant, host.id, 'restore.start', body));
  await recordAct(context, caller, {
    action: 'restore.started',
    target: { kind: 'source', id: connection.id, name: connection.name },
    change: { run: run.id, host: host.name, target, ...(options ? { options } : {}) },
  });
  return run;
}

/**
 * Starts a restore of a dump file. The host is asked what the file is, so it has to be connected; it refuses the file itself when it is another
 * one by then, or not whole. Throws as `findDump` does; `invalid` naming the field, `conflict` for a file that changed since it was chosen.
 */
export async function startDumpRestore(context: CoreContext, caller: Caller, request: DumpRestoreRequest): Promise<Run> {
  demand(caller, 'restore.start');
  const wished = checkTarget(request.target);
  if (wished.kind !== 'database') throw new AppError('invalid', 'a dump file is restored into a database');
  checkPrivileges(wished, request.options);
  const found = await findDump(context, caller, request.host, request.file.path);
  assertUnchanged(found, request);
  const connection = await findConnection(context, caller, wished, fitOf(found.dump), found.host);
  checkWay(found.dump, request, connection);
  checkMode(wished, request, connection, found.host);
  const isSafeguarded = getModeRule(wished.mode ?? 'new').changesExisting;
  const { path, sizeBytes, modifiedAt } = found;
  return place(context, caller, {
    found,
    target: { ...wished, from: { path, sizeBytes, modifiedAt } },
    connection,
    repository: await chooseSafetyPlace(context, caller, request),
    options: request.options,
    credential: request.credential,
    safety: isSafeguarded ? await findTargetSource(context, caller, wished, connection) : undefined,
  });
}
