/** Hosts after they joined: looked at, named, revoked, given new tokens. */
import { sealFor } from '@holdfast/shared/crypto/sealed.ts';
import type { Ailment, HostCondition } from '@holdfast/shared/domain/ailments.ts';
import { isDraining } from '@holdfast/shared/domain/drain.ts';
import type { HostId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { HostOrder } from '@holdfast/shared/domain/list-orders.ts';
import type { RunLimits, SecretsMode } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { Host, HostFilter } from '../../store/hosts.ts';
import type { Page, PageRequest, SortedPage } from '../../store/page.ts';
import type { HostHappening } from '../../store/trail.ts';
import { demandProven } from '../accounts/step-up.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { judgeSkew, recordHappening, type SkewLevel } from '../ingest.ts';
import { checkName, checkTags } from '../names.ts';
import type { Claimant, CoreContext } from '../ports.ts';
import { endRunsOfRevoked } from '../runs/presumed-ends.ts';
import { demandHostVersion } from './host-version.ts';
import { demandSecretsMode } from './secrets-mode.ts';

/** What a person reads about a host's connection; computed here and nowhere else. */
export const HOST_STANDINGS = ['online', 'offline', 'revoked', 'quarantined'] as const;
export type HostStanding = (typeof HOST_STANDINGS)[number];

/** How much a host's clock is off: `warn` beyond 5 s, `alert` beyond a minute. */
export const SKEW_LEVELS = ['good', 'warn', 'alert'] as const;

/** The drain is there only while it holds, ailments only while the host is online. */
export interface HostView extends Host {
  standing: HostStanding;
  condition: HostCondition;
  /** Of `skewMs`; undefined before the first connection. */
  skewLevel?: SkewLevel | undefined;
  /** The host works by an older spec than it should. */
  drift: boolean;
}

export function findHostStanding(
  { clock, directory }: Pick<CoreContext, 'clock' | 'directory'>,
  { id, state, lastSeenAt }: Pick<Host, 'id' | 'state' | 'lastSeenAt'>,
): HostStanding {
  if (state !== 'active') return state;
  const isFresh = lastSeenAt !== undefined && clock.now() - lastSeenAt < WIRE.offlineAfterMs;
  return isFresh && directory.isOnline(id) ? 'online' : 'offline';
}

/**
 * How many hosts are online, and how many of these are degraded, without a look at each: whoever is connected is heard of all the time,
 * so that those who are both are the fewer of the two.
 */
export async function countOnlineHosts(
  { store, clock, directory }: Pick<CoreContext, 'store' | 'clock' | 'directory'>,
  tenant: TenantId,
): Promise<{ online: number; degraded: number }> {
  const freshSince = clock.now() - WIRE.offlineAfterMs;
  const [seen, ailing] = await Promise.all([
    store.hosts.countHostsSeenSince(tenant, freshSince),
    store.hosts.listAilingHosts(tenant, freshSince),
  ]);
  const degraded = ailing.filter((id) => directory.isOnline(id)).length;
  return { online: Math.min(seen, directory.listOnline().length), degraded };
}

/** Whether a host of this standing is fit for its backups. */
export function findHostCondition(standing: HostStanding, ailments: readonly Ailment[] | undefined): HostCondition {
  if (standing !== 'online' || ailments === undefined) return 'unknown';
  return ailments.length === 0 ? 'good' : 'degraded';
}

export function toHostView(context: CoreContext, host: Host): HostView {
  const standing = findHostStanding(context, host);
  const drain = isDraining(host.drain, context.clock.now()) ? host.drain : undefined;
  const skewLevel = host.skewMs === undefined ? undefined : judgeSkew(host.skewMs);
  const condition = findHostCondition(standing, host.ailments);
  const ailments = condition === 'degraded' ? host.ailments : undefined;
  const drift = host.acknowledgedSpecVersion < host.specVersion;
  return { ...host, drain, standing, condition, ailments, skewLevel, drift };
}

/** What a list of hosts can be narrowed to, each as it reads in its own row. */
export const LISTED_STANDINGS = [...HOST_STANDINGS, 'active', 'draining', 'degraded'] as const;
export type ListedStanding = (typeof LISTED_STANDINGS)[number];

/** Whom a list of this standing shows. */
export function filterByStanding(
  { clock, directory }: Pick<CoreContext, 'clock' | 'directory'>,
  standing: ListedStanding | undefined,
): HostFilter {
  const connect = (isOnline: boolean) => {
    const since = clock.now() - WIRE.offlineAfterMs + 1;
    return { state: 'active', connection: { isOnline, ids: directory.listOnline(), since } } as const;
  };
  switch (standing) {
    case 'online':
      return connect(true);
    case 'offline':
      return connect(false);
    case 'degraded':
      return { ...connect(true), ailing: true };
    case 'draining':
      return { state: 'active', drainedAt: clock.now() };
    default:
      return { state: standing };
  }
}

export async function listHosts(
  context: CoreContext,
  caller: Caller,
  filter: HostFilter,
  page: SortedPage<HostOrder>,
): Promise<Page<HostView>> {
  demand(caller, 'view');
  const freshSince = context.clock.now() - WIRE.offlineAfterMs;
  const found = await context.store.hosts.listHosts(caller.tenant, filter, { ...page, freshSince });
  return { ...found, rows: found.rows.map((host) => toHostView(context, host)) };
}

/** All tags of the fleet, by name; hosts that are revoked do not count. */
export async function listTags({ store }: CoreContext, caller: Caller): Promise<readonly string[]> {
  demand(caller, 'view');
  return store.hosts.listTags(caller.tenant);
}

export async function getHost(context: CoreContext, caller: Caller, id: HostId): Promise<HostView> {
  demand(caller, 'view');
  const host = await context.store.hosts.findHost(caller.tenant, id);
  if (!host) throw new AppError('not_found', 'there is no such host');
  return toHostView(context, host);
}

/** All that is kept of what happened to a host, newest first, page by page. */
export async function pageHostHappenings(
  context: CoreContext,
  caller: Caller,
  id: HostId,
  page: PageRequest,
): Promise<Page<HostHappening>> {
  await getHost(context, caller, id);
  return context.store.trail.pageHappenings(caller.tenant, id, page);
}

/** The newest of them. */
export async function listHostHappenings(
  context: CoreContext,
  caller: Caller,
  id: HostId,
  limit: number,
): Promise<readonly HostHappening[]> {
  await getHost(context, caller, id);
  return context.store.trail.listHappenings(caller.tenant, id, limit);
}

export interface HostChange {
  name?: string | undefined;
  tags?: readonly string[] | undefined;
  concurrency?: number | undefined;
  /** In place of all that there were. */
  limits?: RunLimits | undefined;
  secretsMode?: SecretsMode | undefined;
}

/**
 * Names, tags, runs at the same time and what each may take, where its secrets are; `invalid` names the field at fault, `conflict` a name that is taken,
 * `version` is the one that the change was made for: `conflict` where the host has another one. `precondition` a host whose agent cannot do without keeping secrets, `limit` one whose secrets do not fit into its spec.
 */
export async function updateHost(
  context: CoreContext,
  caller: Caller,
  id: HostId,
  wanted: HostChange,
  version?: number,
): Promise<HostView> {
  demand(caller, 'host.manage');
  const change: HostChange = {
    ...wanted,
    ...(wanted.name === undefined ? {} : { name: checkName(wanted.name) }),
    ...(wanted.tags === undefined ? {} : { tags: checkTags(wanted.tags) }),
  };
  const before = await getHost(context, caller, id);
  demandHostVersion(before, version);
  if (
    change.name !== undefined &&
    change.name !== before.name &&
    (await context.store.hosts.findHostNamed(caller.tenant, change.name)) !== undefined
  ) {
    throw new AppError('conflict', `another host is named ${change.name}`, { details: { field: 'name' } });
  }
  await demandSecretsMode(context, before, change.secretsMode);
  const naming = {
    ...(change.name === undefined ? {} : { name: change.name }),
    ...(change.tags === undefined ? {} : { tags: change.tags }),
    ...(change.concurrency === undefined ? {} : { concurrency: change.concurrency }),
    ...(change.limits === undefined ? {} : { limits: change.limits }),
    ...(change.secretsMode === undefined ? {} : { secretsMode: change.secretsMode }),
  };
  await context.store.hosts.updateHostNaming(caller.tenant, id, naming, version === undefined ? undefined : before);
  await context.store.hosts.bumpSpec(caller.tenant, [id]);
  context.directory.wake(id);
  await recordAct(context, caller, {
    action: 'host.updated',
    target: { kind: 'host', id, name: before.name },
    change: { ...change },
  });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.hosts });
  return getHost(context, caller, id);
}

/**
 * Ends a host's access at once: its tokens are gone, its socket is closed. Its history stays, its repositories are not touched. Throws
 * `not_found`, and `conflict` for a host that is revoked already.
 */
export async function revokeHost(context: CoreContext, caller: Caller, id: HostId): Promise<void> {
  demand(caller, 'host.manage');
  const host = await getHost(context, caller, id);
  if (host.state === 'revoked') throw new AppError('conflict', 'this host is revoked already');
  await demandProven(context, caller, 'revoke a host');
  await context.store.hosts.setHostState(caller.tenant, id, 'revoked');
  await context.store.hosts.deleteHostTokens(id);
  context.directory.disconnect(id, { code: 'forbidden', message: 'this host was revoked by an operator', retry: 'never' }, false);
  context.directory.forgetClaimants(id);
  await endRunsOfRevoked(context, host);
  await recordAct(context, caller, { action: 'host.revoked', target: { kind: 'host', id, name: host.name } });
  for (const topic of [TOPICS.hosts, TOPICS.host(id), TOPICS.counts])
    context.bus.publish(caller.tenant, { kind: 'refresh', topic });
}

/**
 * Gives an online host a new token; the old one works until the new one was used once. Throws `not_found`, `precondition` for a host that is
 * not active, and `unavailable` for one that is offline.
 */
export async function rotateHostToken(context: CoreContext, caller: Caller, id: HostId): Promise<void> {
  demand(caller, 'host.manage');
  const host = await getHost(context, caller, id);
  if (host.state !== 'active') throw new AppError('precondition', 'only an active host can get a new token');
  await sendNewToken(context, host);
  await recordAct(context, caller, { action: 'host.token_rotated', target: { kind: 'host', id, name: host.name } });
}

/** A new token, stored and sealed to its host. Stored first: a host that answered and then finds its token unknown would be locked out. */
async function makeToken(context: CoreContext, host: Host): Promise<{ hash: string; body: RequestBody<'token.rotate'> }> {
  const token = context.crypto.randomToken('hfa');
  const hash = context.crypto.hashToken(token);
  const now = context.clock.now();
  const binding = { host: host.id, purpose: 'token' as const, ref: host.id, version: now };
  const sealed = sealFor(context.crypto, host.sealingKey, context.identity, binding, { token });
  await context.store.hosts.insertHostToken({ hash, tenant: host.tenant, host: host.id, createdAt: now });
  return { hash, body: { sealed, version: now } };
}

/** Also called by the hub when a token has reached its age. Throws `unavailable` for a host that is offline, and what the host answers. */
export async function sendNewToken(context: CoreContext, host: Host): Promise<void> {
  if (!context.directory.isOnline(host.id))
    throw new AppError('unavailable', 'the host is offline; try again when it is connected');
  const { body } = await makeToken(context, host);
  await context.directory.request(host.id, 'token.rotate', body);
}

/** The agents seen with the identity of a quarantined host, the one seen last first; empty for every other host. */
export async function listClaimants(context: CoreContext, caller: Caller, id: HostId): Promise<readonly Claimant[]> {
  const host = await getHost(context, caller, id);
  return host.state === 'quarantined' ? context.directory.listClaimants(id) : [];
}

/**
 * A person says which of the agents that use one identity is the host. It is let in when it dials next, within a minute or so,
 * and is given a token that no copy has. `precondition` for a host that is not quarantined, `not_found` for an unknown boot.
 */
export async function chooseAgent(context: CoreContext, caller: Caller, id: HostId, boot: string): Promise<void> {
  demand(caller, 'host.approve');
  const host = await getHost(context, caller, id);
  if (host.state !== 'quarantined') throw new AppError('precondition', 'this host is not quarantined');
  if (!context.directory.listClaimants(id).some((claimant) => claimant.boot === boot))
    throw new AppError('not_found', 'no agent of this start was seen lately; wait until it has dialled again, at most a minute');
  context.directory.chooseClaimant(id, boot);
  await recordAct(context, caller, {
    action: 'host.agent_chosen',
    target: { kind: 'host', id, name: host.name },
    change: { boot },
  });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.host(id) });
}

/**
 * Lets the chosen agent of a quarantined host in again. `ask` hands it the new token on its own connection; with its answer the
 * token is on its disk, and only then every other token of the host is deleted. Cut before that, nothing has changed but that
 * one more token works; the agent is let in when it dials again.
 */
export async function readmitAgent(
  context: CoreContext,
  host: Host,
  agent: { counter: number; boot: string },
  ask: (body: RequestBody<'token.rotate'>) => Promise<unknown>,
): Promise<void> {
  const { hash, body } = await makeToken(context, host);
  await ask(body);
  await context.store.hosts.readmitHost(host.id, { tokenHash: hash, ...agent });
  context.directory.forgetClaimants(host.id);
  const text =
    'the agent that an operator chose is let in again, with a token of its own; every other copy of this identity is locked out';
  await recordHappening(context, host, 'host.readmitted', 'info', text);
}
