/** The routine of one repository: what people say of it, and how it stands. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { isDraining } from '@holdfast/shared/domain/drain.ts';
import type { HostId, RepositoryId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { countParts, type Routine, routineSchema } from '@holdfast/shared/domain/routine.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { Host } from '../../store/hosts.ts';
import type { Plan } from '../../store/plans.ts';
import type { Repository } from '../../store/repositories.ts';
import type { StoredRoutine } from '../../store/routines.ts';
import type { Run } from '../../store/runs.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { getRepository } from '../repositories/repositories.ts';
import { tellHosts } from '../repositories/tell-hosts.ts';
import { findPolicyThere } from '../retention/retention-preview.ts';
import { type Candidate, chooseMaintainer, LEASE_MS, type Maintainer } from './maintainer.ts';
import { type PlannedDuty, planRepository } from './planner.ts';

/** A run of a host that has been away for longer keeps nobody from anything; restic's own lock still does, while it goes on. */
const FORGOTTEN_MS = LEASE_MS;
/** Checks that are looked back upon beside two for each part: those that went wrong, or looked at less. */
const MORE_CHECKS_READ = 30;
const PRUNES_READ = 20;
const BACKUPS_READ = 50;
const PLANS_PER_READ = 200;
/** Of each plan, in both of its repositories. */
const FORGETS_READ = 30;

export interface RepositoryRoutine {
  stored: StoredRoutine;
  maintainer: Maintainer;
  /** In the order in which they begin; what is left to people is missing. */
  duties: readonly PlannedDuty[];
  retention: RetentionRoutine | undefined;
}

/** How retention by order stands. */
export interface RetentionRoutine {
  /** Plans with a policy for what lies here, and their removals here, newest first. */
  plans: readonly { plan: Plan; runs: readonly Run[] }[];
}

function toCandidate(context: CoreContext, host: Host, { admin }: Repository): Candidate {
  const isAble = hasCapability(host.facts, 'repository.measure');
  return {
    id: host.id,
    name: host.name,
    isOnline: context.directory.isOnline(host.id),
    isDraining: isDraining(host.drain, context.clock.now()),
    // Where only the admin credential removes, one host does it for all.
    isAble: isAble && (admin === undefined || hasCapability(host.facts, 'retention.start')),
  };
}

/** Hosts with a plan into the repository, the one first that opened it last; only those have its secrets anyway. And the one a person chose. */
async function listCandidates(
  context: CoreContext,
  repository: Repository,
  { lease }: Pick<StoredRoutine, 'lease'>,
): Promise<readonly Candidate[]> {
  const { plans, hosts } = context.store;
  const users = await plans.listHostsOfRepository(repository.tenant, repository.id);
  const { testedFrom } = repository;
  const ids = new Set<HostId>([...users, ...(testedFrom && users.length === 0 ? [testedFrom] : [])]);
  if (lease.isFixed && lease.host !== undefined) ids.add(lease.host);
  const found = (await hosts.findHosts(repository.tenant, [...ids])).filter(({ state }) => state === 'active');
  const rank = ({ id }: Host) => (id === testedFrom ? 0 : 1);
  return found.toSorted((a, b) => rank(a) - rank(b)).map((host) => toCandidate(context, host, repository));
}

export async function findMaintainer(context: CoreContext, repository: Repository, stored: StoredRoutine): Promise<Maintainer> {
  return chooseMaintainer(stored.lease, await listCandidates(context, repository, stored), context.clock.now());
}

/** Runs that still count: unfinished, on a host that is there or was a moment ago. */
async function isUnderWay(context: CoreContext, tenant: TenantId, runs: readonly Run[]): Promise<boolean> {
  const open = runs.filter(({ state }) => !isTerminal(state)).map(({ host }) => host);
  if (open.length === 0) return false;
  const hosts = await context.store.hosts.findHosts(tenant, open);
  const since = context.clock.now() - FORGOTTEN_MS;
  return hosts.some(
    ({ id, state, lastSeenAt = 0 }) => state === 'active' && (context.directory.isOnline(id) || lastSeenAt > since),
  );
}

/** Plans that are switched on and have a policy for what lies in the repository: those into it, then those with copies in it. */
async function listRetained(context: CoreContext, { tenant, id }: Repository): Promise<readonly Plan[]> {
  const plans: Plan[] = [];
  for (const place of [{ repository: id }, { copyRepository: id }]) {
    let after: string | undefined;
    do {
      const page = await context.store.plans.listPlans(tenant, { ...place, enabled: true }, { limit: PLANS_PER_READ, after });
      plans.push(...page.rows.filter((plan) => findPolicyThere(plan, id) !== undefined));
      after = page.next;
    } while (after !== undefined);
  }
  return plans;
}

/** Plans whose snapshots only the server has removed, with what it ordered of late. */
async function readRetention(context: CoreContext, repository: Repository): Promise<RetentionRoutine | undefined> {
  if (repository.admin === undefined) return undefined;
  const { tenant, id } = repository;
  const plans: RetentionRoutine['plans'][number][] = [];
  for (const plan of await listRetained(context, repository)) {
    const runs = await context.store.routines.listForgets(tenant, [plan.id], FORGETS_READ);
    plans.push({ plan, runs: runs.filter((run) => run.repository === id) });
  }
  return { plans };
}

/** How a repository stands by its routine, now. */
export async function assessRoutine(
  context: CoreContext,
  repository: Repository,
  stored: StoredRoutine,
): Promise<RepositoryRoutine> {
  const { maintenance } = context.store;
  const { tenant, id } = repository;
  const filling = { repository: id, kind: 'backup', active: true } as const;
  const [checks, prunes, sizes, maintainer, retention, backups] = await Promise.all([
    maintenance.listMaintenanceRuns(tenant, id, 'check', 2 * countParts(stored.settings) + MORE_CHECKS_READ),
    maintenance.listMaintenanceRuns(tenant, id, 'prune', PRUNES_READ),
    maintenance.listSizes(tenant, id, 1),
    findMaintainer(context, repository, stored),
    readRetention(context, repository),
    context.store.runs.listRuns(tenant, filling, { limit: BACKUPS_READ }),
  ]);
  const forgets = retention?.plans.flatMap(({ runs }) => runs) ?? [];
  const duties = planRepository({
    now: context.clock.now(),
    routine: stored.settings,
    since: stored.since,
    checks,
    prunes,
    measuredAt: sizes.at(-1)?.measuredAt,
    isBusy: await isUnderWay(context, tenant, [...checks, ...prunes, ...forgets]),
    isFilled: await isUnderWay(context, tenant, backups.rows),
    hostTrouble: maintainer.trouble,
  });
  return { stored, maintainer, duties, retention };
}

/** How a repository is kept up; undefined for one that is kept up by hand, or that no host has opened yet. */
export async function readRoutine(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
): Promise<RepositoryRoutine | undefined> {
  const repository = await getRepository(context, caller, id);
  const stored = await context.store.routines.findRoutine(caller.tenant, id);
  return stored && repository.engineId !== undefined ? assessRoutine(context, repository, stored) : undefined;
}

/** What people say of it: that all is done by hand, or a routine and who follows it, whoever can unless a host is named. */
export type RoutineWish = { kind: 'by_hand' } | { kind: 'routine'; routine: Routine; maintainer?: HostId | undefined };

async function getChosen(context: CoreContext, caller: Caller, id: HostId): Promise<Host> {
  const host = await context.store.hosts.findHost(caller.tenant, id);
  if (host?.state !== 'active') throw createFieldsError({ maintainer: 'is no approved host' });
  return host;
}

/** Sets it, whole. What was never done is due as long after this as the routine says. `invalid` naming the field at fault. */
export async function setRoutine(context: CoreContext, caller: Caller, id: RepositoryId, wish: RoutineWish): Promise<void> {
  demand(caller, 'repository.manage');
  const repository = await getRepository(context, caller, id);
  const { routines } = context.store;
  const before = await routines.findRoutine(caller.tenant, id);
  if (wish.kind === 'by_hand') await routines.deleteRoutine(caller.tenant, id);
  else {
    const settings = routineSchema.parse(wish.routine);
    const chosen = wish.maintainer === undefined ? undefined : await getChosen(context, caller, wish.maintainer);
    const adapter = getRepositoryAdapter(repository.kind);
    if (chosen && adapter.localPath !== undefined) await demandUser(context, repository, chosen);
    const isAsBefore = chosen === undefined && before?.lease.isFixed === false;
    const lease = isAsBefore ? before.lease : { host: chosen?.id, until: 0, isFixed: chosen !== undefined };
    await routines.saveRoutine({ tenant: caller.tenant, repository: id, settings, since: context.clock.now(), lease });
  }
  await recordAct(context, caller, {
    action: wish.kind === 'by_hand' ? 'repository.routine_removed' : 'repository.routine_set',
    target: { kind: 'repository', id, name: repository.name },
    ...(wish.kind === 'by_hand' ? {} : { change: { ...wish.routine, maintainer: wish.maintainer } }),
  });
  // Hosts are told whether retention is ordered.
  await tellHosts(context, caller, id);
}

/** A directory on a disk is where that disk is. */
async function demandUser(context: CoreContext, repository: Repository, { id, name }: Host): Promise<void> {
  const users = await context.store.plans.listHostsOfRepository(repository.tenant, repository.id);
  if (!users.includes(id) && repository.testedFrom !== id)
    throw createFieldsError({ maintainer: `${name} does not have this directory: no plan of it backs up here` });
}
