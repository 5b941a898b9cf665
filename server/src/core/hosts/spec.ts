/** The whole desired state of one host, built from the catalogue, its secrets sealed to that host, signed as one document. */
import { type SignedDocument, signDocument } from '@holdfast/shared/crypto/envelope.ts';
import type { SealedSecrets } from '@holdfast/shared/crypto/sealed.ts';
import { isDraining } from '@holdfast/shared/domain/drain.ts';
import type { HostId, PlanId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RECOVERY, RUNS, WIRE } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Plan } from '../../store/plans.ts';
import type { Policy } from '../../store/policies.ts';
import type { Repository } from '../../store/repositories.ts';
import type { SharedSchedule } from '../../store/shared-schedules.ts';
import type { Source } from '../../store/sources.ts';
import type { CoreContext } from '../ports.ts';
import { readRetentionCap } from '../retention/retention-cap.ts';
import { decryptSecrets, sealSecrets } from '../secrets.ts';

/** Signature context of specs; the agent verifies with the same word. */
const SPEC_CONTEXT = 'spec';

/** Seals a piece's secrets; undefined when it has none. */
export type SecretSealer = (table: 'sources' | 'repositories', row: Source | Repository) => SealedSecrets | undefined;

function createSealer(context: CoreContext, host: Host): SecretSealer {
  return (table, row) => {
    const values = decryptSecrets(context, { tenant: row.tenant, table, row: row.id }, row.secrets);
    const purpose = table === 'sources' ? ('source' as const) : ('repository' as const);
    return sealSecrets(context, host.sealingKey, { host: host.id, purpose, ref: row.id, version: row.version }, values);
  };
}

const hasSecrets = (row: Source | Repository): boolean => Object.keys(row.secrets).length > 0;

/** What a spec says of a piece's secrets. */
type SpecSecrets = (table: 'sources' | 'repositories', row: Source | Repository) => Pick<SpecSource, 'secrets' | 'secretsApart'>;

function createSpecSecrets(host: Host, seal: SecretSealer): SpecSecrets {
  if (host.secretsMode === 'just_in_time') return (_table, row) => (hasSecrets(row) ? { secretsApart: true } : {});
  return (table, row) => {
    const secrets = seal(table, row);
    return secrets ? { secrets } : {};
  };
}

function toSpecSource(source: Source, secretsOf: SpecSecrets): SpecSource {
  const { id, name, kind, version } = source;
  return { id, name, kind, version, config: source.config as SpecSource['config'], ...secretsOf('sources', source) };
}

function toSpecRepository(repository: Repository, secretsOf: SpecSecrets, { forgetOrdered }: SpecPieces): SpecRepository {
  const { id, name, kind, version } = repository;
  return {
    id,
    name,
    kind,
    version,
    config: repository.config as SpecRepository['config'],
    ...secretsOf('repositories', repository),
    ...(repository.engineId === undefined ? {} : { pinnedId: repository.engineId }),
    ...(repository.runsAtOnce === undefined ? {} : { runsAtOnce: repository.runsAtOnce }),
    ...(repository.admin === undefined ? {} : { addsOnly: true, ...(forgetOrdered.has(id) ? { forgetOrdered: true } : {}) }),
  };
}

function toSpecCopy({ copyRepository, copyPolicy }: Plan, policies: readonly Policy[]): Pick<SpecPlan, 'copy'> {
  if (copyRepository === undefined) return {};
  const retention = policies.find(({ id }) => id === copyPolicy)?.policy;
  return { copy: { repositoryId: copyRepository, ...(retention === undefined ? {} : { retention }) } };
}

/** More than the last two of each source matter to nobody, and a spec has to fit into a frame. */
const PROVEN_PER_HOST = 400;
const PROVEN_PER_PLAN = 100;

/** What the server alone goes by is left out. */
function toSpecOptions({ drills: _ofServer, ...options }: Plan['options']): SpecPlan['options'] {
  return options;
}

function toSpecPlan(plan: Plan, onHost: ReadonlySet<string>, { policies, capDays, pinned, proven }: SpecPieces): SpecPlan {
  const retention = policies.find(({ id }) => id === plan.retentionPolicy)?.policy;
  const copy = toSpecCopy(plan, policies);
  const isCapped = capDays > 0 && (retention !== undefined || copy.copy?.retention !== undefined);
  const pins = pinned.flatMap((pin) => (pin.plan === plan.id ? [pin.engineId] : [])).slice(0, RUNS.pinnedPerPlan);
  const provenElsewhere = proven.flatMap((one) => (one.plan === plan.id ? [one.engineId] : [])).slice(0, PROVEN_PER_PLAN);
  return {
    id: plan.id,
    name: plan.name,
    sourceIds: plan.sources.filter((source) => onHost.has(source)),
    repositoryId: plan.repository,
    ...(plan.schedule ? { schedule: plan.schedule } : {}),
    enabled: plan.enabled,
    options: toSpecOptions(plan.options),
    ...(retention === undefined ? {} : { retention }),
    ...(isCapped ? { retentionCapDays: capDays } : {}),
    ...copy,
    ...(pins.length === 0 ? {} : { pinned: pins }),
    ...(provenElsewhere.length === 0 ? {} : { proven: provenElsewhere }),
    effectiveFrom: plan.effectiveFrom,
  };
}

export interface IssuedSpec extends SignedDocument {
  version: number;
}

/** The rows that a host's spec is made of. */
export interface SpecPieces {
  sources: readonly Source[];
  plans: readonly Plan[];
  repositories: readonly Repository[];
  policies: readonly Policy[];
  /** The cap of age over all of them; 0: none. */
  capDays: number;
  /** Repositories whose routine orders retention. */
  forgetOrdered: ReadonlySet<string>;
  /** Pinned snapshots of the plans that this host made. */
  pinned: readonly { plan: PlanId; engineId: string }[];
  /** Snapshots of this host that drills on other hosts proved. */
  proven: readonly { plan: PlanId; engineId: string }[];
}

/** One row as it would be after a change that is not stored yet. */
export interface SpecChange {
  source?: Source | undefined;
  plan?: Plan | undefined;
  repository?: Repository | undefined;
  policy?: Policy | undefined;
  sharedSchedule?: SharedSchedule | undefined;
  /** A snapshot that the host made. */
  pin?: { host: HostId; plan: PlanId; engineId: string } | undefined;
}

function replaceRow<T extends { id: string }>(rows: readonly T[], changed: T | undefined): readonly T[] {
  return changed === undefined ? rows : [...rows.filter((row) => row.id !== changed.id), changed];
}

export async function readSpecPieces(
  context: CoreContext,
  host: Pick<Host, 'id' | 'tenant'>,
  change: SpecChange = {},
): Promise<SpecPieces> {
  const { store } = context;
  const changed = change.source?.host === host.id ? change.source : undefined;
  const sources = replaceRow(await store.sources.listSourcesOfHost(host.tenant, host.id), changed).filter(
    (source) => source.enabled,
  );
  const onHost = new Set(sources.map((source) => source.id));
  const moved = change.sharedSchedule;
  const plans = replaceRow(await store.plans.listPlansOfHost(host.tenant, host.id), change.plan)
    .filter((plan) => plan.sources.some((source) => onHost.has(source)))
    .map((plan) => (moved !== undefined && plan.sharedSchedule === moved.id ? { ...plan, schedule: moved.schedule } : plan));
  const ids = [
    ...new Set(plans.flatMap(({ repository, copyRepository }) => [repository, ...(copyRepository ? [copyRepository] : [])])),
  ];
  const found = await store.repositories.findRepositories(host.tenant, ids);
  const repositories = found.map((repository) => (repository.id === change.repository?.id ? change.repository : repository));
  const used = await store.policies.findPolicies(host.tenant, [
    ...new Set(plans.flatMap(({ retentionPolicy, copyPolicy }) => [retentionPolicy ?? [], copyPolicy ?? []].flat())),
  ]);
  const policies = used.map((policy) => (policy.id === change.policy?.id ? change.policy : policy));
  const routines = await store.routines.listRoutines(host.tenant, ids);
  const forgetOrdered = new Set(routines.flatMap(({ repository, settings }) => (settings.forgetDays > 0 ? [repository] : [])));
  const pins = await store.snapshots.listPinned(
    host.tenant,
    host.id,
    plans.map(({ id }) => id),
  );
  const pinned = change.pin?.host === host.id ? [...pins, change.pin] : pins;
  const proven = await store.drills.listProvenElsewhere(host.tenant, [...onHost], PROVEN_PER_HOST);
  const { maxAgeDays: capDays } = await readRetentionCap(context);
  return { sources, plans, repositories, policies, capDays, forgetOrdered, pinned, proven };
}

/** What a host is told of its drain; one that is over is not spoken of any more. */
function toSpecDrain({ drain }: Host, now: number): Pick<Spec, 'drain'> {
  return isDraining(drain, now) ? { drain: { since: drain.since, until: drain.until } } : {};
}

/** A plan appears with those of its sources that live on this host and are enabled. */
export function composeSpec(host: Host, pieces: SpecPieces, seal: SecretSealer, issuedAt: number): Spec {
  const onHost = new Set<string>(pieces.sources.map((source) => source.id));
  const secretsOf = createSpecSecrets(host, seal);
  return {
    tenant: host.tenant,
    host: host.id,
    hostName: host.name,
    version: host.specVersion,
    issuedAt,
    concurrency: host.concurrency,
    ...(Object.keys(host.limits).length === 0 ? {} : { limits: host.limits }),
    ...(host.secretsMode === 'kept' ? {} : { secretsMode: host.secretsMode }),
    ...toSpecDrain(host, issuedAt),
    sources: pieces.sources.map((source) => toSpecSource(source, secretsOf)),
    repositories: pieces.repositories.map((repository) => toSpecRepository(repository, secretsOf, pieces)),
    plans: pieces.plans.map((plan) => toSpecPlan(plan, onHost, pieces)),
  };
}

/** Bytes that a value takes in the frame, whose document is JSON within JSON. */
const weigh = (value: unknown): number => Buffer.byteLength(JSON.stringify(JSON.stringify(value)));
/** For the name of the field and what else stands around the text. */
const COPY_EXTRA_BYTES = 64;
/** What a spec may grow by before it is built again, such as a drain. */
const SPARE_BYTES = 2048;

/**
 * The sealed copies of its repositories, for an agent that keeps them and a host that keeps secrets. Those that the frame has no room for are left
 * out: they lie in the database as well, and no spec may fail by them.
 */
async function addRecoveryCopies(context: CoreContext, host: Host, spec: Spec): Promise<Spec> {
  if (host.secretsMode !== 'kept' || !hasCapability(host.facts, 'spec.put recovery')) return spec;
  const { recovery } = context.store;
  const key = await recovery.findRecoveryKey(host.tenant);
  if (key === undefined) return spec;
  const ids = spec.repositories.map(({ id }) => id);
  const copies = new Map(
    (await recovery.findRecoveryCopies(host.tenant, ids))
      .filter(({ recipient, sealed }) => recipient === key.recipient && sealed.length <= RECOVERY.copyChars)
      .map(({ repository, sealed }) => [repository, sealed] as const),
  );
  let room = WIRE.frameBytes - WIRE.specFrameExtraBytes - SPARE_BYTES - weigh(spec);
  const repositories = spec.repositories.map((repository) => {
    const sealed = copies.get(repository.id);
    const bytes = sealed === undefined ? 0 : weigh(sealed) + COPY_EXTRA_BYTES;
    if (sealed === undefined || bytes > room) return repository;
    room -= bytes;
    return { ...repository, recoveryCopy: sealed };
  });
  return { ...spec, repositories };
}

/** Builds and signs the current spec. */
export async function buildSpec(context: CoreContext, tenant: TenantId, id: HostId): Promise<IssuedSpec> {
  // The version is read before the rows: a change in between makes the spec newer than it says, and it is sent again.
  const host = await context.store.hosts.findHost(tenant, id);
  if (!host) throw new AppError('not_found', 'there is no such host');
  const composed = composeSpec(host, await readSpecPieces(context, host), createSealer(context, host), context.clock.now());
  const spec = await addRecoveryCopies(context, host, composed);
  return { ...signDocument(context.crypto, context.identity, SPEC_CONTEXT, spec), version: host.specVersion };
}

/** What a just-in-time host is handed over beside its spec: every set of secrets that its pieces have. */
export function composeSecrets(host: Host, pieces: SpecPieces, seal: SecretSealer): RequestBody<'secrets.put'> {
  const toItems = (table: 'sources' | 'repositories', rows: readonly (Source | Repository)[]) =>
    rows.flatMap((row) => {
      const sealed = seal(table, row);
      const purpose = table === 'sources' ? ('source' as const) : ('repository' as const);
      return sealed ? [{ purpose, ref: row.id, version: row.version, sealed }] : [];
    });
  const items = [...toItems('sources', pieces.sources), ...toItems('repositories', pieces.repositories)];
  return { specVersion: host.specVersion, items };
}

/** Builds the secrets that belong to the current spec of a just-in-time host. */
export async function buildSecrets(context: CoreContext, host: Host): Promise<RequestBody<'secrets.put'>> {
  return composeSecrets(host, await readSpecPieces(context, host), createSealer(context, host));
}
