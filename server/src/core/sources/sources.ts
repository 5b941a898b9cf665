/** Sources: what is protected on a host. Kept, tested from their host, discovered on a server connection. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Config, Secrets } from '@holdfast/shared/adapters/field.ts';
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COUNTS, COVERAGE } from '@holdfast/shared/limits.ts';
import type { AdapterDraft, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Page, SortedPage } from '../../store/page.ts';
import type { Source, SourceFilter, StoredSourceOrder } from '../../store/sources.ts';
import { type AdapterInput, createFieldsError, parseAdapterInput } from '../adapters/adapter-input.ts';
import { checkSourcePlan } from '../adapters/dry-plan.ts';
import { findSourcePlace, namePlace } from '../adapters/tool-place.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { demandSpecFits } from '../hosts/spec-size.ts';
import { checkName } from '../names.ts';
import type { CoreContext } from '../ports.ts';
import { decryptSecrets, encryptSecrets, sealSecrets } from '../secrets.ts';

/** A request a person waits for is void after this. */
const QUESTION_LIFE_MS = 60_000;
const PROBE_TIMEOUT_MS = 70_000;

export interface SourceInput extends AdapterInput {
  host: HostId;
  name: string;
  kind: string;
  enabled?: boolean | undefined;
}

async function getActiveHost(context: CoreContext, caller: Caller, id: HostId): Promise<Host> {
  const host = await context.store.hosts.findHost(caller.tenant, id);
  if (host?.state !== 'active') throw new AppError('not_found', 'there is no such approved host', { details: { field: 'host' } });
  return host;
}

async function tellHosts(context: CoreContext, caller: Caller, hosts: readonly HostId[]): Promise<void> {
  await context.store.hosts.bumpSpec(caller.tenant, hosts);
  for (const host of hosts) context.directory.wake(host);
  for (const topic of [TOPICS.sources, TOPICS.counts, TOPICS.overview])
    context.bus.publish(caller.tenant, { kind: 'refresh', topic });
}

export async function getSource(context: CoreContext, caller: Caller, id: SourceId): Promise<Source> {
  demand(caller, 'view');
  const source = await context.store.sources.findSource(caller.tenant, id);
  if (!source) throw new AppError('not_found', 'there is no such source');
  return source;
}

export async function listSources(
  context: CoreContext,
  caller: Caller,
  filter: SourceFilter,
  page: SortedPage<StoredSourceOrder>,
): Promise<Page<Source>> {
  demand(caller, 'view');
  return context.store.sources.listSources(caller.tenant, filter, page);
}

/**
 * Throws `invalid` naming the field at fault, `not_found` for a host that is not active, `conflict` for a name that is taken on it, and
 * `limit` above `COUNTS.sourcesPerHost` or where the host's spec does not fit a frame any more.
 */
export async function createSource(context: CoreContext, caller: Caller, input: SourceInput): Promise<Source> {
  demand(caller, 'source.manage');
  const name = checkName(input.name);
  const { config, secrets } = parseAdapterInput(getSourceAdapter(input.kind).fields, input);
  checkSourcePlan(input.kind, config, secrets);
  const host = await getActiveHost(context, caller, input.host);
  if ((await context.store.sources.listSourcesOfHost(caller.tenant, host.id)).length >= COUNTS.sourcesPerHost) {
    throw new AppError('limit', `a host may have ${COUNTS.sourcesPerHost} sources`, { retry: 'after_change' });
  }
  const id = context.createId('source');
  const now = context.clock.now();
  const source: Source = {
    id,
    tenant: caller.tenant,
    host: host.id,
    name,
    kind: input.kind,
    config,
    secrets: encryptSecrets(context, { tenant: caller.tenant, table: 'sources', row: id }, secrets, {}),
    enabled: input.enabled ?? true,
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
  await demandSpecFits(context, caller, [host.id], { source });
  await context.store.sources.insertSource(source);
  // It may lie on a server that was not known until now.
  await context.store.coverage.hurryTurns(caller.tenant, host.id, now + COVERAGE.firstMs);
  await recordAct(context, caller, {
    action: 'source.created',
    target: { kind: 'source', id, name: source.name },
    change: { kind: source.kind, host: host.name, config },
  });
  await tellHosts(context, caller, [host.id]);
  return source;
}

export interface SourceChange {
  name?: string | undefined;
  enabled?: boolean | undefined;
  config?: AdapterInput['config'] | undefined;
  secrets?: AdapterInput['secrets'] | undefined;
}

/** Changes a source; the host and the kind stay. `expectedVersion` guards against two people saving at once. */
export async function updateSource(
  context: CoreContext,
  caller: Caller,
  id: SourceId,
  change: SourceChange,
  expectedVersion?: number,
): Promise<Source> {
  demand(caller, 'source.manage');
  const before = await getSource(context, caller, id);
  const { fields } = getSourceAdapter(before.kind);
  const input = { config: change.config ?? before.config, secrets: change.secrets ?? {} };
  const { config, secrets } = parseAdapterInput(fields, input, Object.keys(before.secrets));
  const row = { tenant: before.tenant, table: 'sources' as const, row: id };
  checkSourcePlan(before.kind, config, { ...decryptSecrets(context, row, before.secrets), ...secrets });
  const after: Source = {
    ...before,
    name: change.name === undefined ? before.name : checkName(change.name),
    enabled: change.enabled ?? before.enabled,
    config,
    secrets: encryptSecrets(context, row, secrets, before.secrets),
    version: before.version + 1,
    updatedAt: context.clock.now(),
  };
  await demandSpecFits(context, caller, [before.host], { source: after });
  await context.store.sources.updateSource(after, expectedVersion ?? before.version);
  await recordAct(context, caller, {
    action: 'source.updated',
    target: { kind: 'source', id, name: after.name },
    change: {
      before: { name: before.name, enabled: before.enabled, config: before.config },
      after: { name: after.name, enabled: after.enabled, config },
      secretsChanged: Object.keys(secrets),
    },
  });
  await tellHosts(context, caller, [before.host]);
  return after;
}

/** Takes a source off; its runs and snapshots stay. `conflict` while a plan uses it. */
export async function deleteSource(context: CoreContext, caller: Caller, id: SourceId): Promise<void> {
  demand(caller, 'source.manage');
  const source = await getSource(context, caller, id);
  await context.store.sources.deleteSource(caller.tenant, id);
  await recordAct(context, caller, { action: 'source.deleted', target: { kind: 'source', id, name: source.name } });
  await tellHosts(context, caller, [source.host]);
}

/** A source that is still being typed; `base` lends the secrets that were left empty. */
export type SourceDraft = Omit<SourceInput, 'name'> & { base?: SourceId | undefined };

/** A source to ask about: a saved one or a draft. */
export type SourceQuestion = { source: SourceId } | SourceDraft;

async function prepareQuestion(
  context: CoreContext,
  caller: Caller,
  question: SourceQuestion,
): Promise<{ host: Host; ref: string; draft: AdapterDraft; config: Config }> {
  const isDraft = 'kind' in question;
  const saved = isDraft
    ? question.base
      ? await getSource(context, caller, question.base)
      : undefined
    : await getSource(context, caller, question.source);
  const kind = isDraft ? question.kind : (saved as Source).kind;
  // What one connection's secrets are good for ends where another kind or another machine begins.
  if (isDraft && saved && (saved.kind !== kind || saved.host !== question.host))
    throw createFieldsError({ base: 'Base: the saved source is of another kind or host; type its secrets anew' });
  const storedSecrets: Secrets = saved
    ? decryptSecrets(context, { tenant: saved.tenant, table: 'sources', row: saved.id }, saved.secrets)
    : {};
  const parsed = isDraft
    ? parseAdapterInput(getSourceAdapter(kind).fields, question, Object.keys(storedSecrets))
    : { config: (saved as Source).config, secrets: {} };
  if (isDraft) checkSourcePlan(kind, parsed.config, { ...storedSecrets, ...parsed.secrets });
  const host = await getActiveHost(context, caller, isDraft ? question.host : (saved as Source).host);
  const ref = context.createId('request');
  const binding = { host: host.id, purpose: 'request' as const, ref, version: 1 };
  const secrets = sealSecrets(context, host.sealingKey, binding, { ...storedSecrets, ...parsed.secrets });
  const draft: AdapterDraft = { kind, config: parsed.config as AdapterDraft['config'], ...(secrets ? { secrets } : {}) };
  return { host, ref, draft, config: parsed.config };
}

/** Connects from the host and returns what the tool said; needs the host online. `timeout` without an answer for so long. */
export async function testSource(
  context: CoreContext,
  caller: Caller,
  question: SourceQuestion,
  timeoutMs: number = PROBE_TIMEOUT_MS,
): Promise<RequestResult<'source.test'>> {
  demand(caller, 'source.manage');
  const { host, ref, draft } = await prepareQuestion(context, caller, question);
  const body = { ref, draft, notAfter: context.clock.now() + QUESTION_LIFE_MS };
  return namePlace(findSourcePlace(draft.kind), context.directory.request(host.id, 'source.test', body, { timeoutMs }));
}

export interface DiscoveredSource {
  name: string;
  sizeBytes?: number | undefined;
  /** The source that protects it already, when there is one on this host. */
  known?: { id: SourceId; name: string } | undefined;
  /** The config of a new source for it; secrets come from the connection it was found through. */
  config: Config;
}

/** Stands for what a discovery is to find; no tool is told of it. */
const NOT_CHOSEN = 'not_chosen';

/** A draft whose connection is all that matters: the field that a discovery fills may be left empty. */
export function completeConnection<Q extends SourceQuestion>(question: Q): Q {
  if (!('kind' in question)) return question;
  const fills = getSourceAdapter(question.kind).discovery?.fills;
  if (fills === undefined || (question.config[fills] ?? '') !== '') return question;
  return { ...question, config: { ...question.config, [fills]: NOT_CHOSEN } };
}

/**
 * Lists what a server connection offers, and which of it is a source already. Throws `unsupported` for a kind without discovery, `not_found`,
 * `invalid` naming the field of a draft, and what the host answers.
 */
export async function discoverSources(
  context: CoreContext,
  caller: Caller,
  question: SourceQuestion,
): Promise<readonly DiscoveredSource[]> {
  demand(caller, 'source.manage');
  const { host, ref, draft, config } = await prepareQuestion(context, caller, completeConnection(question));
  const { discovery, describe } = getSourceAdapter(draft.kind);
  if (!discovery) throw new AppError('unsupported', 'there is nothing to discover for this kind of source');
  const body = { ref, draft, notAfter: context.clock.now() + QUESTION_LIFE_MS };
  const asked = context.directory.request(host.id, 'source.discover', body, { timeoutMs: PROBE_TIMEOUT_MS });
  const result = await namePlace(findSourcePlace(draft.kind), asked);
  const existing = await context.store.sources.listSourcesOfHost(caller.tenant, host.id);
  return result.found.map((found) => {
    const configOfOne = discovery.configFor(config, found);
    const known = existing.find((source) => source.kind === draft.kind && describe(source.config) === describe(configOfOne));
    return { ...found, config: configOfOne, ...(known ? { known: { id: known.id, name: known.name } } : {}) };
  });
}
