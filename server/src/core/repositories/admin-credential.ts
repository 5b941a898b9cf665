/**
 * The credential of a repository that may remove, where the everyday one may only add. It is kept here alone: no spec has it, and it goes to a
 * host sealed with the one order that needs it.
 */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config, Field, Secrets } from '@holdfast/shared/adapters/field.ts';
import type { RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { OrderedRepository } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Repository } from '../../store/repositories.ts';
import { demandProven } from '../accounts/step-up.ts';
import { type AdapterInput, createFieldsError, parseAdapterInput } from '../adapters/adapter-input.ts';
import { checkRepositoryPlan } from '../adapters/dry-plan.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { decryptSecrets, encryptSecrets, sealSecrets } from '../secrets.ts';
import { keepSealed } from './recovery-copies.ts';
import { getRepository } from './repositories.ts';
import { tellHosts } from './tell-hosts.ts';

/** The fields in which an admin credential of this kind may differ; each may stay empty. Empty where a kind has only one credential. */
export function listAdminFields(kind: string): readonly Field[] {
  const { fields, adminFields } = getRepositoryAdapter(kind);
  return fields.filter(({ name }) => adminFields.includes(name)).map((field) => ({ ...field, required: false }));
}

/** Secrets of both credentials of one row must not be taken for one another. */
const PREFIX = 'admin.';
const rowOf = ({ id, tenant }: Repository) => ({ tenant, table: 'repositories' as const, row: id });
const prefix = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${PREFIX}${name}`, value]));
const strip = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name.slice(PREFIX.length), value]));

/** Settings and secrets as the everyday credential has them, or as the admin credential does. Plain secrets: for sealing only. */
export function readCredential(
  context: CoreContext,
  repository: Repository,
  which: 'everyday' | 'admin',
): { config: Config; secrets: Secrets } {
  const everyday = { config: repository.config, secrets: decryptSecrets(context, rowOf(repository), repository.secrets) };
  const { admin } = repository;
  if (which === 'everyday' || admin === undefined) return everyday;
  const own = strip(decryptSecrets(context, rowOf(repository), prefix(admin.secrets)));
  return { config: { ...everyday.config, ...admin.config }, secrets: { ...everyday.secrets, ...own } };
}

/** The repository as the order of this run brings it to the host, through its admin credential where that is asked for and there is one. */
export function orderRepository(
  context: CoreContext,
  host: Host,
  run: RunId,
  repository: Repository,
  which: 'everyday' | 'admin',
  ref = `${run}.repositories`,
): OrderedRepository {
  const { config, secrets: values } = readCredential(context, repository, which);
  const binding = { host: host.id, purpose: 'request' as const, ref, version: 1 };
  const secrets = sealSecrets(context, host.sealingKey, binding, values);
  return {
    id: repository.id,
    draft: { kind: repository.kind, config: config as OrderedRepository['draft']['config'], ...(secrets ? { secrets } : {}) },
    ...(repository.engineId === undefined ? {} : { pinnedId: repository.engineId }),
  };
}

async function store(context: CoreContext, caller: Caller, after: Repository, expectedVersion: number): Promise<Repository> {
  await context.store.repositories.updateRepository(after, expectedVersion);
  await keepSealed(context, caller.tenant, after.id);
  await tellHosts(context, caller, after.id);
  return after;
}

/**
 * Gives the repository an admin credential, or changes it: a setting left out is the everyday one, a secret left empty keeps what is
 * stored. From now on hosts leave removing to orders. `invalid` names the field, `unsupported` where the kind has only one credential.
 */
export async function setAdminCredential(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
  input: AdapterInput,
  expectedVersion?: number,
): Promise<Repository> {
  demand(caller, 'repository.manage');
  const before = await getRepository(context, caller, id);
  const fields = listAdminFields(before.kind);
  if (fields.length === 0) throw new AppError('unsupported', 'a repository of this kind is reached in one way only');
  const { config: given, secrets } = parseAdapterInput(fields, input);
  // What a schema fills in by itself is nothing that somebody chose to differ.
  const config = Object.fromEntries(Object.entries(given).filter(([name, value]) => name in input.config && value !== ''));
  await demandProven(context, caller, 'change a credential');
  const row = rowOf(before);
  const stored = { config, secrets: strip(encryptSecrets(context, row, prefix(secrets), prefix(before.admin?.secrets ?? {}))) };
  if (Object.keys({ ...stored.config, ...stored.secrets }).length === 0)
    throw createFieldsError({ [fields[0]?.name ?? 'form']: 'Fill in what differs from the everyday credential' });
  const after: Repository = {
    ...before,
    admin: stored,
    version: before.version + 1,
    updatedAt: context.clock.now(),
  };
  const merged = readCredential(context, after, 'admin');
  checkRepositoryPlan(before.kind, merged.config, merged.secrets);
  await store(context, caller, after, expectedVersion ?? before.version);
  await recordAct(context, caller, {
    action: 'repository.admin_credential_set',
    target: { kind: 'repository', id, name: before.name },
    change: { config, secretsChanged: Object.keys(secrets) },
  });
  return after;
}

/** Forgets the admin credential; hosts remove by themselves again, with the everyday one. Harmless where there is none. */
export async function removeAdminCredential(context: CoreContext, caller: Caller, id: RepositoryId): Promise<Repository> {
  demand(caller, 'repository.manage');
  const before = await getRepository(context, caller, id);
  if (before.admin === undefined) return before;
  await demandProven(context, caller, 'remove a credential');
  const after = { ...before, admin: undefined, version: before.version + 1, updatedAt: context.clock.now() };
  await store(context, caller, after, before.version);
  await recordAct(context, caller, {
    action: 'repository.admin_credential_removed',
    target: { kind: 'repository', id, name: before.name },
  });
  return after;
}
