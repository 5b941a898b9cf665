/**
 * On which host something is done with snapshots that were chosen: the one that made them, or, where that is away for good or for now, another one
 * that holds the credential of their repository anyway. What only the admin credential may do is done by the host that keeps the repository up.
 */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { type Capability, hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import { cutOrders } from '@holdfast/shared/protocol/snapshot-orders.ts';
import type { Host } from '../../store/hosts.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import type { Caller } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import type { Maintainer } from '../routine/maintainer.ts';
import { findMaintainer } from '../routine/routine.ts';

/** What one run is about. */
export interface Batch {
  /** Carries it out. */
  host: Host;
  repository: Repository;
  snapshots: readonly Snapshot[];
}

/** What is to be done, and what its host needs for it. */
export interface Deed {
  capability: Capability;
  /** What it needs besides for snapshots of another host. */
  forOthers?: Capability | undefined;
  /** Removes: through the admin credential of the repository where that has one. */
  isRemoval?: boolean | undefined;
  /** Where copies go; another host than the maker must reach that as well. */
  to?: Repository | undefined;
  /** The host that a person chose. */
  wanted?: HostId | undefined;
}

export const shorten = ({ engineId }: Pick<Snapshot, 'engineId'>): string => engineId.slice(0, 8);

interface Reach {
  repository: Repository;
  deed: Deed;
  /** Active hosts that made some of the snapshots, by id. */
  makers: ReadonlyMap<HostId, Host>;
  /** Approved hosts that hold the credential anyway, in the order in which they are preferred. */
  others: readonly Host[];
  /** The only host that is given the admin credential; undefined where the deed needs none, or people keep the repository up by hand. */
  keeper?: Maintainer | undefined;
  isOnline(host: HostId): boolean;
}

/** Hosts with a plan into the repository, the one that opened it last, and before them the one that keeps it up. */
async function listReaching(context: CoreContext, repository: Repository, keeper: HostId | undefined): Promise<readonly Host[]> {
  const { plans, hosts } = context.store;
  const { tenant, id, testedFrom } = repository;
  const users = await plans.listHostsOfRepository(tenant, id);
  const ids = [...new Set([keeper, testedFrom, ...users].filter((one) => one !== undefined))];
  const found = new Map((await hosts.findHosts(tenant, ids)).map((host) => [host.id, host]));
  return ids.flatMap((one) => found.get(one) ?? []).filter(({ state }) => state === 'active');
}

async function findKeeper(context: CoreContext, repository: Repository): Promise<Maintainer | undefined> {
  const stored = await context.store.routines.findRoutine(repository.tenant, repository.id);
  return stored && (await findMaintainer(context, repository, stored));
}

async function readReach(context: CoreContext, repository: Repository, makers: Reach['makers'], deed: Deed): Promise<Reach> {
  const keeper = await findKeeper(context, repository);
  const there = await listReaching(context, repository, keeper?.host?.id);
  const second = deed.to && (await listReaching(context, deed.to, undefined)).map(({ id }) => id);
  const needsKeeper = deed.isRemoval === true && repository.admin !== undefined;
  return {
    repository,
    deed,
    makers,
    others: second ? there.filter(({ id }) => second.includes(id)) : there,
    ...(needsKeeper ? { keeper } : {}),
    isOnline: (host) => context.directory.isOnline(host),
  };
}

type KeeperReach = Pick<Reach, 'repository' | 'others'> & { deed: Pick<Deed, 'wanted'> };

function getKeeper({ repository, deed, others }: KeeperReach, { host, trouble }: Maintainer): Host {
  const found = others.find(({ id }) => id === host?.id);
  if (!found)
    throw new AppError(
      'precondition',
      `only the host that keeps ${repository.name} up is given its admin credential, and none does: ${trouble ?? 'none is there'}`,
    );
  if (deed.wanted !== undefined && deed.wanted !== found.id)
    throw createFieldsError({
      host: `Host: only ${found.name}, which keeps ${repository.name} up, is given its admin credential`,
    });
  return found;
}

/**
 * The only host that is given the admin credential to delete from a repository, whether it is there now or the order waits for it; undefined where
 * there is no such credential, or people keep the repository up by hand. Throws `precondition` where no host keeps it up.
 */
export async function findDeleter(context: CoreContext, repository: Repository): Promise<Host | undefined> {
  const keeper = repository.admin === undefined ? undefined : await findKeeper(context, repository);
  if (keeper === undefined) return undefined;
  return getKeeper({ repository, deed: {}, others: await listReaching(context, repository, keeper.host?.id) }, keeper);
}

const describeNobody = (reach: Reach, { engineId, host }: Snapshot): AppError => {
  const { name } = reach.repository;
  const maker = reach.makers.has(host)
    ? 'its own host is not to be given the admin credential unless it is chosen'
    : 'its host is gone';
  const both = reach.deed.to === undefined ? name : `both ${name} and ${reach.deed.to.name}`;
  return new AppError(
    'precondition',
    `no host can do this with snapshot ${shorten({ engineId })}: ${maker}, and no other approved host holds the credential of ${both}. A host with a plan into the repository does, and one that tested it on its page`,
  );
};

function getWanted({ repository, others, makers, deed }: Reach, { host }: Snapshot, wanted: HostId): Host {
  const found = [...makers.values()].find(({ id }) => id === host && id === wanted) ?? others.find(({ id }) => id === wanted);
  if (found) return found;
  const where = deed.to === undefined ? repository.name : `both ${repository.name} and ${deed.to.name}`;
  throw createFieldsError({
    host: `Host: choose the one that made the snapshot, or another one that holds the credential of ${where} anyway`,
  });
}

const isAble = ({ facts }: Host, { capability, forOthers }: Deed, isOthers: boolean): boolean =>
  hasCapability(facts, capability) && (!isOthers || forOthers === undefined || hasCapability(facts, forOthers));

/** Who does it with this snapshot. Pure. Throws `precondition` where nobody can, `invalid` naming the field for a host that must not. */
function chooseHost(reach: Reach, snapshot: Snapshot): Host {
  const { deed, makers, keeper, repository, isOnline } = reach;
  if (keeper) return getKeeper(reach, keeper);
  if (deed.wanted !== undefined) return getWanted(reach, snapshot, deed.wanted);
  const canNow = (host: Host) => isOnline(host.id) && isAble(host, deed, host.id !== snapshot.host);
  const others = reach.others.filter(({ id }) => id !== snapshot.host);
  // Unless a person says so, whoever took the maker over is not given what removes.
  const isKept = deed.isRemoval === true && repository.admin !== undefined;
  const maker = isKept ? undefined : makers.get(snapshot.host);
  if (maker && canNow(maker)) return maker;
  const found = others.find(canNow) ?? maker ?? others[0];
  if (!found) throw describeNobody(reach, snapshot);
  return found;
}

async function findActive(context: CoreContext, caller: Caller, ids: readonly HostId[]): Promise<Map<HostId, Host>> {
  const found = await context.store.hosts.findHosts(caller.tenant, [...new Set(ids)]);
  return new Map(found.filter(({ state }) => state === 'active').map((host) => [host.id, host]));
}

async function readReaches(context: CoreContext, caller: Caller, snapshots: readonly Snapshot[], deed: Deed) {
  const makers = await findActive(
    context,
    caller,
    snapshots.map(({ host }) => host),
  );
  const reaches: { reach: Reach; there: readonly Snapshot[] }[] = [];
  for (const [id, there] of Map.groupBy(snapshots, ({ repository }) => repository)) {
    const repository = await context.store.repositories.findRepository(caller.tenant, id);
    if (!repository) throw new AppError('precondition', 'the repository of a chosen snapshot is not there any more');
    demandOpened(repository);
    reaches.push({ reach: await readReach(context, repository, makers, deed), there });
  }
  return reaches;
}

/** Only of an opened repository is known which one it is, so that another one at its address is noticed. Throws `precondition` for any other. */
export function demandOpened({ engineId, name }: Pick<Repository, 'engineId' | 'name'>): void {
  if (engineId === undefined)
    throw new AppError('precondition', `no host has opened the repository ${name} yet; test it first, on its page`);
}

type Reaches = Awaited<ReturnType<typeof readReaches>>;

function planBatches(reaches: Reaches, deed: Deed): readonly Batch[] {
  const batches: Batch[] = [];
  for (const { reach, there } of reaches) {
    const { repository } = reach;
    const chosen = new Map(there.map((snapshot) => [snapshot.id, chooseHost(reach, snapshot)]));
    for (const host of new Map([...chosen.values()].map((one) => [one.id, one])).values()) {
      const own = there.filter(({ id }) => chosen.get(id)?.id === host.id);
      demandCapability(host, deed.capability, 'for this');
      if (deed.forOthers && own.some((snapshot) => snapshot.host !== host.id))
        demandCapability(host, deed.forOthers, 'for snapshots of other hosts');
      for (const snapshots of cutOrders(own)) batches.push({ host, repository, snapshots });
    }
  }
  return batches;
}

/**
 * The runs that it takes: for each host and repository as many as its orders need. Throws `precondition` where no host can, or its agent is too old, and `invalid` for
 * a chosen host that must not.
 */
export async function gatherBatches(
  context: CoreContext,
  caller: Caller,
  snapshots: readonly Snapshot[],
  deed: Deed,
): Promise<readonly Batch[]> {
  const reaches = await readReaches(context, caller, snapshots, deed);
  const batches = planBatches(reaches, deed);
  // From here on it is the one that keeps the repository up, also for what the routine orders next.
  for (const { reach } of reaches)
    if (reach.keeper) await context.store.routines.renewLease(caller.tenant, reach.repository.id, reach.keeper.lease);
  return batches;
}

export interface Hands {
  /** Who does it unless somebody else is chosen; empty where a person has to choose. */
  batches: readonly Batch[];
  /** All that could do all of it, each by itself. */
  choices: readonly Host[];
}

/** Who would do it, and who else could. Errors as of `gatherBatches`, but none where somebody could and only has to be named. */
export async function previewHands(
  context: CoreContext,
  caller: Caller,
  snapshots: readonly Snapshot[],
  deed: Deed,
): Promise<Hands> {
  const reaches = await readReaches(context, caller, snapshots, deed);
  const able = reaches.map(({ reach, there }) => {
    if (reach.keeper) return reach.others.filter(({ id }) => id === reach.keeper?.host?.id);
    const [maker, more] = [...new Set(there.map(({ host }) => host))];
    const own = maker !== undefined && more === undefined ? reach.makers.get(maker) : undefined;
    const all = new Map([...(own ? [own] : []), ...reach.others].map((host) => [host.id, host]));
    return [...all.values()].filter((host) => isAble(host, deed, host.id !== maker || more !== undefined));
  });
  const [first = [], ...rest] = able;
  const choices = first.filter(({ id }) => rest.every((hosts) => hosts.some((host) => host.id === id)));
  try {
    return { batches: planBatches(reaches, deed), choices };
  } catch (error) {
    if (choices.length > 0 && error instanceof AppError && error.code === 'precondition') return { batches: [], choices };
    throw error;
  }
}
