/** Repositories: where backups live. Tested and made from a host, never from the server. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Secrets } from '@holdfast/shared/adapters/field.ts';
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { RepositoryOrder } from '@holdfast/shared/domain/list-orders.ts';
import { DEFAULT_ROUTINE } from '@holdfast/shared/domain/routine.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { AdapterDraft, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Page, SortedPage } from '../../store/page.ts';
import type { Repository, RepositoryFilter } from '../../store/repositories.ts';
import { demandProven } from '../accounts/step-up.ts';
import { type AdapterInput, createFieldsError, parseAdapterInput } from '../adapters/adapter-input.ts';
import { checkRepositoryPlan } from '../adapters/dry-plan.ts';
import { findRepositoryPlace, namePlace } from '../adapters/tool-place.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import { demandSpecFits } from '../hosts/spec-size.ts';
import { checkName } from '../names.ts';
import type { CoreContext } from '../ports.ts';
import { decryptSecrets, encryptSecrets, sealSecrets } from '../secrets.ts';
import { keepSealed } from './recovery-copies.ts';
import { getStandingInstants } from './repository-standing.ts';
import { tellHosts } from './tell-hosts.ts';

export const QUESTION_LIFE_MS = 60_000;
const TEST_TIMEOUT_MS = 70_000;
/** Deriving the key and writing the first objects over a slow line takes its time. */
const INIT_TIMEOUT_MS = 120_000;

export interface RepositoryInput extends AdapterInput {
  name: string;
  kind: string;
  /** Runs of one host that may use it at the same time; undefined or null for as many as the host runs. */
  runsAtOnce?: number | null | undefined;
}

export async function getRepository(context: CoreContext, caller: Caller, id: RepositoryId): Promise<Repository> {
  demand(caller, 'view');
  const repository = await context.store.repositories.findRepository(caller.tenant, id);
  if (!repository) throw new AppError('not_found', 'there is no such repository');
  return repository;
}

export async function listRepositories(
  context: CoreContext,
  caller: Caller,
  filter: RepositoryFilter,
  page: SortedPage<RepositoryOrder>,
): Promise<Page<Repository>> {
  demand(caller, 'view');
  return context.store.repositories.listRepositories(caller.tenant, filter, { ...page, instants: getStandingInstants(context) });
}

/** A new repository is kept up by itself from the beginning, as the default routine says. */
export async function createRepository(context: CoreContext, caller: Caller, input: RepositoryInput): Promise<Repository> {
  demand(caller, 'repository.manage');
  const name = checkName(input.name);
  const { config, secrets } = parseAdapterInput(getRepositoryAdapter(input.kind).fields, input);
  checkRepositoryPlan(input.kind, config, secrets);
  const id = context.createId('repository');
  const now = context.clock.now();
  const repository: Repository = {
    id,
    tenant: caller.tenant,
    name,
    kind: input.kind,
    config,
    secrets: encryptSecrets(context, { tenant: caller.tenant, table: 'repositories', row: id }, secrets, {}),
    ...(input.runsAtOnce == null ? {} : { runsAtOnce: input.runsAtOnce }),
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
  await context.store.repositories.insertRepository(repository);
  await keepSealed(context, caller.tenant, id);
  const lease = { host: undefined, until: 0, isFixed: false };
  await context.store.routines.saveRoutine({
    tenant: caller.tenant,
    repository: id,
    settings: DEFAULT_ROUTINE,
    since: now,
    lease,
  });
  await recordAct(context, caller, {
    action: 'repository.created',
    target: { kind: 'repository', id, name: repository.name },
    change: { kind: repository.kind, config, runsAtOnce: repository.runsAtOnce },
  });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.repositories });
  return repository;
}

export interface RepositoryChange {
  name?: string | undefined;
  config?: AdapterInput['config'] | undefined;
  secrets?: AdapterInput['secrets'] | undefined;
  /** Null takes the limit away. */
  runsAtOnce?: number | null | undefined;
}

/** Of two states of a repository the heavier one takes more of a spec. Most changes take no more, and no host is looked at. */
function weigh({ name, config, secrets, runsAtOnce }: Repository): number {
  return JSON.stringify({ name, config, secrets, runsAtOnce }).length;
}

export async function updateRepository(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
  change: RepositoryChange,
  expectedVersion?: number,
): Promise<Repository> {
  demand(caller, 'repository.manage');
  const before = await getRepository(context, caller, id);
  const input = { config: change.config ?? before.config, secrets: change.secrets ?? {} };
  const { config, secrets } = parseAdapterInput(getRepositoryAdapter(before.kind).fields, input, Object.keys(before.secrets));
  const row = { tenant: before.tenant, table: 'repositories' as const, row: id };
  const stored = decryptSecrets(context, row, before.secrets);
  checkRepositoryPlan(before.kind, config, { ...stored, ...secrets });
  const isOtherConfig = JSON.stringify(config) !== JSON.stringify(before.config);
  if (isOtherConfig || Object.keys(secrets).length > 0) await demandProven(context, caller, 'change how a repository is reached');
  const isOtherPassword = secrets['password'] !== undefined && secrets['password'] !== stored['password'];
  const after: Repository = {
    ...before,
    name: change.name === undefined ? before.name : checkName(change.name),
    config,
    secrets: encryptSecrets(context, row, secrets, before.secrets),
    runsAtOnce: change.runsAtOnce === undefined ? before.runsAtOnce : (change.runsAtOnce ?? undefined),
    passwordProof: isOtherPassword ? undefined : before.passwordProof,
    version: before.version + 1,
    updatedAt: context.clock.now(),
  };
  if (weigh(after) > weigh(before)) {
    const hosts = await context.store.plans.listHostsOfRepository(caller.tenant, id);
    await demandSpecFits(context, caller, hosts, { repository: after });
  }
  await context.store.repositories.updateRepository(after, expectedVersion ?? before.version);
  await recordAct(context, caller, {
    action: 'repository.updated',
    target: { kind: 'repository', id, name: after.name },
    change: {
      before: { name: before.name, config: before.config, runsAtOnce: before.runsAtOnce },
      after: { name: after.name, config, runsAtOnce: after.runsAtOnce },
      secretsChanged: Object.keys(secrets),
    },
  });
  await keepSealed(context, caller.tenant, id);
  await tellHosts(context, caller, id);
  return after;
}

/** Forgets the repository here; what lies in it is not touched. `conflict` while a plan or a listed snapshot needs it. */
export async function deleteRepository(context: CoreContext, caller: Caller, id: RepositoryId): Promise<void> {
  demand(caller, 'repository.manage');
  const repository = await getRepository(context, caller, id);
  await demandProven(context, caller, 'delete a repository');
  await context.store.repositories.deleteRepository(caller.tenant, id);
  await recordAct(context, caller, { action: 'repository.deleted', target: { kind: 'repository', id, name: repository.name } });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.repositories });
}

/** A repository that is still being typed; `base` lends the secrets that were left empty. */
export type RepositoryDraft = Omit<RepositoryInput, 'name'> & { host: HostId; base?: RepositoryId | undefined };

/** A repository to ask about: a saved one or a draft. */
export type RepositoryQuestion = { repository: RepositoryId; host: HostId } | RepositoryDraft;

interface Prepared {
  host: Host;
  ref: string;
  draft: AdapterDraft;
  saved: Repository | undefined;
}

/** What a host is asked with: the repository's secrets sealed for this one question. Throws `not_found`, and `invalid` for a draft that is none. */
export async function prepareRepositoryQuestion(
  context: CoreContext,
  caller: Caller,
  question: RepositoryQuestion,
): Promise<Prepared> {
  const isDraft = 'kind' in question;
  const savedId = isDraft ? question.base : question.repository;
  const saved = savedId === undefined ? undefined : await getRepository(context, caller, savedId);
  const kind = isDraft ? question.kind : (saved as Repository).kind;
  if (isDraft && saved && saved.kind !== kind)
    throw createFieldsError({ base: 'Base: the saved repository is of another kind; type its secrets anew' });
  const stored: Secrets = saved
    ? decryptSecrets(context, { tenant: saved.tenant, table: 'repositories', row: saved.id }, saved.secrets)
    : {};
  const parsed = isDraft
    ? parseAdapterInput(getRepositoryAdapter(kind).fields, question, Object.keys(stored))
    : { config: (saved as Repository).config, secrets: {} };
  if (isDraft) checkRepositoryPlan(kind, parsed.config, { ...stored, ...parsed.secrets });
  const host = await context.store.hosts.findHost(caller.tenant, question.host);
  if (host?.state !== 'active') throw new AppError('not_found', 'there is no such approved host', { details: { field: 'host' } });
  const ref = context.createId('request');
  const secrets = sealSecrets(
    context,
    host.sealingKey,
    { host: host.id, purpose: 'request', ref, version: 1 },
    { ...stored, ...parsed.secrets },
  );
  const draft: AdapterDraft = { kind, config: parsed.config as AdapterDraft['config'], ...(secrets ? { secrets } : {}) };
  return { host, ref, draft, saved };
}

/** Opens the repository from the host, read-only. A saved one that answers for the first time is pinned by its engine id. */
export async function testRepository(
  context: CoreContext,
  caller: Caller,
  question: RepositoryQuestion,
): Promise<RequestResult<'repository.test'>> {
  demand(caller, 'repository.manage');
  const { host, ref, draft, saved } = await prepareRepositoryQuestion(context, caller, question);
  const body = {
    ref,
    draft,
    notAfter: context.clock.now() + QUESTION_LIFE_MS,
    ...(saved?.engineId === undefined ? {} : { pinnedId: saved.engineId }),
  };
  const asked = context.directory.request(host.id, 'repository.test', body, { timeoutMs: TEST_TIMEOUT_MS });
  const result = await namePlace(findRepositoryPlace(draft.kind), asked);
  if (saved && !('kind' in question)) await keepFirstTest(context, caller, saved, host.id, result);
  return result;
}

/** The first test that opened a repository pins it by its engine id. */
export async function keepFirstTest(
  context: CoreContext,
  caller: Caller,
  { id, engineId }: Pick<Repository, 'id' | 'engineId'>,
  host: HostId,
  result: Pick<RequestResult<'repository.test'>, 'state' | 'engineId'>,
): Promise<void> {
  if (engineId === undefined && result.state === 'ready' && result.engineId !== undefined)
    await pin(context, caller, id, result.engineId, host);
}

/**
 * Creates the repository in its storage, from the host, because a person asked for it; `like` names one that it cuts files as. Throws
 * `not_found`, `precondition` for a host whose agent is too old for `like`, `conflict` for a repository that was opened before, and what the
 * host answers.
 */
export async function initRepository(
  context: CoreContext,
  caller: Caller,
  { like: model, ...question }: { repository: RepositoryId; host: HostId; like?: RepositoryId | undefined },
): Promise<{ engineId: string }> {
  demand(caller, 'repository.manage');
  const { host, ref, draft, saved } = await prepareRepositoryQuestion(context, caller, question);
  if (model !== undefined) demandCapability(host, 'copy.start', 'to make a repository after the model of another one');
  const like = model && (await prepareRepositoryQuestion(context, caller, { repository: model, host: question.host }));
  if (saved?.engineId !== undefined)
    throw new AppError('conflict', 'this repository was opened before; creating it anew would hide that its content is gone');
  const notAfter = context.clock.now() + QUESTION_LIFE_MS;
  const body = { ref, draft, ...(like ? { like: { ref: like.ref, draft: like.draft } } : {}), notAfter };
  const asked = context.directory.request(host.id, 'repository.init', body, { timeoutMs: INIT_TIMEOUT_MS });
  const { engineId } = await namePlace(findRepositoryPlace(draft.kind), asked);
  await pin(context, caller, question.repository, engineId, host.id);
  await recordAct(context, caller, {
    action: 'repository.initialised',
    target: { kind: 'repository', id: question.repository, name: saved?.name ?? '' },
    change: { host: host.name, engineId },
  });
  return { engineId };
}

async function pin(context: CoreContext, caller: Caller, id: RepositoryId, engineId: string, host: HostId): Promise<void> {
  await context.store.repositories.pinEngineId(caller.tenant, id, engineId, host);
  await keepSealed(context, caller.tenant, id);
  await tellHosts(context, caller, id);
}
