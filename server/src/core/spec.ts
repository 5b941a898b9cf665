/** The whole desired state of one host, built from the catalogue, its secrets sealed to that host, signed as one document. */
import { type SignedDocument, signDocument } from '@holdfast/shared/crypto/envelope.ts';
import type { HostId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Plan, Repository, Source } from '../store/catalog.ts';
import type { Host } from '../store/hosts.ts';
import type { CoreContext } from './ports.ts';
import { decryptSecrets, sealSecrets } from './secrets.ts';

/** Signature context of specs; the agent verifies with the same word. */
export const SPEC_CONTEXT = 'spec';

function toSpecSource(context: CoreContext, host: Host, source: Source): SpecSource {
  const values = decryptSecrets(context, { tenant: source.tenant, table: 'sources', row: source.id }, source.secrets);
  const secrets = sealSecrets(
    context,
    host.sealingKey,
    { host: host.id, purpose: 'source', ref: source.id, version: source.version },
    values,
  );
  const { id, name, kind, version } = source;
  return { id, name, kind, version, config: source.config as SpecSource['config'], ...(secrets ? { secrets } : {}) };
}

function toSpecRepository(context: CoreContext, host: Host, repository: Repository): SpecRepository {
  const values = decryptSecrets(
    context,
    { tenant: repository.tenant, table: 'repositories', row: repository.id },
    repository.secrets,
  );
  const binding = { host: host.id, purpose: 'repository' as const, ref: repository.id, version: repository.version };
  const secrets = sealSecrets(context, host.sealingKey, binding, values);
  const { id, name, kind, version } = repository;
  return {
    id,
    name,
    kind,
    version,
    config: repository.config as SpecRepository['config'],
    ...(secrets ? { secrets } : {}),
    ...(repository.engineId === undefined ? {} : { pinnedId: repository.engineId }),
  };
}

function toSpecPlan(plan: Plan, onHost: ReadonlySet<string>): SpecPlan {
  return {
    id: plan.id,
    name: plan.name,
    sourceIds: plan.sources.filter((source) => onHost.has(source)),
    repositoryId: plan.repository,
    ...(plan.schedule ? { schedule: plan.schedule } : {}),
    enabled: plan.enabled,
    options: plan.options,
    effectiveFrom: plan.effectiveFrom,
  };
}

export interface IssuedSpec extends SignedDocument {
  version: number;
}

/** Builds and signs the current spec. A plan appears with those of its sources that live on this host and are enabled. */
export async function buildSpec(context: CoreContext, tenant: TenantId, id: HostId): Promise<IssuedSpec> {
  const { store } = context;
  // The version is read before the rows: a change in between makes the spec newer than it says, and it is sent again.
  const host = await store.hosts.findHost(tenant, id);
  if (!host) throw new AppError('not_found', 'there is no such host');
  const sources = (await store.catalog.listSourcesOfHost(tenant, id)).filter((source) => source.enabled);
  const onHost = new Set<string>(sources.map((source) => source.id));
  const plans = (await store.catalog.listPlansOfHost(tenant, id))
    .map((plan) => toSpecPlan(plan, onHost))
    .filter((plan) => plan.sourceIds.length > 0);
  const repositoryIds = [...new Set(plans.map((plan) => plan.repositoryId))];
  const repositories = await Promise.all(repositoryIds.map((repository) => store.catalog.findRepository(tenant, repository)));
  const spec: Spec = {
    tenant,
    host: host.id,
    hostName: host.name,
    version: host.specVersion,
    issuedAt: context.clock.now(),
    concurrency: host.concurrency,
    sources: sources.map((source) => toSpecSource(context, host, source)),
    repositories: repositories.filter((found) => found !== undefined).map((found) => toSpecRepository(context, host, found)),
    plans,
  };
  return { ...signDocument(context.crypto, context.identity, SPEC_CONTEXT, spec), version: host.specVersion };
}
